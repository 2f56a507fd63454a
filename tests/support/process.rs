//! What the kernel tells of a process.

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use socket2::{Domain, SockRef, Type};

use super::{sys, wait_until};

/// How many descriptors it has open.
pub(crate) fn descriptors(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count()
}

/// Waits until it has so many descriptors open, connections of clients apart, and no child that has
/// ended and is not waited for.
pub(crate) fn expect_level(pid: u32, descriptors: usize) {
    let is = || own_descriptors(pid) == descriptors && zombies(pid).is_empty();
    wait_until(is, || {
        let (open, zombies) = (own_descriptors(pid), zombies(pid));
        format!("process {pid} has {open} descriptors, not {descriptors}, and zombies {zombies:?}")
    });
}

/// How many descriptors it has open beside the connections of clients, which come and go.
pub(crate) fn own_descriptors(pid: u32) -> usize {
    let Some(process) = sys::open_process(pid) else {
        return 0;
    };
    let is_own = |number: &i32| match fs::read_link(format!("/proc/{pid}/fd/{number}")) {
        // Nothing else is copied: a copy of the token would keep its lock for a moment.
        Ok(link) if link.to_string_lossy().starts_with("socket:") => {
            sys::copy_descriptor(&process, *number).is_some_and(|copy| !is_tcp_connection(&copy))
        }
        // It may have been closed since it was listed.
        link => link.is_ok(),
    };
    numbers(pid).filter(is_own).count()
}

fn is_tcp_connection(socket: &OwnedFd) -> bool {
    let socket = SockRef::from(socket);
    socket.domain().is_ok_and(|domain| [Domain::IPV4, Domain::IPV6].contains(&domain))
        && socket.r#type().is_ok_and(|kind| kind == Type::STREAM)
        && socket.is_listener().is_ok_and(|listens| !listens)
}

fn numbers(pid: u32) -> impl Iterator<Item = i32> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}

/// The limit of open descriptors that leaves it so many free slots: it bounds their numbers, and not
/// how many there are.
pub(crate) fn limit_that_leaves(pid: u32, slots: usize) -> u64 {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    let numbers = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let open: BTreeSet<u64> = numbers.collect();
    let mut free = (0..).filter(|number| !open.contains(number));
    free.nth(slots).unwrap()
}

/// How long its threads have run so far, in the kernel too. See `proc(5)`.
pub(crate) fn processor_time(pid: u32) -> Duration {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let nanoseconds = threads.map(|thread| {
        let times = fs::read_to_string(thread.unwrap().path().join("schedstat")).unwrap();
        times.split(' ').next().unwrap().parse::<u64>().unwrap()
    });
    Duration::from_nanos(nanoseconds.sum())
}

/// How long the library's thread of it has been on a processor. See the kernel's `sched-stats`.
pub(crate) fn driver_time(pid: u32) -> Duration {
    let is_driver = |task: &PathBuf| {
        fs::read_to_string(task.join("comm")).is_ok_and(|name| name.trim() == "heirloom")
    };
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    time_of(&tasks.map(|task| task.unwrap().path()).find(is_driver).unwrap())
}

/// The system call that each of the library's threads is in, with its arguments, or `running`: see
/// `proc_pid_syscall(5)`. The driver is `heirloom`, each of the others `heirloom-` and what it is for.
pub(crate) fn library_calls(pid: u32) -> Vec<String> {
    let read = |task: &Path, file| fs::read_to_string(task.join(file)).unwrap_or_default();
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let tasks = tasks.map(|task| task.unwrap().path());
    let library = tasks.filter(|task| read(task, "comm").starts_with("heirloom"));
    library.map(|task| read(&task, "syscall")).collect()
}

/// How long this very thread has been.
pub(crate) fn own_time() -> Duration {
    time_of(Path::new("/proc/thread-self"))
}

fn time_of(task: &Path) -> Duration {
    let times = fs::read_to_string(task.join("schedstat")).unwrap();
    Duration::from_nanos(times.split(' ').next().unwrap().parse().unwrap())
}

/// Whether it has taken a lock with `flock(2)` and holds it, by what the kernel tells of each of its
/// descriptors: see `proc_pid_fdinfo(5)`. The list of everybody's locks is no place to look, since
/// it changes between one page and the next.
pub(crate) fn holds_lock(pid: u32) -> bool {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fdinfo")) else {
        return false; // it has just ended
    };
    let texts = entries.filter_map(|entry| fs::read_to_string(entry.ok()?.path()).ok());
    // `lock: 1: FLOCK ADVISORY WRITE <pid> ..`: a child that was forked holds its parent's.
    let is_own = |text: String| {
        let locks =
            text.lines().filter(|line| line.starts_with("lock:") && line.contains(" FLOCK "));
        let mut takers = locks.filter_map(|lock| lock.split_whitespace().nth(5)?.parse().ok());
        takers.any(|taker: u32| taker == pid)
    };
    texts.into_iter().any(is_own)
}

/// Its children that have ended and that it has not waited for.
pub(crate) fn zombies(pid: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let children = threads
        .filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("children")).ok())
        .collect::<String>();
    let pids = children.split_whitespace().map(|child| child.parse().unwrap());
    pids.filter(|child| state(*child) == Some('Z')).collect()
}

/// The ports of the clients whose TCP connections it has accepted.
pub(crate) fn clients(pid: u32) -> BTreeSet<u16> {
    let Some(process) = sys::open_process(pid) else {
        return BTreeSet::new();
    };
    let peer = |number| {
        let copy = TcpStream::from(sys::copy_descriptor(&process, number)?);
        Some(copy.peer_addr().ok()?.port())
    };
    numbers(pid).filter_map(peer).collect()
}

fn state(pid: u32) -> Option<char> {
    let stat = fs::read_to_string(Path::new(&format!("/proc/{pid}/stat"))).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}
