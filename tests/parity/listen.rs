//! `Listen`, `Listener`, `AddListener`: sockets that accept.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};

use heirloom::{Bind, ErrorKind, UnixSeqpacketListener, Upgrader};
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, UnixAddr, connect, recv, send, socket,
};
use std::os::fd::{AsRawFd, OwnedFd};

use super::generations::{PATIENCE, cookie, first, fresh_name, hand_over};

/// The socket that one generation has bound, and what the next got for the same call.
fn bound_in_two_generations<T: Bind>(address: &str) -> (T, T, Upgrader) {
    let predecessor = first();
    let bound: T = predecessor.fds().bind(address).unwrap();
    predecessor.ready().unwrap();
    let (successor, inherited) = hand_over(&predecessor, |successor| successor.fds().bind(address));
    assert_eq!(cookie(&bound), cookie(&inherited), "{address} was bound again");
    (bound, inherited, successor)
}

fn assert_tcp_is_inherited(address: &str) {
    let (bound, inherited, _successor) = bound_in_two_generations::<TcpListener>(address);
    let mut client = TcpStream::connect(inherited.local_addr().unwrap()).unwrap();
    drop(bound);
    client.write_all(b"hello").unwrap();
    let (mut accepted, _) = inherited.accept().unwrap();
    let mut told = [0; 5];
    accepted.read_exact(&mut told).unwrap();
    assert_eq!(&told, b"hello");
}

#[test]
fn listen_inherits_or_binds() {
    assert_tcp_is_inherited("127.0.0.1:0");
}

#[test]
fn listen_inherits_or_binds_ipv6() {
    assert_tcp_is_inherited("[::1]:0");
}

#[test]
fn listen_resolves_names_of_hosts() {
    assert_tcp_is_inherited("localhost:0");
}

#[test]
fn listen_on_every_address_of_both_families_is_inherited() {
    let (_, inherited, _successor) = bound_in_two_generations::<TcpListener>("[::]:0");
    let port = inherited.local_addr().unwrap().port();
    TcpStream::connect(("127.0.0.1", port)).unwrap();
    TcpStream::connect(("::1", port)).unwrap();
}

#[test]
fn listen_inherits_or_binds_a_unix_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let address = path.to_str().unwrap();
    let (bound, inherited, _successor) = bound_in_two_generations::<UnixListener>(address);
    drop(bound);
    let _client = UnixStream::connect(&path).unwrap();
    inherited.accept().unwrap();
}

#[test]
fn listen_inherits_or_binds_an_abstract_unix_name() {
    let name = fresh_name();
    let (bound, inherited, _successor) = bound_in_two_generations::<UnixListener>(&name);
    drop(bound);
    let address = SocketAddr::from_abstract_name(&name[1..]).unwrap();
    let _client = UnixStream::connect_addr(&address).unwrap();
    inherited.accept().unwrap();
}

#[test]
fn listen_inherits_or_binds_a_unixpacket_path_and_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let name = fresh_name();
    let by_path = UnixAddr::new(&path).unwrap();
    let by_name = UnixAddr::new_abstract(&name.as_bytes()[1..]).unwrap();
    for (text, address) in [(path.to_str().unwrap(), by_path), (name.as_str(), by_name)] {
        let (bound, inherited, _successor) =
            bound_in_two_generations::<UnixSeqpacketListener>(text);
        drop(bound);
        let client = connected_seqpacket(&address);
        let accepted = inherited.accept().unwrap();
        send(client.as_raw_fd(), b"one", MsgFlags::empty()).unwrap();
        send(client.as_raw_fd(), b"two", MsgFlags::empty()).unwrap();
        let mut room = [0; 16];
        let length = recv(accepted.as_raw_fd(), &mut room, MsgFlags::empty()).unwrap();
        assert_eq!(&room[..length], b"one", "boundaries are kept");
    }
}

fn connected_seqpacket(address: &UnixAddr) -> OwnedFd {
    let flags = SockFlag::SOCK_CLOEXEC;
    let client = socket(AddressFamily::Unix, SockType::SeqPacket, flags, None).unwrap();
    connect(client.as_raw_fd(), address).unwrap();
    client
}

#[test]
fn clients_that_wait_in_the_queue_are_served_by_the_successor() {
    let predecessor = first();
    let listener: TcpListener = predecessor.fds().bind("127.0.0.1:0").unwrap();
    predecessor.ready().unwrap();
    let address = listener.local_addr().unwrap();
    let clients: Vec<_> = (0..20).map(|_| TcpStream::connect(address).unwrap()).collect();
    let (_successor, inherited): (_, TcpListener) =
        hand_over(&predecessor, |successor| successor.fds().bind("127.0.0.1:0"));
    drop(listener);
    drop(predecessor);
    for _ in &clients {
        let (mut accepted, _) = inherited.accept().unwrap();
        accepted.write_all(b"!").unwrap();
    }
    for mut client in clients {
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        client.read_exact(&mut [0]).unwrap();
    }
}

#[test]
fn listen_with_callback_and_listen_config() {
    let make = || {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
        socket.set_reuse_address(true)?;
        socket.bind(&"127.0.0.1:0".parse::<std::net::SocketAddr>().unwrap().into())?;
        socket.listen(7)?;
        Ok(TcpListener::from(socket))
    };
    let predecessor = first();
    let bound = predecessor.fds().bind_with("http", make).unwrap();
    predecessor.ready().unwrap();
    let (_successor, inherited) = hand_over(&predecessor, |successor| {
        let not_called = || panic!("the callback is for what was not inherited");
        successor.fds().bind_with::<TcpListener>("http", not_called)
    });
    assert_eq!(cookie(&bound), cookie(&inherited));
}

#[test]
fn a_callback_that_fails_is_told_and_registers_nothing() {
    let service = first();
    let failing = || Err(std::io::Error::other("no such device"));
    let error = service.fds().bind_with::<TcpListener>("http", failing).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(error.to_string().contains("http"), "{error}");
    assert!(error.to_string().contains("no such device"), "{error}");
    let bound: TcpListener =
        service.fds().bind_with("http", || TcpListener::bind("127.0.0.1:0")).unwrap();
    bound.local_addr().unwrap();
}

#[test]
fn a_callback_may_use_the_entries_itself() {
    let service = first();
    let fds = service.fds();
    let listener: TcpListener = fds
        .bind_with("outer", || fds.bind_as("inner", "127.0.0.1:0").map_err(std::io::Error::other))
        .unwrap();
    assert_eq!(
        service.fds().bind_as::<TcpListener>("inner", "x:0").unwrap_err().kind(),
        ErrorKind::NameTaken
    );
    listener.local_addr().unwrap();
}

#[test]
fn listener_is_claimed_or_absent() {
    let predecessor = first();
    let bound: TcpListener = predecessor.fds().bind_as("http", "127.0.0.1:0").unwrap();
    assert!(predecessor.fds().claim::<TcpListener>("http").unwrap().is_none());
    predecessor.ready().unwrap();
    let (successor, claimed) =
        hand_over(&predecessor, |successor| successor.fds().claim::<TcpListener>("http"));
    assert_eq!(cookie(&claimed.unwrap()), cookie(&bound));
    assert!(successor.fds().claim::<TcpListener>("http").unwrap().is_none(), "it is claimed once");
}
