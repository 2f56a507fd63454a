//! Listeners that a service manager has made: `sd_listen_fds(3)`.

use std::convert::Infallible;
use std::env;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::{self, Command};

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use socket2::SockRef;

use crate::role::Role;

/// Whether somebody has passed listeners to this very process.
pub fn is_activated() -> bool {
    env::var(PID).is_ok_and(|pid| pid == process::id().to_string())
}

/// Stands in for systemd with its socket units: makes what `role` listens on, and executes this program
/// again with it. Returns only if that fails.
pub fn activate(role: &Role) -> io::Error {
    let made = match role {
        Role::Hold(listeners) => listeners.bind(),
        Role::Serve(address) => tcp(*address),
    };
    match made.and_then(|sockets| pass(&sockets)) {
        Ok(never) => match never {},
        Err(error) => error,
    }
}

/// The listeners that were passed, each looked at. They stay open beside these borrows, and without
/// `FD_CLOEXEC`: that is how a successor inherits them.
///
/// # Errors
///
/// If there are not `count` listeners.
pub fn listeners(count: usize) -> io::Result<Vec<BorrowedFd<'static>>> {
    let told = env::var(COUNT).ok().and_then(|told| told.parse().ok());
    if told != Some(count) {
        return Err(io::Error::other(format!(
            "{count} listeners expected, LISTEN_FDS says {told:?}"
        )));
    }
    (FIRST..).take(count).map(listener).collect()
}

fn listener(number: RawFd) -> io::Result<BorrowedFd<'static>> {
    // SAFETY: it was passed to this process for good, and nobody closes it.
    let descriptor = unsafe { BorrowedFd::borrow_raw(number) };
    match SockRef::from(&descriptor).is_listener()? {
        true => Ok(descriptor),
        false => Err(io::Error::other(format!("descriptor {number} does not listen"))),
    }
}

fn tcp(address: SocketAddr) -> io::Result<Vec<OwnedFd>> {
    let listener = TcpListener::bind(address)?;
    SockRef::from(&listener).listen(i32::MAX)?; // as many as the kernel allows
    listener.set_nonblocking(true)?;
    Ok(vec![listener.into()])
}

/// Has nothing to return when it succeeds: this process is another program then.
fn pass(sockets: &[OwnedFd]) -> io::Result<Infallible> {
    for (socket, expected) in sockets.iter().zip(FIRST..) {
        if socket.as_raw_fd() != expected {
            return Err(io::Error::other(format!("descriptor {expected} is in use")));
        }
        fcntl(socket, FcntlArg::F_SETFD(FdFlag::empty()))?;
    }
    Err(Command::new(env::current_exe()?)
        .args(env::args().skip(1))
        .env(PID, process::id().to_string())
        .env(COUNT, sockets.len().to_string())
        .exec())
}

const PID: &str = "LISTEN_PID";
const COUNT: &str = "LISTEN_FDS";

/// Number of the first descriptor that is passed: `SD_LISTEN_FDS_START`.
const FIRST: RawFd = 3;
