//! A file that nobody can open, and no program begin from, for as long as a test likes.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;

use nix::libc;

use super::wait_until;

/// A write lease: whoever opens the file waits in `open(2)` or `execve(2)` until the lease is let go, as
/// on a file system that hangs. The kernel takes it away after 45 s. See `fcntl(2)`.
pub(crate) struct Lease(File);

impl Lease {
    /// The file must be open nowhere, and run by nobody.
    pub(crate) fn take(path: &Path) -> Self {
        /// Not in the `libc` crate for every platform.
        const F_SETSIG: libc::c_int = 10;
        let lease = Self(File::open(path).unwrap());
        // The signal that tells of somebody who waits would end this process; this one is ignored.
        lease.control(F_SETSIG, libc::SIGURG);
        lease.control(libc::F_SETLEASE, libc::F_WRLCK);
        lease
    }

    /// Waits until somebody waits for the file.
    pub(crate) fn expect_waiter(&self) {
        let is_wanted = || self.control(libc::F_GETLEASE, 0) != libc::F_WRLCK;
        wait_until(is_wanted, || "nobody opens the file".into());
    }

    fn control(&self, command: libc::c_int, argument: libc::c_int) -> libc::c_int {
        // SAFETY: the descriptor is open, and each of these commands takes an integer or nothing.
        let result = unsafe { libc::fcntl(self.0.as_raw_fd(), command, argument) };
        assert!(result >= 0, "{}", io::Error::last_os_error());
        result
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // A child that was forked meanwhile has a copy, so closing it does not do.
        self.control(libc::F_SETLEASE, libc::F_UNLCK);
    }
}
