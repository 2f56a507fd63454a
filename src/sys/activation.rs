//! The descriptors that a service manager has started this process with: see `sd_listen_fds(3)`.

use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

use nix::libc;

/// Duplicates of them, with their names. None if they were meant for another process.
///
/// They are duplicates because several upgraders may ask, and the application itself. The originals
/// stay open and become close-on-exec; the environment stays as it is.
pub(crate) fn listen_descriptors() -> io::Result<Vec<(String, OwnedFd)>> {
    let named = sd_notify::listen_fds_with_names()?;
    named.map(|(number, name)| Ok((name, duplicate(number)?))).collect()
}

fn duplicate(number: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: the call takes integers; a number that is not open is an error.
    let copy = unsafe { libc::fcntl(number, libc::F_DUPFD_CLOEXEC, libc::STDERR_FILENO + 1) };
    match copy {
        -1 => Err(io::Error::last_os_error()),
        // SAFETY: the kernel has just made this descriptor for the caller.
        copy => Ok(unsafe { OwnedFd::from_raw_fd(copy) }),
    }
}
