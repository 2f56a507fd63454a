//! What a predecessor hands over for its control listener.

use std::fmt;
use std::os::fd::{AsRawFd, BorrowedFd};

use heirloom_proto::PeerMisbehaved;
use nix::sys::socket::sockopt::{AcceptConn, SockType as Type};
use nix::sys::socket::{SockType, UnixAddr, getpeername, getsockname, getsockopt};

/// Checks that `listener` is the socket through which `connection` was made. Both have the name that it
/// was bound by, however it is spelled here and in whichever mount namespace: see `unix(7)`.
///
/// # Errors
///
/// What it is instead.
pub(super) fn check(
    listener: BorrowedFd<'_>,
    connection: BorrowedFd<'_>,
) -> Result<(), PeerMisbehaved> {
    let met_at = Name(getpeername(connection.as_raw_fd()).ok());
    let name = Name(getsockname(listener.as_raw_fd()).ok());
    let is_of_type = getsockopt(&listener, Type) == Ok(SockType::SeqPacket);
    let listens = getsockopt(&listener, AcceptConn) == Ok(true);
    if is_of_type && listens && name == met_at {
        return Ok(());
    }
    let found = match (is_of_type, listens) {
        (false, _) => "no SOCK_SEQPACKET socket".into(),
        (true, false) => "a socket that does not listen".into(),
        (true, true) => format!("a socket that listens at {name}"),
    };
    Err(PeerMisbehaved::ControlListener { found, met_at: met_at.to_string() })
}

/// The name of a Unix socket, if it is one.
#[derive(PartialEq, Eq)]
struct Name(Option<UnixAddr>);

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(name) => name.fmt(f),
            None => f.write_str("an address of another family"),
        }
    }
}
