//! How many descriptors this process may still open.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

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

/// How many are open; without `/proc` a guess that suits a process which has just begun.
fn open_descriptors() -> u64 {
    const GUESS: u64 = 64;
    match std::fs::read_dir("/proc/self/fd") {
        // The listing itself takes one while it lasts.
        Ok(entries) => (entries.count() as u64).saturating_sub(1),
        Err(_) => GUESS,
    }
}
