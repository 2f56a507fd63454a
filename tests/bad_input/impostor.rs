//! A predecessor that is none: a script on a handoff socket, which a real successor meets.

use std::fs::File;
use std::io::PipeWriter;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::thread;

use heirloom::{Error, Takeover, Upgrader};
use heirloom_proto::{
    Entry, FileId, Identity, Kind, Manifest, Message, Name, Timeouts, Welcome, limits,
};
use nix::sys::socket::{Backlog, SockFlag, accept4, bind, listen};
use nix::sys::stat::fstat;

use super::peer::{Peer, fresh_name, new_socket, to_nix};
use super::service::builder;

/// How many may wait to be accepted; one more than that fits.
pub(super) const QUEUE: i32 = 16;

/// Listens under a name of its own.
pub(super) struct Impostor {
    listener: OwnedFd,
    name: String,
}

impl Impostor {
    pub(super) fn new() -> Self {
        Self::at(fresh_name())
    }

    /// Listens at `@name` or a path.
    pub(super) fn at(name: String) -> Self {
        let listener = new_socket();
        bind(listener.as_raw_fd(), &to_nix(&name)).unwrap();
        listen(&listener, Backlog::new(QUEUE).unwrap()).unwrap();
        Self { listener, name }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The next successor, which has introduced itself.
    pub(super) fn meet(&self) -> Peer {
        let peer = self.accept();
        assert!(matches!(peer.hear(), Some(Message::Hello(_))));
        peer
    }

    /// The next successor, which may say what it likes.
    pub(super) fn accept(&self) -> Peer {
        let number = accept4(self.listener.as_raw_fd(), SockFlag::SOCK_CLOEXEC).unwrap();
        #[expect(
            clippy::disallowed_methods,
            reason = "a descriptor becomes owned where it is made"
        )]
        // SAFETY: the kernel has just made this descriptor for the caller.
        Peer::new(unsafe { OwnedFd::from_raw_fd(number) })
    }

    /// What `Welcome` has to bring: a token, by its looks, and the listener.
    pub(super) fn offer(&self) -> (File, BorrowedFd<'_>) {
        (tempfile::tempfile().unwrap(), self.listener.as_fd())
    }

    /// Welcomes a successor to so many entries.
    pub(super) fn welcome(&self, peer: &Peer, entries: u64) {
        let (token, listener) = self.offer();
        let frame = welcome(entries).encode().unwrap();
        peer.send_with(&frame, &[token.as_fd(), listener]).unwrap();
    }
}

/// What a real successor makes of an impostor that follows `script`. The impostor is served to its
/// end first.
pub(super) fn start_against(
    script: impl FnOnce(&Impostor) + Send + 'static,
) -> Result<Upgrader, Error> {
    let impostor = Impostor::new();
    let builder = builder(&impostor.name).takeover(Takeover::Require);
    let scripted = thread::spawn(move || script(&impostor));
    let started = builder.start();
    scripted.join().unwrap();
    started
}

pub(super) fn welcome(entries: u64) -> Message {
    Message::Welcome(Welcome {
        version: limits::VERSION,
        generation: 2,
        attempt: 1,
        entries,
        timeouts: Timeouts::default(),
        pid: 1,
        build: String::new(),
    })
}

/// The batch of these entries.
pub(super) fn manifest(entries: Vec<Entry>, last: bool) -> Message {
    let entries = entries.into_iter().map(|entry| (entry, ())).collect();
    Message::Manifest(Manifest { entries, last })
}

/// The truth about a descriptor that is no socket.
pub(super) fn file_entry(name: &str, descriptor: impl AsFd) -> Entry {
    let stat = fstat(descriptor).unwrap();
    Entry {
        kind: Kind::File,
        name: Name::new(name).unwrap(),
        identity: Identity::File(FileId { device: stat.st_dev, inode: stat.st_ino }),
        path: None,
        opaque: Default::default(),
    }
}

/// `count` entries that tell the truth about one descriptor.
pub(super) fn file_entries(count: usize, descriptor: &PipeWriter) -> Vec<Entry> {
    (0..count).map(|number| file_entry(&format!("file {number}"), descriptor)).collect()
}

#[test]
fn an_impostor_that_plays_its_part_is_taken_over() {
    let started = start_against(|impostor| {
        let peer = impostor.meet();
        impostor.welcome(&peer, 0);
        peer.say(&manifest(Vec::new(), true));
        assert!(matches!(peer.hear(), Some(Message::Received(_))));
    });
    assert_eq!(started.unwrap().generation(), 2);
}
