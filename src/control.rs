//! The socket on which two generations meet.

mod handed_over;
mod lock;

use std::fs::Permissions;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

use heirloom_proto::{FileId, PeerMisbehaved};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll, ppoll};
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, UnixAddr, bind, connect, getpeername, getsockname,
    listen, setsockopt, socket, sockopt::SendTimeout,
};
use nix::sys::stat::lstat;
use nix::sys::time::{TimeSpec, TimeVal};

use crate::address::UnixAddress;
use crate::error::{Error, ErrorKind};
use crate::socket_file::unlink_if_ours;
use crate::sys::channel::Channel;
use crate::sys::identity::{file_id, refuse_descriptors};
use lock::lock_beside;

/// The listening end, which goes from generation to generation: its name is never free.
#[derive(Debug)]
pub(crate) struct ControlListener {
    socket: OwnedFd,
    address: UnixAddress,
    path: Option<FileId>,
}

/// Most connections that wait to be accepted: `net.core.somaxconn`, as it is unless it was raised.
const QUEUE: usize = 4_096;

/// What became of an attempt to create the listener.
pub(crate) enum Bound {
    Here(ControlListener),
    /// Somebody else was quicker, or has been there all along.
    Taken,
}

impl ControlListener {
    /// Takes the address, unless somebody answers on it. A path socket that nobody listens on any
    /// more is replaced; any other file is left alone.
    pub(crate) fn bind(address: &UnixAddress) -> Result<Bound, Error> {
        let trouble = |error: io::Error| {
            let text = format!("the handoff socket {address} cannot be created");
            Error::io(text, error)
        };
        // Two processes must not both find the same stale socket and both replace it.
        let _guard = match address.path() {
            Some(path) => Some(lock_beside(path, address)?),
            None => None,
        };
        if let Some(path) = address.path()
            && !clear_stale(path, address)?
        {
            return Ok(Bound::Taken);
        }
        let socket = new_socket(SockFlag::SOCK_NONBLOCK).map_err(trouble)?;
        match bind_to(&socket, address) {
            Ok(()) => {}
            Err(Errno::EADDRINUSE) => return Ok(Bound::Taken),
            Err(errno) => return Err(trouble(errno.into())),
        }
        let listener = Self::new(socket, address.clone());
        match listener.let_in() {
            Ok(()) => Ok(Bound::Here(listener)),
            Err(error) => {
                listener.unlink();
                Err(trouble(error))
            }
        }
    }

    /// Lets the service's own user connect: nobody can before it listens.
    fn let_in(&self) -> io::Result<()> {
        if let Some(path) = self.address.path() {
            std::fs::set_permissions(path, Permissions::from_mode(0o600))?;
        }
        self.listen()
    }

    /// Takes what the predecessor at the other end of `connection` has handed over for its listener.
    ///
    /// # Errors
    ///
    /// What it is instead.
    pub(crate) fn received(
        socket: OwnedFd,
        connection: BorrowedFd<'_>,
        address: UnixAddress,
    ) -> Result<Self, PeerMisbehaved> {
        handed_over::check(socket.as_fd(), connection)?;
        Ok(Self::new(socket, address))
    }

    fn new(socket: OwnedFd, address: UnixAddress) -> Self {
        let path = address.path().and_then(|path| lstat(path).ok()).map(|stat| file_id(&stat));
        refuse_descriptors(socket.as_fd());
        Self { socket, address, path }
    }

    fn listen(&self) -> io::Result<()> {
        Ok(listen(&self.socket, Backlog::MAXALLOWABLE)?)
    }

    /// Listens again: from here on those who connect see this process's credentials.
    ///
    /// Those who wait in the queue have seen the previous owner's, and would take its end for this
    /// process's: they are closed, and connect again. The queue is in order, so a connection of this
    /// process's own tells where they end, however many come again at once. If it comes out elsewhere,
    /// somebody else has taken the path meanwhile.
    pub(crate) fn listen_again(&mut self) -> io::Result<()> {
        self.listen()?;
        let marker = new_socket(SockFlag::SOCK_NONBLOCK)?;
        bind(marker.as_raw_fd(), &UnixAddr::new_unnamed())?; // a name of its own: see unix(7)
        let name = getsockname::<UnixAddr>(marker.as_raw_fd())?;
        let mut marked = false;
        // The queue as it was, and as it may have been filled since.
        for _ in 0..2 * QUEUE {
            // A queue that is full has room when one more was taken.
            marked = marked || connect_socket(&marker, &self.address).is_ok();
            if !self.has_visitor() {
                if marked {
                    self.path = None;
                }
                break;
            }
            match self.accept() {
                Ok(old) if getpeername::<UnixAddr>(old.as_fd().as_raw_fd()) != Ok(name) => {}
                _ => break,
            }
        }
        Ok(())
    }

    /// The next connection in the queue. Whoever has made the listener may have made it one that
    /// blocks, which is nobody's to change: nothing is asked for that is not there.
    pub(crate) fn accept(&self) -> io::Result<Channel> {
        if !self.has_visitor() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Channel::accept(self.socket.as_fd())
    }

