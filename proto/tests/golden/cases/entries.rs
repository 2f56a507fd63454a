//! `Manifest`, with entries of every kind.

use heirloom_proto::{Entry, FileId, Identity, Kind, Message, Name, Socket};

use crate::support::samples::batch;

pub(super) fn cases() -> Vec<(&'static str, Message)> {
    let sockets = [listeners(), connections()].concat();
    vec![
        ("manifest-every-kind-of-socket", batch(sockets, true)),
        ("manifest-every-kind-of-file", batch(files(), true)),
        ("manifest-state-and-last-words", batch(states(), true)),
        ("manifest-unknown-kind", batch(vec![unknown()], true)),
        ("manifest-longest-entry", batch(vec![longest()], true)),
    ]
}

/// An entry of a kind that no release knows yet, on a socket as no kernel has it.
pub(super) fn unknown() -> Entry {
    let (domain, kind, protocol) = (-1, i32::MIN, i32::MAX);
    let socket = Socket { domain, kind, protocol, ..socket(1, 1, 0, b"") };
    entry(Kind::Other(60_000), "größe 日本 🦀", Identity::Socket(socket), b"\x00\xff")
}

fn listeners() -> Vec<Entry> {
    let listening = |socket| Identity::Socket(Socket { listening: true, ..socket });
    let path = |entry| Entry { path: Some(FileId { device: 0x0803, inode: 77 }), ..entry };
    let stream = listening(socket(1, 1, 0, b"\x01\0/run/echo.sock\0"));
    let packets = listening(socket(1, 5, 0, b"\x01\0/run/packets\0"));
    vec![
        entry(Kind::TcpListener, "127.0.0.1:7000", listening(socket(2, 1, 6, IPV4)), b"tls"),
        entry(Kind::UdpSocket, "[::1]:53", Identity::Socket(socket(10, 2, 17, IPV6)), b""),
        path(entry(Kind::UnixListener, "/run/echo.sock", stream, b"")),
        path(entry(Kind::UnixSeqpacketListener, "/run/packets", packets, b"")),
    ]
}

fn connections() -> Vec<Entry> {
    let datagram = Identity::Socket(socket(1, 2, 0, b"\x01\0\0syslog"));
    let tcp = Identity::Socket(socket(2, 1, 6, IPV4));
    let unnamed = Identity::Socket(socket(1, 1, 0, b"\x01\0"));
    let control = Identity::Socket(socket(1, 5, 0, b"\x01\0\0echo"));
    let generation = [&7_u64.to_le_bytes()[..], &4_321_u32.to_le_bytes()].concat();
    vec![
        entry(Kind::UnixDatagram, "@syslog", datagram, b""),
        entry(Kind::TcpStream, "client 1", tcp, b"session"),
        entry(Kind::UnixStream, "client 2", unnamed, b""),
        entry(Kind::Draining, "generation 7", control, &generation),
    ]
}

fn files() -> Vec<Entry> {
    let file = |inode| Identity::File(FileId { device: 0xfd00, inode });
    vec![
        entry(Kind::File, "access log", file(0x0102_0304_0506_0708), b"offset 4096"),
        entry(Kind::Descriptor, "timer", file(u64::MAX), b""),
    ]
}

/// One state in two schemas, and what announces last words of the same name.
fn states() -> Vec<Entry> {
    let file = |inode| Identity::File(FileId { device: 1, inode });
    vec![
        entry(Kind::State, "counter", file(4_097), b"v2"),
        entry(Kind::State, "counter", file(4_098), b"v1"),
        entry(Kind::LastWords, "counter", file(4_099), b"delta v2"),
    ]
}

/// Everything in it is as long as it may be.
fn longest() -> Entry {
    let socket = Socket { listening: true, cookie: u64::MAX, ..socket(1, 1, 0, &[0xaa; 128]) };
    let opaque: Vec<u8> = (0..=255).cycle().take(1_024).collect();
    let name = "é".repeat(127) + "!";
    let path = Some(FileId { device: u64::MAX, inode: u64::MAX - 1 });
    Entry { path, ..entry(Kind::UnixListener, &name, Identity::Socket(socket), &opaque) }
}

pub(super) fn entry(kind: Kind, name: &str, identity: Identity, opaque: &[u8]) -> Entry {
    let name = Name::new(name).unwrap();
    Entry { kind, name, identity, path: None, opaque: opaque.to_vec().try_into().unwrap() }
}

pub(super) fn socket(domain: i32, kind: i32, protocol: i32, local: &[u8]) -> Socket {
    let local = local.to_vec().try_into().unwrap();
    Socket { domain, kind, protocol, listening: false, local, cookie: 0x1234 }
}

/// `127.0.0.1:7000` as a `sockaddr_in`.
pub(super) const IPV4: &[u8; 16] = b"\x02\0\x1b\x58\x7f\0\0\x01\0\0\0\0\0\0\0\0";

/// `[::1]:53` as a `sockaddr_in6`.
const IPV6: &[u8; 28] = b"\x0a\0\0\x35\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\0";
