//! Names and types: what is refused, and what the refusal says.

use std::fs::File;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};

use heirloom::{ErrorKind, Passable};

use super::generations::{cookie, first, hand_over};

#[test]
fn names_have_1_to_255_bytes() {
    let service = first();
    let file = tempfile::tempfile().unwrap();
    let wrong = |name: &str| {
        let error = service.fds().add(name, &file).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidName, "{error}");
        assert_eq!(service.fds().claim::<File>(name).unwrap_err().kind(), ErrorKind::InvalidName);
        assert!(!service.fds().remove::<File>(name));
        error.to_string()
    };
    assert!(wrong("").contains("empty"));
    let told = wrong(&"n".repeat(256));
    assert!(told.contains("256 bytes") && told.contains("255"), "{told}");
    assert!(wrong("a\0b").contains("NUL"));
    service.fds().add("n", &file).unwrap().keep();
    service.fds().add(&"n".repeat(255), &file).unwrap().keep();
}

#[test]
fn the_longest_name_arrives() {
    let predecessor = first();
    let file = tempfile::tempfile().unwrap();
    let name = "é".repeat(127) + "n";
    assert_eq!(name.len(), 255);
    predecessor.fds().add(&name, &file).unwrap().keep();
    predecessor.ready().unwrap();
    let (_successor, claimed) =
        hand_over(&predecessor, |successor| successor.fds().claim::<File>(&name));
    assert!(claimed.is_some());
}

#[test]
fn a_long_address_takes_a_shorter_name() {
    let service = first();
    let error = service.fds().bind::<TcpListener>("h".repeat(300) + ":80").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidName);
    assert!(error.to_string().contains("`bind_as`"), "{error}");
}

#[test]
fn a_name_is_taken_once_among_entries_of_its_type() {
    let service = first();
    let fds = service.fds();
    let _bound: TcpListener = fds.bind_as("http", "127.0.0.1:0").unwrap();
    let error = fds.bind_as::<TcpListener>("http", "127.0.0.1:0").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NameTaken);
    assert!(error.to_string().contains("tcp http"), "{error}");
    assert!(error.to_string().contains("`bind_as`"), "{error}");
    let own = TcpListener::bind("127.0.0.1:0").unwrap();
    assert_eq!(fds.add("http", &own).unwrap_err().kind(), ErrorKind::NameTaken);
    let not_called = || panic!("a socket that cannot be registered is not made");
    let error = fds.bind_with::<TcpListener>("http", not_called).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NameTaken);
    let _another_type: UdpSocket = fds.bind_as("http", "127.0.0.1:0").unwrap();
}

#[test]
fn a_claimed_name_is_taken_too() {
    let predecessor = first();
    let _bound: TcpListener = predecessor.fds().bind_as("http", "127.0.0.1:0").unwrap();
    predecessor.ready().unwrap();
    let (successor, _claimed) =
        hand_over(&predecessor, |successor| successor.fds().claim::<TcpListener>("http"));
    let error = successor.fds().bind_as::<TcpListener>("http", "127.0.0.1:0").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NameTaken);
}

#[test]
fn an_entry_that_was_added_is_not_replaced_by_an_inherited_one_of_its_name() {
    let predecessor = first();
    let old: TcpListener = predecessor.fds().bind_as("http", "127.0.0.1:0").unwrap();
    predecessor.ready().unwrap();
    let (successor, added) = hand_over(&predecessor, |successor| {
        let added = TcpListener::bind("127.0.0.1:0").unwrap();
        successor.fds().add("http", &added)?.keep();
        let error = successor.fds().claim::<TcpListener>("http").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NameTaken);
        Ok(added)
    });
    let (_third, inherited) =
        hand_over(&successor, |third| third.fds().claim::<TcpListener>("http"));
    let inherited = inherited.unwrap();
    assert_eq!(cookie(&inherited), cookie(&added));
    assert_ne!(cookie(&inherited), cookie(&old));
}

#[test]
fn two_names_on_one_address_by_different_types() {
    let predecessor = first();
    let fds = predecessor.fds();
    let tcp: TcpListener = fds.bind_as("stream", "127.0.0.1:0").unwrap();
    let address = tcp.local_addr().unwrap().to_string();
    let udp: UdpSocket = fds.bind_as("datagram", &address).unwrap();
    predecessor.ready().unwrap();
    let (_successor, (tcp_again, udp_again)) = hand_over(&predecessor, |successor| {
        let fds = successor.fds();
        Ok((
            fds.bind_as::<TcpListener>("stream", &address)?,
            fds.bind_as::<UdpSocket>("datagram", &address)?,
        ))
    });
    assert_eq!(cookie(&tcp), cookie(&tcp_again));
    assert_eq!(cookie(&udp), cookie(&udp_again));
}

/// Adds `descriptor` as a `T`, which it is not.
fn added_as<T: Passable + From<OwnedFd>>(descriptor: impl Into<OwnedFd>) -> String {
    let service = first();
    let disguised = T::from(descriptor.into());
    let error = service.fds().add("disguised", &disguised).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WrongType, "{error}");
    assert!(!service.fds().remove::<T>("disguised"), "nothing is registered");
    error.to_string()
}

#[test]
fn a_descriptor_of_another_type_is_not_added() {
    let (one, other) = UnixStream::pair().unwrap();
    let datagram = UnixDatagram::unbound().unwrap();
    assert!(added_as::<TcpListener>(one).contains("no tcp"));
    assert!(added_as::<UnixListener>(other).contains("no unix"), "it does not listen");
    assert!(added_as::<UdpSocket>(datagram).contains("no udp"));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    assert!(added_as::<TcpStream>(listener).contains("no tcp connection"));
    assert!(added_as::<UnixStream>(tempfile::tempfile().unwrap()).contains("no unix connection"));
    assert!(added_as::<File>(UdpSocket::bind("127.0.0.1:0").unwrap()).contains("no file"));
}

#[test]
fn a_descriptor_of_another_type_is_not_created() {
    let service = first();
    let stream = || UnixStream::pair().map(|(one, _)| TcpListener::from(OwnedFd::from(one)));
    let error = service.fds().bind_with("http", stream).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WrongType, "{error}");
}

#[test]
fn an_entry_is_claimed_by_its_own_type_only() {
    let predecessor = first();
    let own = TcpListener::bind("127.0.0.1:0").unwrap();
    predecessor.fds().add("http", &own).unwrap().keep();
    predecessor.ready().unwrap();
    let (_successor, claimed) = hand_over(&predecessor, |successor| {
        assert!(successor.fds().claim::<TcpStream>("http")?.is_none());
        assert!(successor.fds().claim::<UdpSocket>("http")?.is_none());
        successor.fds().claim::<TcpListener>("http")
    });
    assert_eq!(cookie(&claimed.unwrap()), cookie(&own));
}
