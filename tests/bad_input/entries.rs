//! Entries that do not tell the truth about their descriptors, or break their bounds.

use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;

use heirloom::{Bind, ErrorKind, Kind};
use heirloom_proto::{Entry, Identity, Message, Name, Socket};
use nix::libc;
use socket2::SockRef;

use super::impostor::{file_entry, manifest, start_against};

/// The truth about a listener on 127.0.0.1.
fn truth(listener: &TcpListener) -> Socket {
    let SocketAddr::V4(address) = listener.local_addr().unwrap() else {
        panic!("it listens on 127.0.0.1");
    };
    let mut local = u16::try_from(libc::AF_INET).unwrap().to_ne_bytes().to_vec();
    local.extend(address.port().to_be_bytes());
    local.extend(address.ip().octets());
    local.extend([0; 8]);
    Socket {
        domain: libc::AF_INET,
        kind: libc::SOCK_STREAM,
        protocol: libc::IPPROTO_TCP,
        listening: true,
        local: local.try_into().unwrap(),
        cookie: SockRef::from(listener).cookie().unwrap(),
    }
}

fn entry(identity: Identity) -> Entry {
    let name = Name::new("http").unwrap();
    Entry { kind: Kind::TcpListener, name, identity, path: None, opaque: Default::default() }
}

fn listener() -> TcpListener {
    <TcpListener as Bind>::bind("127.0.0.1:0").unwrap()
}

/// What a successor says of an entry that comes with this descriptor.
fn report_of(entry: Entry, descriptor: impl Into<OwnedFd>) -> (ErrorKind, String) {
    let descriptor = descriptor.into();
    let error = start_against(move |impostor| {
        let peer = impostor.meet();
        impostor.welcome(&peer, 1);
        let frame = manifest(vec![entry], true).encode().unwrap();
        peer.send_with(&frame, &[descriptor.as_fd()]).unwrap();
        peer.hear_abort();
    })
    .unwrap_err();
    (error.kind(), error.to_string())
}

#[test]
fn the_truth_is_believed() {
    let listener = listener();
    let entry = entry(Identity::Socket(truth(&listener)));
    let cookie = SockRef::from(&listener).cookie().unwrap();
    let started = start_against(move |impostor| {
        let peer = impostor.meet();
        impostor.welcome(&peer, 1);
        let frame = manifest(vec![entry], true).encode().unwrap();
        peer.send_with(&frame, &[listener.as_fd()]).unwrap();
        assert!(matches!(peer.hear(), Some(Message::Received(_))));
    });
    let claimed = started.unwrap().fds().claim::<TcpListener>("http").unwrap().unwrap();
    assert_eq!(SockRef::from(&claimed).cookie().unwrap(), cookie);
}

#[test]
fn a_lie_about_the_number_of_a_socket_is_a_mismatch() {
    let listener = listener();
    let lie = Socket { cookie: truth(&listener).cookie ^ 1, ..truth(&listener) };
    let (kind, text) = report_of(entry(Identity::Socket(lie)), listener);
    assert_eq!(kind, ErrorKind::Mismatch, "{text}");
    assert!(text.contains("tcp http was announced as"), "{text}");
}

/// The kernel is asked whether it is a listener of TCP, and nobody else.
#[test]
fn a_lie_in_any_other_field_is_not_believed() {
    let lies: [fn(&mut Socket); 5] = [
        |socket| socket.domain = libc::AF_INET6,
        |socket| socket.kind = libc::SOCK_DGRAM,
        |socket| socket.protocol = libc::IPPROTO_UDP,
        |socket| socket.listening = false,
        |socket| socket.local = vec![0; 16].try_into().unwrap(),
    ];
    for lie in lies {
        let listener = listener();
        let mut socket = truth(&listener);
        lie(&mut socket);
        let cookie = socket.cookie;
        let started = start_against(move |impostor| {
            let peer = impostor.meet();
            impostor.welcome(&peer, 1);
            let frame = manifest(vec![entry(Identity::Socket(socket))], true).encode().unwrap();
            peer.send_with(&frame, &[listener.as_fd()]).unwrap();
            assert!(matches!(peer.hear(), Some(Message::Received(_))));
        });
        let claimed = started.unwrap().fds().claim::<TcpListener>("http").unwrap().unwrap();
        assert_eq!(SockRef::from(&claimed).cookie().unwrap(), cookie);
    }
}

#[test]
fn a_socket_that_is_announced_as_one_of_another_type_cannot_be_claimed_as_such() {
    let sent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let cookie = SockRef::from(&sent).cookie().unwrap();
    let lie = Socket { cookie, ..truth(&listener()) };
    let started = start_against(move |impostor| {
        let peer = impostor.meet();
        impostor.welcome(&peer, 1);
        let frame = manifest(vec![entry(Identity::Socket(lie))], true).encode().unwrap();
        peer.send_with(&frame, &[sent.as_fd()]).unwrap();
        assert!(matches!(peer.hear(), Some(Message::Received(_))));
    });
    let error = started.unwrap().fds().claim::<TcpListener>("http").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WrongType, "{error}");
}

