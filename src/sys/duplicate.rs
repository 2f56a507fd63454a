//! Duplicates of a descriptor at a number of the caller's choice.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use nix::libc;

/// A duplicate that is close-on-exec, at the first number from `least` on that is free. See `fcntl(2)`.
pub(crate) fn duplicate_from(descriptor: BorrowedFd<'_>, least: u32) -> io::Result<OwnedFd> {
    let least = least.min(libc::c_int::MAX.cast_unsigned()).cast_signed();
    // SAFETY: the call takes integers.
    match unsafe { libc::fcntl(descriptor.as_raw_fd(), libc::F_DUPFD_CLOEXEC, least) } {
        -1 => Err(io::Error::last_os_error()),
        // SAFETY: the kernel has just made this descriptor for the caller.
        number => Ok(unsafe { OwnedFd::from_raw_fd(number) }),
    }
}
