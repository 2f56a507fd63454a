//! A listener for sequential-packet sockets, which the standard library has no type for.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::sys::socket::{AddressFamily, Backlog, SockFlag, SockType, bind, listen, socket};

use crate::address::UnixAddress;
use crate::sys::channel::accept;

/// A Unix socket that keeps message boundaries and listens.
///
/// ```
/// use heirloom::{UnixSeqpacketListener, testing};
///
/// let upgrader = testing::first()?;
/// let name = format!("@packets-{}", std::process::id());
/// let listener: UnixSeqpacketListener = upgrader.fds().bind(&name)?;
/// # Ok::<(), heirloom::Error>(())
/// ```
#[derive(Debug)]
pub struct UnixSeqpacketListener(OwnedFd);

impl UnixSeqpacketListener {
    /// Listens on a path or an abstract name.
    pub(crate) fn bind(address: &UnixAddress) -> io::Result<Self> {
        let made = socket(AddressFamily::Unix, SockType::SeqPacket, SockFlag::SOCK_CLOEXEC, None)?;
        bind(made.as_raw_fd(), &address.to_nix()?)?;
        listen(&made, Backlog::MAXCONN)?;
        Ok(Self(made))
    }

    /// Accepts a connection: a connected socket, blocking and close-on-exec.
    ///
    /// # Errors
    ///
    /// Those of `accept4(2)`.
    ///
    /// ```no_run
    /// # let upgrader = heirloom::testing::first()?;
    /// let listener: heirloom::UnixSeqpacketListener = upgrader.fds().bind("@packets")?;
    /// let connection = listener.accept().expect("a client");
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn accept(&self) -> io::Result<OwnedFd> {
        accept(self.0.as_fd(), SockFlag::empty())
    }
}

impl AsFd for UnixSeqpacketListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl From<OwnedFd> for UnixSeqpacketListener {
    fn from(socket: OwnedFd) -> Self {
        Self(socket)
    }
}

impl From<UnixSeqpacketListener> for OwnedFd {
    fn from(listener: UnixSeqpacketListener) -> Self {
        listener.0
    }
}
