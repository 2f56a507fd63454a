//! tokio's types. Their sockets never block, so one that was registered blocking is refused.

use std::io;
use std::os::fd::OwnedFd;

use ::tokio::net::{TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixStream};
use ::tokio::runtime::Handle;
use heirloom_proto::Kind;

use super::passable::{Mode, sealed};
use super::{Bind, Passable};

macro_rules! passable {
    ($($type:ty, $std:ty => $kind:ident;)*) => {
        $(
            impl Passable for $type {
                const KIND: Kind = Kind::$kind;
                const MODE: Mode = Mode::Nonblocking;

                fn from_descriptor(descriptor: OwnedFd) -> io::Result<Self> {
                    check_runtime()?;
                    Self::from_std(<$std>::from(descriptor))
                }
            }

            impl sealed::Sealed for $type {}
        )*
    };
}

macro_rules! bind {
    ($($type:ty, $std:ty;)*) => {
        $(
            impl Bind for $type {
                fn bind(address: &str) -> io::Result<Self> {
                    let socket = <$std as Bind>::bind(address)?;
                    socket.set_nonblocking(true)?;
                    Self::from_descriptor(socket.into())
                }
            }
        )*
    };
}

passable! {
    TcpListener, std::net::TcpListener => TcpListener;
    UdpSocket, std::net::UdpSocket => UdpSocket;
    UnixListener, std::os::unix::net::UnixListener => UnixListener;
    UnixDatagram, std::os::unix::net::UnixDatagram => UnixDatagram;
    TcpStream, std::net::TcpStream => TcpStream;
    UnixStream, std::os::unix::net::UnixStream => UnixStream;
}

bind! {
    TcpListener, std::net::TcpListener;
    UdpSocket, std::net::UdpSocket;
    UnixListener, std::os::unix::net::UnixListener;
    UnixDatagram, std::os::unix::net::UnixDatagram;
}

/// tokio panics where there is no runtime to poll a socket.
fn check_runtime() -> io::Result<()> {
    Handle::try_current().map(drop).map_err(io::Error::other)
}