#[test]
fn another_socket_than_the_one_announced() {
    let (announced, sent) = (listener(), listener());
    let entry = entry(Identity::Socket(truth(&announced)));
    let (kind, text) = report_of(entry, sent);
    assert_eq!(kind, ErrorKind::Mismatch);
    assert!(text.contains(&SockRef::from(&announced).cookie().unwrap().to_string()), "{text}");
}

#[test]
fn a_file_for_a_socket_and_a_socket_for_a_file() {
    let listener = listener();
    let socket = entry(Identity::Socket(truth(&listener)));
    let (kind, _) = report_of(socket, tempfile::tempfile().unwrap());
    assert_eq!(kind, ErrorKind::Mismatch);
    let file = file_entry("journal", tempfile::tempfile().unwrap());
    let (kind, text) = report_of(file, listener);
    assert_eq!(kind, ErrorKind::Mismatch);
    assert!(text.contains("file journal was announced as"), "{text}");
}

#[test]
fn another_file_than_the_one_announced() {
    let (announced, sent) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
    let (kind, _) = report_of(file_entry("journal", &announced), sent);
    assert_eq!(kind, ErrorKind::Mismatch);
}

#[test]
fn a_socket_of_another_type_than_its_entry_is_claimed_as() {
    let (one, _other) = UnixStream::pair().unwrap();
    let file = tempfile::tempfile().unwrap();
    let disguised = Entry { kind: Kind::TcpStream, ..file_entry("client", &file) };
    let started = start_against(move |impostor| {
        let peer = impostor.meet();
        impostor.welcome(&peer, 1);
        let frame = manifest(vec![disguised], true).encode().unwrap();
        peer.send_with(&frame, &[file.as_fd()]).unwrap();
        assert!(matches!(peer.hear(), Some(Message::Received(_))));
    });
    let error = started.unwrap().fds().claim::<TcpStream>("client").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WrongType);
    assert!(error.to_string().contains("no tcp connection"), "{error}");
    drop(one);
}

/// What a successor says of the frame of one entry once `spoil` has been at its bytes.
fn report_of_spoiled(spoil: impl FnOnce(&mut Vec<u8>) + Send + 'static) -> (ErrorKind, String) {
    let error = start_against(move |impostor| {
        let peer = impostor.meet();
        impostor.welcome(&peer, 1);
        let file = tempfile::tempfile().unwrap();
        let entry = file_entry("journal", &file);
        let mut frame = manifest(vec![entry], true).encode().unwrap();
        spoil(&mut frame);
        let body = u32::try_from(frame.len() - 12).unwrap();
        frame[8..12].copy_from_slice(&body.to_le_bytes());
        peer.send_with(&frame, &[file.as_fd()]).unwrap();
        peer.hear_abort();
    })
    .unwrap_err();
    (error.kind(), error.to_string())
}

/// Header, flag, count of entries, kind: then comes the length of the name, then the name.
const LENGTH_OF_NAME: usize = 12 + 1 + 8 + 2;
const NAME: usize = LENGTH_OF_NAME + 8;

/// Puts another name in the place of `journal`.
fn rename(frame: &mut Vec<u8>, name: &[u8]) {
    frame[LENGTH_OF_NAME..NAME].copy_from_slice(&(name.len() as u64).to_le_bytes());
    frame.splice(NAME..NAME + "journal".len(), name.iter().copied());
}

#[test]
fn names_that_break_their_bounds_on_the_wire() {
    let too_long = vec![b'n'; 256];
    for (name, expected) in [
        (&too_long[..], "a name has 256 bytes, at most 255"),
        (b"", "a name must not be empty"),
        (b"a\0b", "a name must not hold a NUL"),
        (b"\xff\xfe", "a text is not UTF-8"),
    ] {
        let name = name.to_vec();
        let (kind, text) = report_of_spoiled(move |frame| rename(frame, &name));
        assert_eq!(kind, ErrorKind::Protocol);
        assert!(text.starts_with("Manifest cannot be read"), "{text}");
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn a_flag_that_is_neither_0_nor_1() {
    let (kind, text) = report_of_spoiled(|frame| frame[12] = 2);
    assert_eq!(kind, ErrorKind::Protocol);
    assert!(text.contains("a flag is 2, not 0 or 1"), "{text}");
}

#[test]
fn more_entries_than_the_frame_holds() {
    let (kind, text) =
        report_of_spoiled(|frame| frame[13..21].copy_from_slice(&u64::MAX.to_le_bytes()));
    assert_eq!(kind, ErrorKind::Protocol);
    assert!(text.starts_with("Manifest cannot be read"), "{text}");
}
