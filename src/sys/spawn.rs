//! Starting a process that inherits nothing but its standard streams.

use std::io;
use std::process::{Child, Command};

use nix::errno::Errno;
use nix::libc;

/// Spawns `command`; every descriptor above 2 is closed by `exec`, also those that the application has
/// opened without close-on-exec.
///
/// To be called on a thread of its own, which ends when the program has begun: it has a table of
/// descriptors of its own from here on, in which all of them are close-on-exec, and the process keeps its
/// own as it is. So nothing has to be done between fork and exec, and the standard library can use
/// `posix_spawn(3)`, which copies no memory: a fork copies the page tables of the whole service while that
/// serves.
///
/// Two things follow. Whatever closes a descriptor on that thread closes it in that table alone, so nothing
/// that owns one may be dropped there. And until the program has begun, which may be never where `execve(2)`
/// hangs, what was open at the start stays open there, and the thread hears no signal: neither does the one
/// hear that `setuid(2)` has every thread do.
pub(crate) fn spawn(command: &mut Command) -> io::Result<Child> {
    close_above_standard_streams_on_exec()?;
    command.spawn()
}

/// For this thread alone: see `close_range(2)`, Linux 5.11 for the flag.
fn close_above_standard_streams_on_exec() -> io::Result<()> {
    let flags = libc::CLOSE_RANGE_UNSHARE | libc::CLOSE_RANGE_CLOEXEC;
    let (first, last) = (libc::STDERR_FILENO + 1, libc::c_uint::MAX);
    // SAFETY: the call takes integers, copies this thread's table of descriptors and sets flags in it.
    match unsafe { libc::syscall(libc::SYS_close_range, first, last, flags) } {
        0 => Ok(()),
        // An older kernel, or a filter that does not know the call: what was opened with close-on-exec is
        // closed all the same.
        _ if matches!(Errno::last(), Errno::ENOSYS | Errno::EINVAL | Errno::EPERM) => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
