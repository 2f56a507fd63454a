//! The types that can be handed over.

use std::fs::File;
use std::io;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};

use heirloom_proto::{FileId, Kind};
use nix::libc;
use nix::sys::socket::{UnixAddr, getsockname};
use nix::sys::stat::stat;

use super::seqpacket::UnixSeqpacketListener;
use crate::error::{Error, ErrorKind};
use crate::sys::identity::{SocketType, file_id};

/// A type that can be handed over: borrowed to be sent, owned when it is received.
///
/// The set of types is closed; [`OwnedFd`] takes whatever has none of its own.
///
/// ```
/// use heirloom::{Fds, Passable};
///
/// /// Hands on whatever it is given.
/// fn pass_on<T: Passable>(fds: &Fds, name: &str, passed: &T) -> Result<(), heirloom::Error> {
///     fds.add(name, passed).map(|registration| registration.keep())
/// }
/// # let upgrader = heirloom::testing::first()?;
/// # pass_on(&upgrader.fds(), "null", &std::fs::File::open("/dev/null").unwrap())?;
/// # Ok::<(), heirloom::Error>(())
/// ```
pub trait Passable: AsFd + Sized + sealed::Sealed {
    /// What the entry is called on the wire.
    #[doc(hidden)]
    const KIND: Kind;

    /// Whether it may block.
    #[doc(hidden)]
    const MODE: Mode;

    /// Makes one of a descriptor that was checked to be of this type and in its mode.
    #[doc(hidden)]
    fn from_descriptor(descriptor: OwnedFd) -> io::Result<Self>;

    /// Checks that a descriptor is of this type, whatever anybody says: the kernel is asked.
    #[doc(hidden)]
    fn check(descriptor: BorrowedFd<'_>) -> Result<(), Error> {
        let found = SocketType::of(descriptor)
            .map_err(|error| Error::io(format!("a {} cannot be looked at", Self::KIND), error))?;
        if is_of_kind(Self::KIND, found) {
            return Ok(());
        }
        let found = found.map_or("no socket".into(), |found| format!("{found:?}"));
        let text = format!("the descriptor is no {}: the kernel says {found}", Self::KIND);
        Err(Error::new(ErrorKind::WrongType, text))
    }
}

/// Whether a type blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(hidden)]
pub enum Mode {
    /// Its users do not care.
    Any,
    /// As [`Fds::nonblocking`](super::Fds::nonblocking) tells.
    Chosen,
    /// Never: a runtime polls it.
    Nonblocking,
}

/// Whether what the kernel tells fits the kind.
fn is_of_kind(kind: Kind, found: Option<SocketType>) -> bool {
    let Some(socket) = found else {
        return matches!(kind, Kind::File | Kind::Descriptor);
    };
    let internet = matches!(socket.domain, libc::AF_INET | libc::AF_INET6);
    let unix = socket.domain == libc::AF_UNIX;
    let stream = socket.kind == libc::SOCK_STREAM;
    let datagram = socket.kind == libc::SOCK_DGRAM;
    match kind {
        Kind::TcpListener => internet && stream && socket.listening,
        Kind::UdpSocket => internet && datagram,
        Kind::UnixListener => unix && stream && socket.listening,
        Kind::UnixDatagram => unix && datagram,
        Kind::UnixSeqpacketListener => {
            unix && socket.kind == libc::SOCK_SEQPACKET && socket.listening
        }
        Kind::TcpStream => internet && stream && !socket.listening,
        Kind::UnixStream => unix && stream && !socket.listening,
        Kind::Descriptor => true,
        _ => false,
    }
}

/// The file that a Unix socket is bound to, as it is there now.
pub(super) fn bound_path(socket: BorrowedFd<'_>) -> Option<FileId> {
    let address: UnixAddr = getsockname(socket.as_raw_fd()).ok()?;
    stat(address.path()?).ok().map(|stat| file_id(&stat))
}

macro_rules! passable {
    ($($type:ty => $kind:ident, $mode:ident;)*) => {
        $(
            impl Passable for $type {
                const KIND: Kind = Kind::$kind;
                const MODE: Mode = Mode::$mode;

                fn from_descriptor(descriptor: OwnedFd) -> io::Result<Self> {
                    Ok(Self::from(descriptor))
                }
            }

            impl sealed::Sealed for $type {}
        )*
    };
}

passable! {
    TcpListener => TcpListener, Chosen;
    UdpSocket => UdpSocket, Chosen;
    UnixListener => UnixListener, Chosen;
    UnixDatagram => UnixDatagram, Chosen;
    UnixSeqpacketListener => UnixSeqpacketListener, Chosen;
    TcpStream => TcpStream, Chosen;
    UnixStream => UnixStream, Chosen;
    File => File, Any;
    OwnedFd => Descriptor, Any;
}

pub(super) mod sealed {
    /// Keeps the set of types closed, so that one can be added without breaking anybody.
    pub trait Sealed {}
}
