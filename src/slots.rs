//! How many descriptors this process may still open.

use std::io;

use nix::libc;
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

/// The way out of an error that comes of a limit of descriptors, to be told behind it; nothing for
/// any other. See `open(2)`.
pub(crate) fn way_out(error: &io::Error) -> &'static str {
    match error.raw_os_error() {
        Some(libc::EMFILE) => "; no descriptor slot is left in this process: raise LimitNOFILE",
        Some(libc::ENFILE) => "; no file is left on this machine: raise fs.file-max",
        _ => "",
    }
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
