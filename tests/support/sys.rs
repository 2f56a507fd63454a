//! The system calls that no crate at hand wraps safely.

use std::ffi::CString;
use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Instant;

use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::DEADLINE;

/// How much fits into a file system of [`mount_tmpfs`]: a few pages of the largest size.
pub(crate) const TMPFS_BYTES: usize = 1 << 18;

/// Makes this process the parent of whoever loses his own. See `prctl(2)`.
pub(crate) fn adopt_orphans() {
    // SAFETY: the call takes integers.
    let result = unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) };
    assert_eq!(result, 0, "{}", io::Error::last_os_error());
}

/// Waits for every child in a process group that was killed. See `waitpid(2)`.
pub(crate) fn reap(group: u32) {
    loop {
        // SAFETY: a null status is allowed; the call takes integers otherwise.
        let pid = unsafe { libc::waitpid(-group.cast_signed(), std::ptr::null_mut(), 0) };
        if pid < 0 && Errno::last() != Errno::EINTR {
            return;
        }
    }
}

/// Waits until a process has ended, whosever child it is. Tells whether it has.
pub(crate) fn wait_for_end(pid: u32) -> bool {
    match open_process(pid) {
        Some(process) => wait_readable(&process),
        None => Errno::last() == Errno::ESRCH,
    }
}

/// A descriptor of a process. See `pidfd_open(2)`.
pub(crate) fn open_process(pid: u32) -> Option<OwnedFd> {
    // SAFETY: pidfd_open takes integers and returns a new descriptor or -1.
    let number = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    own(number)
}

/// A copy of another process's descriptor. See `pidfd_getfd(2)`.
pub(crate) fn copy_descriptor(process: &OwnedFd, number: i32) -> Option<OwnedFd> {
    // SAFETY: pidfd_getfd takes integers and returns a new descriptor or -1.
    let copy = unsafe { libc::syscall(libc::SYS_pidfd_getfd, process.as_raw_fd(), number, 0) };
    own(copy)
}

#[expect(clippy::disallowed_methods, reason = "a descriptor becomes owned where it is made")]
fn own(number: libc::c_long) -> Option<OwnedFd> {
    let number = i32::try_from(number).ok().filter(|number| *number >= 0)?;
    // SAFETY: the kernel has just made this descriptor for the caller.
    Some(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Waits until a descriptor is readable or the deadline has come. Tells whether it is.
pub(crate) fn wait_readable(descriptor: &impl AsFd) -> bool {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = PollTimeout::try_from(left).unwrap();
        let mut polled = [PollFd::new(descriptor.as_fd(), PollFlags::POLLIN)];
        match poll(&mut polled, timeout) {
            Err(Errno::EINTR) => {}
            result => return result.unwrap() > 0,
        }
    }
}

/// Forks a child that keeps a copy of every descriptor of this process and does nothing.
pub(crate) fn fork_idle_child() -> libc::pid_t {
    // SAFETY: the child makes async-signal-safe calls only, and never returns.
    match unsafe { libc::fork() } {
        0 => loop {
            // SAFETY: takes no arguments.
            unsafe { libc::pause() };
        },
        child => child,
    }
}

/// Lays an empty file system over a folder. See `mount(2)`, `tmpfs(5)`.
pub(crate) fn mount_tmpfs(place: &Path, read_only: bool) {
    let place = path_of(place);
    let options = CString::new(format!("size={TMPFS_BYTES}")).unwrap();
    let flags = if read_only { libc::MS_RDONLY } else { 0 };
    let (kind, data) = (c"tmpfs".as_ptr(), options.as_ptr().cast());
    // SAFETY: every pointer is to a string that ends in a NUL and outlives the call.
    let result = unsafe { libc::mount(kind, place.as_ptr(), kind, flags, data) };
    assert_eq!(result, 0, "{}", io::Error::last_os_error());
}

/// Takes away what was laid over a folder, though it may be in use. See `umount2(2)`.
pub(crate) fn unmount(place: &Path) {
    let place = path_of(place);
    // SAFETY: the pointer is to a string that ends in a NUL and outlives the call.
    let result = unsafe { libc::umount2(place.as_ptr(), libc::MNT_DETACH) };
    assert_eq!(result, 0, "{}", io::Error::last_os_error());
}

fn path_of(place: &Path) -> CString {
    CString::new(place.as_os_str().as_bytes()).unwrap()
}

/// Lowers the limit of open descriptors of another process. See `prlimit(2)`.
pub(crate) fn limit_descriptors(pid: u32, most: u64) {
    let limit = libc::rlimit { rlim_cur: most, rlim_max: most };
    let old = std::ptr::null_mut();
    // SAFETY: the new limit is a live value, and none is asked for.
    let result = unsafe { libc::prlimit(pid.cast_signed(), libc::RLIMIT_NOFILE, &limit, old) };
    assert_eq!(result, 0, "{}", io::Error::last_os_error());
}

/// The processes of a group that have not ended, by `/proc`.
pub(crate) fn members(group: u32) -> Vec<u32> {
    let pids = fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter(|pid| is_member(*pid, group)).collect()
}

fn is_member(pid: u32, group: u32) -> bool {
    let stat = stat(Path::new(&format!("/proc/{pid}")));
    stat.is_some_and(|(state, of_group)| of_group == group && !matches!(state, 'Z' | 'X'))
}

/// Whether every thread of a process is stopped.
pub(crate) fn is_frozen(pid: u32) -> bool {
    let mut threads = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    threads.all(|thread| stat(&thread.unwrap().path()).is_none_or(|(state, _)| state == 'T'))
}

/// State and process group. See `proc_pid_stat(5)`: pid, name in brackets, state, parent, group.
fn stat(process: &Path) -> Option<(char, u32)> {
    let stat = fs::read_to_string(process.join("stat")).ok()?;
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    Some((fields.next()?.parse().ok()?, fields.nth(1)?.parse().ok()?))
}
