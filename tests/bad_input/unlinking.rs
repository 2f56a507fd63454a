//! A predecessor that would have its successor unlink a file which is no socket of the service's.

use std::fs;
use std::io::Write;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::mpsc::channel;
use std::thread;

use heirloom::{Kind, Takeover};
use heirloom_proto::{Commit, Entry, FileId, Identity, Message, Name, Socket};
use nix::libc;
use socket2::SockRef;

use super::impostor::{Impostor, manifest};
use super::service::builder;
use crate::support::DEADLINE;

/// The truth about a listener that was bound to `path`, but that the file there now is `file`.
fn entry(listener: &UnixListener, path: &Path, file: FileId) -> Entry {
    let family = u16::try_from(libc::AF_UNIX).unwrap().to_ne_bytes();
    let local = [&family[..], path.as_os_str().as_bytes(), &[0]].concat();
    let identity = Identity::Socket(Socket {
        domain: libc::AF_UNIX,
        kind: libc::SOCK_STREAM,
        protocol: 0,
        listening: true,
        local: local.try_into().unwrap(),
        cookie: SockRef::from(listener).cookie().unwrap(),
    });
    let name = Name::new("service").unwrap();
    Entry { kind: Kind::UnixListener, name, identity, path: Some(file), opaque: Default::default() }
}

/// A successor owns the service of which this is one entry, and ends it.
fn take_over_and_end(entry: Entry, listener: UnixListener) {
    let impostor = Impostor::new();
    let name = impostor.name().to_owned();
    let (ended, has_ended) = channel::<()>();
    let scripted = thread::spawn(move || {
        let peer = impostor.meet();
        let (mut token, control) = impostor.offer();
        token.write_all(&1u64.to_le_bytes()).unwrap();
        let frame = super::impostor::welcome(1).encode().unwrap();
        peer.send_with(&frame, &[token.as_fd(), control]).unwrap();
        let frame = manifest(vec![entry], true).encode().unwrap();
        peer.send_with(&frame, &[listener.as_fd()]).unwrap();
        while !matches!(peer.hear(), Some(Message::Ready(_))) {}
        peer.say(&Message::Commit(Commit { late_state: Vec::new() }));
        peer.say(&Message::Released);
        while !matches!(peer.hear(), Some(Message::Owned)) {}
        // It may have ended by now.
        let _ = peer.send_with(&Message::Draining.encode().unwrap(), &[]);
        has_ended.recv_timeout(DEADLINE).unwrap_err();
    });
    let upgrader = builder(&name).takeover(Takeover::Require).start().unwrap();
    upgrader.fds().claim::<UnixListener>("service").unwrap().unwrap();
    upgrader.ready().unwrap();
    upgrader.stop();
    drop(upgrader);
    drop(ended);
    scripted.join().unwrap();
}

fn file_id(path: &Path) -> FileId {
    let found = fs::symlink_metadata(path).unwrap();
    FileId { device: found.dev(), inode: found.ino() }
}

#[test]
fn socket_of_the_service_is_unlinked_when_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    take_over_and_end(entry(&listener, &path, file_id(&path)), listener);
    assert!(!path.exists());
}

#[test]
fn file_to_which_the_path_of_a_socket_leads_now_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let [ours, away, theirs] = ["ours", "away", "theirs"].map(|name| folder.path().join(name));
    fs::create_dir(&ours).unwrap();
    fs::create_dir(&theirs).unwrap();
    fs::write(theirs.join("file"), "precious").unwrap();
    let path = ours.join("file");
    let listener = UnixListener::bind(&path).unwrap();
    fs::rename(&ours, away).unwrap();
    symlink(&theirs, &ours).unwrap();
    take_over_and_end(entry(&listener, &path, file_id(&path)), listener);
    assert!(theirs.join("file").exists());
}