    /// Whether somebody waits to be accepted.
    pub(crate) fn has_visitor(&self) -> bool {
        let mut set = [PollFd::new(self.socket.as_fd(), PollFlags::POLLIN)];
        poll(&mut set, PollTimeout::ZERO) == Ok(1)
    }

    pub(crate) fn address(&self) -> &UnixAddress {
        &self.address
    }

    /// Whether a path still leads here: somebody may have removed the socket, or put another there.
    pub(crate) fn is_in_place(&self) -> bool {
        self.address.path().is_none_or(|path| match lstat(path) {
            Ok(stat) => self.path == Some(file_id(&stat)),
            // One that this process may not look at may still be found by others.
            Err(errno) => errno != Errno::ENOENT,
        })
    }

    /// Removes the name of a path socket, if it still is this one.
    pub(crate) fn unlink(&self) {
        if let Some(path) = self.address.path() {
            unlink_if_ours(path, self.path);
        }
    }
}

impl AsFd for ControlListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Connects, waiting at most `timeout` for a listener whose queue is full.
///
/// `None` when nobody listens there.
pub(crate) fn connect_to(
    address: &UnixAddress,
    timeout: Duration,
) -> Result<Option<Channel>, Error> {
    let trouble = |error: io::Error| {
        Error::io(format!("the handoff socket {address} cannot be reached"), error)
    };
    let socket = new_socket(SockFlag::empty()).map_err(trouble)?;
    let limit = TimeVal::new(
        timeout.as_secs().try_into().unwrap_or(i64::MAX),
        timeout.subsec_micros().into(),
    );
    setsockopt(&socket, SendTimeout, &limit).map_err(|errno| trouble(errno.into()))?;
    loop {
        match connect_socket(&socket, address) {
            Ok(()) => return Channel::new(socket).map(Some).map_err(trouble),
            Err(Errno::ECONNREFUSED | Errno::ENOENT) => return Ok(None),
            Err(Errno::EINTR) => {}
            Err(Errno::EAGAIN) => {
                let text = format!(
                    "{address} has not accepted a connection for {} ms: the process that listens \
                     there hangs",
                    timeout.as_millis()
                );
                return Err(Error::new(ErrorKind::Hung, text));
            }
            Err(Errno::EPROTOTYPE) => return Err(not_a_control_socket(address)),
            Err(errno) => return Err(trouble(errno.into())),
        }
    }
}

/// The user whose socket lies at a path. `None` when nothing does, or the name is abstract: of such a
/// one nothing can be known before it is connected to.
pub(crate) fn owner_of(address: &UnixAddress) -> Result<Option<u32>, Error> {
    match address.path().map(std::fs::symlink_metadata) {
        Some(Ok(found)) if found.file_type().is_socket() => Ok(Some(found.uid())),
        Some(Ok(_)) => Err(not_a_control_socket(address)),
        // What else is wrong with the path the connection will tell.
        Some(Err(_)) | None => Ok(None),
    }
}

fn not_a_control_socket(address: &UnixAddress) -> Error {
    let text = format!("{address} exists and is no handoff socket: remove it or choose another");
    Error::new(ErrorKind::InvalidAddress, text)
}

fn new_socket(flags: SockFlag) -> io::Result<OwnedFd> {
    Ok(socket(AddressFamily::Unix, SockType::SeqPacket, SockFlag::SOCK_CLOEXEC | flags, None)?)
}

fn bind_to(socket: &OwnedFd, address: &UnixAddress) -> Result<(), Errno> {
    bind(socket.as_raw_fd(), &address.to_nix()?)
}

fn connect_socket(socket: &OwnedFd, address: &UnixAddress) -> Result<(), Errno> {
    connect(socket.as_raw_fd(), &address.to_nix()?)
}

/// Makes way at `path`. Tells whether it is free now.
fn clear_stale(path: &Path, address: &UnixAddress) -> Result<bool, Error> {
    let metadata = match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        Err(error) => {
            return Err(Error::io(
                format!("the handoff socket {address} cannot be looked at"),
                error,
            ));
        }
        Ok(metadata) => metadata,
    };
    if !metadata.file_type().is_socket() {
        return Err(not_a_control_socket(address));
    }
    if connect_to(address, Duration::from_millis(100))?.is_some() {
        return Ok(false);
    }
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            let text = format!("the stale handoff socket {address} cannot be replaced");
            Err(Error::io(text, error))
        }
        _ => Ok(true),
    }
}

/// Between two looks at what tells nobody when it changes: a file lock, a name that is taken.
pub(crate) fn wait_a_little() {
    // A signal cuts it short, which does no harm.
    let _ = ppoll(&mut [], Some(TimeSpec::from_duration(Duration::from_millis(5))), None);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_that_cannot_be_reached_for_a_while_has_lost_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (path, aside) = (folder.path().join("socket"), folder.path().join("aside"));
        let address = UnixAddress::parse(path.to_str().unwrap()).unwrap();
        let Ok(Bound::Here(mut listener)) = ControlListener::bind(&address) else {
            panic!("the folder is new");
        };
        std::fs::rename(&path, &aside).unwrap();
        listener.listen_again().unwrap();
        assert!(!listener.is_in_place());
        std::fs::rename(&aside, &path).unwrap();
        assert!(listener.is_in_place());
    }
}
