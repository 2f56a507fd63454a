//! One connection to an owner.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use heirloom_proto::{Failure, Message, Phase};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::socket::UnixCredentials;
use nix::sys::time::TimeSpec;
use nix::unistd::geteuid;

use crate::address::UnixAddress;
use crate::control::{connect_to, owner_of};
use crate::error::{Error, ErrorKind};
use crate::meeting::{nobody, squatted};
use crate::settings::{is_trusted, nameless_user, process_is_trusted};
use crate::sys::channel::{Channel, Fault, FrameBuffer};
use crate::sys::pidfd::PidFd;

/// One connection to an owner whom this process trusts.
pub(super) struct Line {
    channel: Channel,
    buffer: FrameBuffer,
    process: PidFd,
    peer: UnixCredentials,
}

impl Line {
    /// Connects, unless a user who is not trusted listens there: he is sent nothing.
    pub(super) fn connect(
        address: &UnixAddress,
        users: &[u32],
        timeout: Duration,
    ) -> Result<Self, Error> {
        match owner_of(address)? {
            Some(uid) if !is_trusted(uid, users) => return Err(squatted(address, uid)),
            _ => {}
        }
        // The kernel takes a limit of 0 for none.
        let timeout = timeout.max(Duration::from_millis(1));
        let Some(channel) = connect_to(address, timeout)? else {
            return Err(nobody(address));
        };
        let (process, peer) = PidFd::of_peer(channel.as_fd()).map_err(|error| {
            Error::io(format!("the process that listens on {address} cannot be watched"), error)
        })?;
        match process_is_trusted(&process, peer.uid(), users, nameless_user()) {
            false => Err(squatted(address, peer.uid())),
            true => Ok(Self { channel, buffer: FrameBuffer::without_descriptors(), process, peer }),
        }
    }

    /// # Errors
    ///
    /// [`ErrorKind::Closed`] when the owner has closed the connection.
    pub(super) fn send(&self, message: &Message) -> Result<(), Error> {
        let frame = message.encode().map_err(|invalid| {
            Error::new(ErrorKind::Protocol, "the question fits no frame").because(invalid)
        })?;
        self.channel.send(&frame, &[]).map_err(of_io)
    }

    /// The next message that is known, waited for until `deadline`; for ever if there is none.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TimedOut`]; [`ErrorKind::Closed`] when the owner has closed the connection.
    pub(super) fn receive(&mut self, deadline: Option<Instant>) -> Result<Message, Error> {
        loop {
            match self.channel.receive(&mut self.buffer) {
                Ok(received) => match Message::decode(received.frame) {
                    Ok(Message::Unknown(_)) => {}
                    Ok(message) => return Ok(message),
                    Err(invalid) => return Err(Failure::Invalid(invalid).into()),
                },
                Err(fault) if fault.would_block() => self.wait(deadline)?,
                Err(Fault::System(error)) => return Err(of_io(error)),
                Err(fault) => return Err(Error::new(ErrorKind::Protocol, fault.to_string())),
            }
        }
    }

    /// Waits until there is something to read. See `ppoll(2)`.
    fn wait(&self, deadline: Option<Instant>) -> Result<(), Error> {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let mut set = [PollFd::new(self.channel.as_fd(), PollFlags::POLLIN)];
        match ppoll(&mut set, left.map(TimeSpec::from_duration), None) {
            Ok(0) => Err(Error::new(ErrorKind::TimedOut, "the service has not answered in time")),
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(errno) => Err(of_io(errno.into())),
        }
    }

    /// Why the owner closes every connection, if it is for this process's user.
    pub(super) fn untrusted(&self) -> Option<Error> {
        let own = geteuid().as_raw();
        let is_refused = self.peer.uid() != own && !self.process.has_ended();
        let failure = Failure::Closed { phase: Phase::Greeting };
        is_refused.then(|| Error::untrusted(failure, self.peer.pid(), self.peer.uid(), own))
    }
}

impl AsFd for Line {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.channel.as_fd()
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line").field("pid", &self.peer.pid()).finish_non_exhaustive()
    }
}

fn of_io(error: io::Error) -> Error {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, NotConnected, UnexpectedEof};
    match error.kind() {
        BrokenPipe | ConnectionReset | NotConnected | UnexpectedEof => {
            Error::new(ErrorKind::Closed, "the service has closed the connection")
        }
        _ => Error::io("the connection to the service has failed", error),
    }
}
