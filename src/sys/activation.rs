//! The descriptors that a service manager has started this process with: see `sd_listen_fds(3)`.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use nix::libc;

/// One of them.
pub(crate) struct Listened {
    pub(crate) name: String,
    pub(crate) duplicate: OwnedFd,
    pub(crate) original: Original,
}

/// The number of one that is open from the start of the process on.
#[derive(Debug)]
pub(crate) struct Original(RawFd);

/// Duplicates of them, with their names. None if they were meant for another process.
///
/// They are duplicates because several upgraders may ask, and the application itself. The originals
/// stay open and become close-on-exec; the environment stays as it is.
pub(crate) fn listen_descriptors() -> io::Result<Vec<Listened>> {
    let named = sd_notify::listen_fds_with_names()?;
    let listened = |(number, name)| {
        Ok(Listened { name, duplicate: duplicate(number)?, original: Original(number) })
    };
    named.map(listened).collect()
}

impl Original {
    /// Puts the null device in its place, if it still is what was passed. The number stays in use, so
    /// that whoever believes it is his own may close it.
    pub(crate) fn vacate(self, is_it: impl FnOnce(BorrowedFd<'_>) -> bool) -> io::Result<()> {
        if !is_it(duplicate(self.0)?.as_fd()) {
            return Ok(());
        }
        let null = File::open("/dev/null")?;
        // SAFETY: the call takes integers; what it closes was given to this process to keep or to close.
        match unsafe { libc::dup3(null.as_raw_fd(), self.0, libc::O_CLOEXEC) } {
            -1 => Err(io::Error::last_os_error()),
            _ => Ok(()),
        }
    }
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
