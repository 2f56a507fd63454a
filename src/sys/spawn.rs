//! Starting a process that inherits nothing but its standard streams.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};

use nix::errno::Errno;
use nix::libc;

/// Spawns `command`; every descriptor above 2 is closed by `exec`, also those that the application
/// has opened without close-on-exec. See `close_range(2)`, Linux 5.11 for the flag.
pub(crate) fn spawn(command: &mut Command) -> io::Result<Child> {
    // SAFETY: between fork and exec the closure makes one system call and nothing else: no
    // allocation, no lock.
    unsafe { command.pre_exec(close_above_standard_streams) };
    command.spawn()
}

fn close_above_standard_streams() -> io::Result<()> {
    // SAFETY: the call takes integers and only sets the close-on-exec flag of this process's copies.
    let result = unsafe {
        libc::syscall(
            libc::SYS_close_range,
            3,
            libc::c_uint::MAX,
            libc::CLOSE_RANGE_CLOEXEC as libc::c_uint,
        )
    };
    match result {
        0 => Ok(()),
        // An older kernel: what was opened with close-on-exec is closed all the same.
        _ if matches!(Errno::last(), Errno::ENOSYS | Errno::EINVAL) => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
