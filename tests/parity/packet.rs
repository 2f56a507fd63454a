//! `ListenPacket`, `PacketConn`, `AddPacketConn`: sockets that take datagrams.

use std::net::UdpSocket;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use super::generations::{PATIENCE, cookie, first, fresh_name, hand_over};

fn assert_udp_is_inherited(address: &str, from: &str) {
    let predecessor = first();
    let bound: UdpSocket = predecessor.fds().bind(address).unwrap();
    predecessor.ready().unwrap();
    let client = UdpSocket::bind(from).unwrap();
    client.send_to(b"before", bound.local_addr().unwrap()).unwrap();
    let (_successor, inherited): (_, UdpSocket) =
        hand_over(&predecessor, |successor| successor.fds().bind(address));
    assert_eq!(cookie(&bound), cookie(&inherited));
    drop(bound);
    drop(predecessor);
    client.send_to(b"after", inherited.local_addr().unwrap()).unwrap();
    inherited.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut room = [0; 16];
    for expected in ["before", "after"] {
        let (length, _) = inherited.recv_from(&mut room).unwrap();
        assert_eq!(&room[..length], expected.as_bytes());
    }
}

#[test]
fn listen_packet_inherits_or_binds() {
    assert_udp_is_inherited("127.0.0.1:0", "127.0.0.1:0");
}

#[test]
fn listen_packet_inherits_or_binds_ipv6() {
    assert_udp_is_inherited("[::1]:0", "[::1]:0");
}

#[test]
fn listen_packet_inherits_or_binds_a_unixgram_path_and_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let name = fresh_name();
    let by_path = SocketAddr::from_pathname(&path).unwrap();
    let by_name = SocketAddr::from_abstract_name(&name[1..]).unwrap();
    for (text, address) in [(path.to_str().unwrap(), by_path), (name.as_str(), by_name)] {
        let predecessor = first();
        let bound: UnixDatagram = predecessor.fds().bind(text).unwrap();
        predecessor.ready().unwrap();
        let client = UnixDatagram::unbound().unwrap();
        client.send_to_addr(b"before", &address).unwrap();
        let (_successor, inherited): (_, UnixDatagram) =
            hand_over(&predecessor, |successor| successor.fds().bind(text));
        assert_eq!(cookie(&bound), cookie(&inherited));
        inherited.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut room = [0; 16];
        let length = inherited.recv(&mut room).unwrap();
        assert_eq!(&room[..length], b"before");
    }
}

#[test]
fn listen_packet_with_callback() {
    let make = || {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.set_broadcast(true)?;
        Ok(socket)
    };
    let predecessor = first();
    let bound = predecessor.fds().bind_with("dns", make).unwrap();
    predecessor.ready().unwrap();
    let (_successor, inherited) = hand_over(&predecessor, |successor| {
        let not_called = || panic!("the callback is for what was not inherited");
        successor.fds().bind_with::<UdpSocket>("dns", not_called)
    });
    assert_eq!(cookie(&bound), cookie(&inherited));
    assert!(inherited.broadcast().unwrap(), "options belong to the socket");
}

#[test]
fn packet_conn_is_claimed_or_absent() {
    let predecessor = first();
    let own = UdpSocket::bind("127.0.0.1:0").unwrap();
    predecessor.fds().add("dns", &own).unwrap().keep();
    predecessor.ready().unwrap();
    let (successor, claimed) =
        hand_over(&predecessor, |successor| successor.fds().claim::<UdpSocket>("dns"));
    assert_eq!(cookie(&claimed.unwrap()), cookie(&own));
    assert!(successor.fds().claim::<UdpSocket>("ntp").unwrap().is_none());
}
