//! Making the sockets that nobody has handed over.

use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs, UdpSocket};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{UnixDatagram, UnixListener};

use heirloom_proto::Kind;
use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, getsockname, socket};
use socket2::SockRef;

use super::Passable;
use super::seqpacket::UnixSeqpacketListener;
use crate::address::UnixAddress;

/// A type that can be made from an address.
///
/// ```
/// use heirloom::{Bind, Fds};
///
/// /// Binds each address of a list.
/// fn bind_all<T: Bind>(fds: &Fds, addresses: &[&str]) -> Result<Vec<T>, heirloom::Error> {
///     addresses.iter().map(|address| fds.bind(address)).collect()
/// }
/// # let upgrader = heirloom::testing::first()?;
/// # let all: Vec<std::net::UdpSocket> = bind_all(&upgrader.fds(), &["127.0.0.1:0"])?;
/// # Ok::<(), heirloom::Error>(())
/// ```
pub trait Bind: Passable {
    /// Makes it.
    #[doc(hidden)]
    fn bind(address: &str) -> io::Result<Self>;
}

impl Bind for TcpListener {
    fn bind(address: &str) -> io::Result<Self> {
        let listener = Self::bind(address)?;
        // The standard library queues 128 connections; the kernel's own bound is the better one.
        SockRef::from(&listener).listen(i32::MAX)?;
        Ok(listener)
    }
}

impl Bind for UdpSocket {
    fn bind(address: &str) -> io::Result<Self> {
        Self::bind(address)
    }
}

impl Bind for UnixListener {
    fn bind(address: &str) -> io::Result<Self> {
        let address = free_address(address, SockType::Stream)?;
        Self::bind_addr(&address.to_std()?)
    }
}

impl Bind for UnixDatagram {
    fn bind(address: &str) -> io::Result<Self> {
        let address = free_address(address, SockType::Datagram)?;
        Self::bind_addr(&address.to_std()?)
    }
}

impl Bind for UnixSeqpacketListener {
    fn bind(address: &str) -> io::Result<Self> {
        Self::bind(&free_address(address, SockType::SeqPacket)?)
    }
}

/// Whether a socket is bound where `bind` would bind it.
pub(super) fn is_bound_to(kind: Kind, socket: BorrowedFd<'_>, address: &str) -> bool {
    match kind {
        Kind::TcpListener | Kind::UdpSocket => {
            let bound = SockRef::from(&socket).local_addr();
            is_among(address, bound.ok().and_then(|bound| bound.as_socket()))
        }
        _ => is_named(socket, address),
    }
}

/// Whether `bound` is one of those that `address` stands for. Port 0 stands for any; an address that
/// does not resolve is given the benefit of the doubt, since it could not be bound either.
fn is_among(address: &str, bound: Option<SocketAddr>) -> bool {
    let (Ok(wanted), Some(bound)) = (address.to_socket_addrs(), bound) else {
        return true;
    };
    wanted.into_iter().any(|wanted| {
        wanted.ip() == bound.ip() && (wanted.port() == 0 || wanted.port() == bound.port())
    })
}

/// Whether a socket is bound to this very address, or to any of IPv6 where any of IPv4 is meant and it
/// takes those too, as a socket unit makes it that names a port alone.
#[cfg(feature = "systemd")]
pub(super) fn is_bound_exactly(kind: Kind, socket: BorrowedFd<'_>, address: &str) -> bool {
    if !matches!(kind, Kind::TcpListener | Kind::UdpSocket) {
        return is_named(socket, address);
    }
    let bound = SockRef::from(&socket).local_addr().ok().and_then(|bound| bound.as_socket());
    let (Ok(mut wanted), Some(bound)) = (address.to_socket_addrs(), bound) else {
        return false;
    };
    let takes_any = bound.is_ipv6()
        && bound.ip().is_unspecified()
        && SockRef::from(&socket).only_v6().is_ok_and(|only| !only);
    wanted.any(|wanted| {
        let is_any = takes_any && wanted.is_ipv4() && wanted.ip().is_unspecified();
        wanted.port() == bound.port() && (wanted.ip() == bound.ip() || is_any)
    })
}

fn is_named(socket: BorrowedFd<'_>, address: &str) -> bool {
    let bound = getsockname::<UnixAddr>(socket.as_raw_fd());
    let wanted = UnixAddress::parse(address).ok().and_then(|address| address.to_nix().ok());
    wanted.is_some_and(|wanted| bound.is_ok_and(|bound| bound == wanted))
}

/// Reads a Unix address and makes way there: a path socket on which nobody listens any more is
/// what a process that was killed has left behind.
fn free_address(address: &str, kind: SockType) -> io::Result<UnixAddress> {
    let address = UnixAddress::parse(address)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    if let Some(path) = address.path()
        && std::fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket())
        && is_stale(&address, kind)?
    {
        std::fs::remove_file(path)?;
    }
    Ok(address)
}

fn is_stale(address: &UnixAddress, kind: SockType) -> io::Result<bool> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let probe = socket(AddressFamily::Unix, kind, flags, None)?;
    Ok(connect(probe.as_raw_fd(), &address.to_nix()?) == Err(Errno::ECONNREFUSED))
}
