//! Blocking or not: the mode belongs to the open description that two generations share.

use std::net::{TcpListener, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixListener};

use heirloom::{Bind, ErrorKind, UnixSeqpacketListener};

use super::generations::{cookie, first, fresh_name, hand_over, is_nonblocking, next};

fn assert_made_in_both_modes<T: Bind>(address: &dyn Fn() -> String) {
    let service = first();
    let blocking: T = service.fds().bind(address()).unwrap();
    let nonblocking: T = service.fds().nonblocking().bind_as("second", address()).unwrap();
    assert!(!is_nonblocking(&blocking));
    assert!(is_nonblocking(&nonblocking));
}

#[test]
fn every_type_of_socket_is_made_in_the_mode_asked_for() {
    let internet = || "127.0.0.1:0".to_owned();
    assert_made_in_both_modes::<TcpListener>(&internet);
    assert_made_in_both_modes::<UdpSocket>(&internet);
    assert_made_in_both_modes::<UnixListener>(&fresh_name);
    assert_made_in_both_modes::<UnixDatagram>(&fresh_name);
    assert_made_in_both_modes::<UnixSeqpacketListener>(&fresh_name);
}

#[test]
fn a_callbacks_socket_is_put_in_the_mode_asked_for() {
    let service = first();
    let bound: TcpListener =
        service.fds().nonblocking().bind_with("http", || TcpListener::bind("127.0.0.1:0")).unwrap();
    assert!(is_nonblocking(&bound));
}

#[test]
fn a_callbacks_socket_that_the_next_generation_would_refuse_is_refused_at_once() {
    let service = first();
    let make = || {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    };
    let error = service.fds().bind_with("http", make).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WrongMode);
    assert!(error.to_string().contains("created non-blocking"), "{error}");
    let listener = service.fds().switch_mode().bind_with("http", make).unwrap();
    assert!(!is_nonblocking(&listener));
}

#[test]
fn the_mode_is_inherited() {
    let predecessor = first();
    let _bound: TcpListener = predecessor.fds().nonblocking().bind("127.0.0.1:0").unwrap();
    predecessor.ready().unwrap();
    let (_successor, inherited): (_, TcpListener) =
        hand_over(&predecessor, |successor| successor.fds().nonblocking().bind("127.0.0.1:0"));
    assert!(is_nonblocking(&inherited));
}

#[test]
fn the_wrong_mode_is_refused_both_ways_and_nothing_is_changed() {
    for nonblocking in [true, false] {
        let predecessor = first();
        let with = |fds: heirloom::Fds, on| if on { fds.nonblocking() } else { fds };
        let bound: TcpListener =
            with(predecessor.fds(), nonblocking).bind_as("http", "127.0.0.1:0").unwrap();
        predecessor.ready().unwrap();
        let (_successor, inherited) = hand_over(&predecessor, |successor| {
            let wrong = with(successor.fds(), !nonblocking);
            let error = wrong.bind_as::<TcpListener>("http", "127.0.0.1:0").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::WrongMode);
            for word in ["tcp http", "`nonblocking()`", "`switch_mode()`"] {
                assert!(error.to_string().contains(word), "{error}");
            }
            let error = wrong.claim::<TcpListener>("http").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::WrongMode);
            assert_eq!(is_nonblocking(&bound), nonblocking, "the predecessor uses it on");
            let right = with(successor.fds(), nonblocking);
            right.bind_as::<TcpListener>("http", "127.0.0.1:0")
        });
        assert_eq!(cookie(&inherited), cookie(&bound), "what was refused can be claimed still");
    }
}

#[test]
fn switch_mode_changes_it_for_both_generations() {
    for nonblocking in [true, false] {
        let predecessor = first();
        let with = |fds: heirloom::Fds, on| if on { fds.nonblocking() } else { fds };
        let bound: UdpSocket = with(predecessor.fds(), nonblocking).bind("127.0.0.1:0").unwrap();
        predecessor.ready().unwrap();
        let (_successor, inherited): (_, UdpSocket) = hand_over(&predecessor, |successor| {
            with(successor.fds(), !nonblocking).switch_mode().bind("127.0.0.1:0")
        });
        assert_eq!(is_nonblocking(&inherited), !nonblocking);
        assert_eq!(is_nonblocking(&bound), !nonblocking, "they share the open description");
    }
}

#[test]
fn adding_and_handing_over_changes_no_mode() {
    let predecessor = first();
    let own = UnixListener::bind(tempfile::tempdir().unwrap().path().join("socket")).unwrap();
    own.set_nonblocking(true).unwrap();
    predecessor.fds().add("api", &own).unwrap().keep();
    predecessor.ready().unwrap();
    let _successor = next(&predecessor);
    assert!(is_nonblocking(&own));
}

#[test]
fn files_and_bare_descriptors_have_no_mode_to_be_wrong() {
    let predecessor = first();
    let (reader, _writer) = std::io::pipe().unwrap();
    predecessor.fds().add("pipe", &OwnedFd::from(reader)).unwrap().keep();
    let file = tempfile::tempfile().unwrap();
    predecessor.fds().add("file", &file).unwrap().keep();
    predecessor.ready().unwrap();
    let (_successor, ()) = hand_over(&predecessor, |successor| {
        let fds = successor.fds().nonblocking();
        assert!(fds.claim::<OwnedFd>("pipe")?.is_some());
        assert!(fds.claim::<std::fs::File>("file")?.is_some());
        Ok(())
    });
}
