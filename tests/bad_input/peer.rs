//! One end of a control connection, made of nothing but system calls.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};

use heirloom_proto::limits::{MAX_FRAME, VERSION};
use heirloom_proto::{Hello, Message};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, ControlMessage, MsgFlags, SockFlag, SockType, UnixAddr, connect, recv, sendmsg,
    socket,
};

use crate::support::DEADLINE;

/// Sends and receives frames as they are.
pub(super) struct Peer(OwnedFd);

impl Peer {
    /// Takes a connected sequential-packet socket.
    pub(super) fn new(socket: OwnedFd) -> Self {
        Self(socket)
    }

    /// Connects to `@name` or a path.
    pub(super) fn connect(address: &str) -> Self {
        let peer = new_socket();
        connect(peer.as_raw_fd(), &to_nix(address)).unwrap();
        Self(peer)
    }

    /// Connects as a successor that could take anything.
    pub(super) fn greet(address: &str) -> Self {
        let peer = Self::connect(address);
        peer.say(&Message::Hello(hello()));
        peer
    }

    pub(super) fn say(&self, message: &Message) {
        self.send(&message.encode().unwrap());
    }

    pub(super) fn send(&self, frame: &[u8]) {
        self.send_with(frame, &[]).unwrap();
    }

    /// Sends a frame with descriptors.
    pub(super) fn send_with(
        &self,
        frame: &[u8],
        descriptors: &[BorrowedFd<'_>],
    ) -> Result<(), Errno> {
        let numbers: Vec<_> = descriptors.iter().map(AsRawFd::as_raw_fd).collect();
        let rights = [ControlMessage::ScmRights(&numbers)];
        let control = if numbers.is_empty() { &[] } else { &rights[..] };
        let frame = [io::IoSlice::new(frame)];
        let flags = MsgFlags::MSG_NOSIGNAL;
        sendmsg::<()>(self.0.as_raw_fd(), &frame, control, flags, None).map(drop)
    }

    /// The next message; `None` when the other end has closed. Descriptors are dropped.
    pub(super) fn hear(&self) -> Option<Message> {
        let mut set = [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)];
        let timeout = PollTimeout::try_from(DEADLINE).unwrap();
        assert_eq!(poll(&mut set, timeout), Ok(1), "the other end says nothing");
        let mut frame = vec![0; MAX_FRAME + 1];
        match recv(self.0.as_raw_fd(), &mut frame, MsgFlags::empty()) {
            Ok(0) | Err(Errno::ECONNRESET) => None,
            length => Some(Message::decode(&frame[..length.unwrap()]).unwrap()),
        }
    }

    /// Hears the other end give up, then close. Tells the text.
    pub(super) fn hear_abort(&self) -> String {
        match self.hear() {
            Some(Message::Abort(abort)) => {
                self.hear_end();
                abort.to_string()
            }
            other => panic!("no abort but {other:?}"),
        }
    }

    /// The other end closes and says nothing.
    pub(super) fn hear_end(&self) {
        assert_eq!(self.hear(), None);
    }
}

impl AsFd for Peer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// A successor's first words.
pub(super) fn hello() -> Hello {
    Hello {
        lowest: VERSION,
        highest: VERSION,
        features: 0,
        free_slots: 1_000,
        pid: 1,
        service: super::service::LABEL.into(),
        build: String::new(),
        secret: None,
    }
}

pub(super) fn new_socket() -> OwnedFd {
    let flags = SockFlag::SOCK_CLOEXEC;
    socket(AddressFamily::Unix, SockType::SeqPacket, flags, None).unwrap()
}

pub(super) fn to_nix(address: &str) -> UnixAddr {
    match address.strip_prefix('@') {
        Some(name) => UnixAddr::new_abstract(name.as_bytes()).unwrap(),
        None => UnixAddr::new(address).unwrap(),
    }
}

/// An abstract name that nobody else uses.
pub(super) fn fresh_name() -> String {
    static LATEST: AtomicU64 = AtomicU64::new(0);
    let number = LATEST.fetch_add(1, Ordering::Relaxed);
    format!("@heirloom-bad-input-{}-{number}", std::process::id())
}
