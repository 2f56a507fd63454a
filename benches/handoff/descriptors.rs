//! What is passed: Unix listeners on abstract names, each a socket of its own.

use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::process;

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Descriptors that a process has beside those that are passed, with room to spare.
pub(crate) const MARGIN: usize = 100;

/// Whether a process may hold so many.
pub(crate) fn fits(count: usize, limit: usize) -> bool {
    count + MARGIN <= limit
}

/// Lets this process open as many descriptors as it may, and more where it may say so itself. Tells how
/// many.
pub(crate) fn raise_limit() -> io::Result<usize> {
    const WANTED: u64 = 100_000 + 2 * MARGIN as u64;
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if hard < WANTED && setrlimit(Resource::RLIMIT_NOFILE, WANTED, WANTED).is_ok() {
        return Ok(WANTED as usize);
    }
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    Ok(usize::try_from(hard).unwrap_or(usize::MAX))
}

/// The listener of this number, of this process alone.
pub(crate) fn listener(number: usize) -> io::Result<UnixListener> {
    let name = format!("heirloom-bench-{}-{number}", process::id());
    UnixListener::bind_addr(&SocketAddr::from_abstract_name(name)?)
}
