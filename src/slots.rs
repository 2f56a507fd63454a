//! How many descriptors this process may still open.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::fs::MetadataExt;

use nix::libc;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::sys::duplicate::duplicate_from;

/// Raises the soft limit to the hard one and tells how many slots are left. See `getrlimit(2)`.
pub(crate) fn free_slots() -> u64 {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else {
        return 0;
    };
    let limit = match setrlimit(Resource::RLIMIT_NOFILE, hard, hard) {
        Ok(()) => hard,
        Err(_) => soft,
    };
    limit.saturating_sub(open_descriptors())
}

/// Makes room for descriptors that are about to come, at once, and for the duplicates with which the
/// application claims them where that costs nothing. `latest` is the one opened last.
///
/// Linux grows the table of a process to the next power of two whenever it is full, and where the process
/// has several threads waits each time until no processor looks at the old one (`expand_fdtable` in
/// `fs/file.c`), which has been measured to take from 5 to 15 ms. A duplicate at the far end makes it large
/// enough in one go. One that was spawned by a process with as many has a table as large to begin with. If
/// there is no duplicate to be had, the table grows as it would have.
pub(crate) fn make_room(latest: BorrowedFd<'_>, expected: u64) {
    let limit = getrlimit(Resource::RLIMIT_NOFILE).map_or(0, |(soft, _)| soft);
    let opened = u64::from(latest.as_raw_fd().unsigned_abs());
    let is_possible = |far: &u64| *far < limit;
    let once = opened.checked_add(expected).filter(is_possible);
    let twice = once.filter(|_| has_one_thread()).and_then(|once| once.checked_add(expected));
    // More than is possible has no need of room: it fails.
    if let Some(far) = twice.filter(is_possible).or(once).and_then(|far| u32::try_from(far).ok()) {
        drop(duplicate_from(latest, far));
    }
}

/// Whether nothing but this thread lives in this process: each has a folder, which `.` and `..` link to.
fn has_one_thread() -> bool {
    const WITHOUT_ANY: u64 = 2;
    std::fs::metadata("/proc/self/task").is_ok_and(|tasks| tasks.nlink() == WITHOUT_ANY + 1)
}

/// The way out of an error that comes of a limit of descriptors or of memory, to be told behind it;
/// nothing for any other. See `open(2)`, `socket(2)`.
pub(crate) fn way_out(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(libc::EMFILE) => {
            format!("; no descriptor slot is left in this process{}", limit_to_raise())
        }
        Some(libc::ENFILE) => "; no file is left on this machine: raise fs.file-max".into(),
        Some(libc::ENOMEM | libc::ENOBUFS) => {
            "; no memory is left for it: raise MemoryMax or LimitAS, or free some on this machine"
                .into()
        }
        _ => String::new(),
    }
}

fn limit_to_raise() -> String {
    match getrlimit(Resource::RLIMIT_NOFILE) {
        Ok((soft, hard)) => {
            // A process may raise the one up to the other by itself.
            let or = if soft < hard { "raise the soft one, or" } else { "raise" };
            format!(", its limit is {soft}, the hard one {hard}: {or} LimitNOFILE")
        }
        Err(_) => ": raise LimitNOFILE".into(),
    }
}

/// How many are open; without `/proc` a guess that suits a process which has just begun.
fn open_descriptors() -> u64 {
    match std::fs::metadata("/proc/self/fd") {
        // Linux 6.2 tells it as the size of the folder.
        Ok(folder) if folder.len() > 0 => folder.len(),
        _ => listed_descriptors(),
    }
}

fn listed_descriptors() -> u64 {
    const GUESS: u64 = 64;
    match std::fs::read_dir("/proc/self/fd") {
        // The listing itself takes one while it lasts.
        Ok(entries) => (entries.count() as u64).saturating_sub(1),
        // Not even that one is left.
        Err(error) if error.raw_os_error() == Some(libc::EMFILE) => u64::MAX,
        Err(_) => GUESS,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn the_kernel_and_a_listing_tell_one_number() {
        // Other tests open and close some meanwhile.
        let agree = || open_descriptors() == listed_descriptors();
        assert!((0..1_000).any(|_| agree()));
    }

    #[test]
    fn the_table_of_descriptors_grows_to_what_is_expected_at_once() {
        let (limit, _) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        let expected = limit.min(3_000) / 2;
        make_room(io::stderr().as_fd(), expected);
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let size = status.lines().find_map(|line| line.strip_prefix("FDSize:")).unwrap();
        let size: u64 = size.trim().parse().unwrap();
        assert!(size >= expected, "there is room for {size}, {expected} are expected");
    }

    /// Nothing but the machine's own limit could make a process meet this.
    #[test]
    fn limits_of_the_machine_are_named_and_other_errors_are_not() {
        let told = |errno| way_out(&io::Error::from_raw_os_error(errno));
        assert_eq!(told(libc::ENFILE), "; no file is left on this machine: raise fs.file-max");
        for errno in [libc::ENOMEM, libc::ENOBUFS] {
            assert!(told(errno).contains("raise MemoryMax or LimitAS"));
        }
        assert_eq!(told(libc::EACCES), "");
    }
}
