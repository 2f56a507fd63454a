//! What the kernel tells of a process.

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use super::sys;

/// How many descriptors it has open.
pub(crate) fn descriptors(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count()
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
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    let numbers = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let peer = |number| {
        let copy = TcpStream::from(sys::copy_descriptor(&process, number)?);
        Some(copy.peer_addr().ok()?.port())
    };
    numbers.filter_map(peer).collect()
}

fn state(pid: u32) -> Option<char> {
    let stat = fs::read_to_string(Path::new(&format!("/proc/{pid}/stat"))).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}
