//! Predecessors that hand over a control listener which is not the one they were met at.

use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::sync::mpsc::channel;
use std::thread;

use heirloom::{ErrorKind, Takeover};
use heirloom_proto::{Commit, Message};

use super::impostor::{Impostor, manifest, start_against, welcome};
use super::peer::new_socket;
use super::service::builder;
use crate::support::{DEADLINE, control::status};

/// What a successor reports that is given this for its control listener.
fn report_of(make: impl FnOnce() -> OwnedFd + Send + 'static) -> String {
    let error = start_against(move |impostor| {
        let peer = impostor.meet();
        let (token, _) = impostor.offer();
        let listener = make();
        let frame = welcome(0).encode().unwrap();
        peer.send_with(&frame, &[token.as_fd(), listener.as_fd()]).unwrap();
        let abort = peer.hear_abort();
        assert!(abort.starts_with("protocol broken: "), "{abort}");
    })
    .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
    error.to_string()
}

#[test]
fn one_of_another_name() {
    let elsewhere = Impostor::new();
    let name = elsewhere.name()[1..].to_owned();
    let text = report_of(move || elsewhere.offer().1.try_clone_to_owned().unwrap());
    assert!(text.contains(&name), "{text}");
    assert!(text.contains("the control listener that came with Welcome"), "{text}");
}

#[test]
fn one_without_a_name() {
    report_of(new_socket);
}

/// The predecessor's end of the connection has the listener's name and type.
#[test]
fn one_that_does_not_listen() {
    let error = start_against(|impostor| {
        let peer = impostor.meet();
        let (token, _) = impostor.offer();
        peer.send_with(&welcome(0).encode().unwrap(), &[token.as_fd(), peer.as_fd()]).unwrap();
        peer.hear_abort();
    })
    .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert!(error.to_string().contains("is a socket that does not listen"), "{error}");
}

#[test]
fn one_of_another_type() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stream");
    let text = report_of(move || UnixListener::bind(path).unwrap().into());
    assert!(text.contains("SOCK_SEQPACKET"), "{text}");
}

#[test]
fn one_that_is_no_socket() {
    report_of(|| tempfile::tempfile().unwrap().into());
}

/// Plays the rest of a predecessor's part that has handed over the listener it was met at, which
/// blocks: whoever has made it may have left it so, and it is nobody's to change.
fn hand_over<T>(impostor: &Impostor, before_commit: impl FnOnce() -> T) -> T {
    let peer = impostor.meet();
    let (mut token, listener) = impostor.offer();
    token.write_all(&1u64.to_le_bytes()).unwrap();
    peer.send_with(&welcome(0).encode().unwrap(), &[token.as_fd(), listener]).unwrap();
    peer.say(&manifest(Vec::new(), true));
    while !matches!(peer.hear(), Some(Message::Ready(_))) {}
    let made = before_commit();
    peer.say(&Message::Commit(Commit { late_state: Vec::new() }));
    peer.say(&Message::Released);
    while !matches!(peer.hear(), Some(Message::Owned)) {}
    peer.say(&Message::Draining);
    made
}

#[test]
fn one_that_blocks_is_waited_on_by_nobody() {
    let impostor = Impostor::new();
    let name = impostor.name().to_owned();
    let scripted = thread::spawn(move || hand_over(&impostor, || ()));
    let upgrader = builder(&name).takeover(Takeover::Require).start().unwrap();
    upgrader.ready().unwrap();
    scripted.join().unwrap();
    assert_eq!(status(&name).unwrap().generation, 2);
}

/// What a successor sends to the path, to find out how far the queue goes, comes out elsewhere.
#[test]
fn one_that_blocks_and_whose_path_leads_elsewhere_is_waited_on_by_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("control").to_str().unwrap().to_owned();
    let impostor = Impostor::at(path.clone());
    let builder = builder(&path).takeover(Takeover::Require);
    let scripted = thread::spawn(move || {
        hand_over(&impostor, || {
            std::fs::remove_file(&path).unwrap();
            Impostor::at(path)
        })
    });
    let (owned, is_owned) = channel();
    let upgrader = builder.start().unwrap();
    thread::spawn(move || owned.send((upgrader.ready(), upgrader)));
    let (ready, _upgrader) = is_owned.recv_timeout(DEADLINE).expect("it waits there");
    ready.unwrap();
    scripted.join().unwrap();
}
