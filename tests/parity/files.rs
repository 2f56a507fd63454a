//! `Conn`, `File`, `Files`, and the calls that add: whatever else has a descriptor.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};

use heirloom::{Inherited, Kind, Upgrader};

use super::generations::{PATIENCE, cookie, first, fresh_name, hand_over, next};

fn connected_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (client, listener.accept().unwrap().0)
}

#[test]
fn conn_and_file_are_claimed() {
    let predecessor = first();
    let (mut client, server) = connected_pair();
    let (mut unix_client, unix_server) = UnixStream::pair().unwrap();
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(b"kept").unwrap();
    predecessor.fds().add("client", &server).unwrap().keep();
    predecessor.fds().add("client", &unix_server).unwrap().keep();
    predecessor.fds().add("journal", &file).unwrap().keep();
    predecessor.ready().unwrap();

    let (successor, (tcp, unix, journal)) = hand_over(&predecessor, |successor| {
        let fds = successor.fds();
        Ok((
            fds.claim::<TcpStream>("client")?,
            fds.claim::<UnixStream>("client")?,
            fds.claim::<File>("journal")?,
        ))
    });
    drop((server, unix_server, file, predecessor));

    tcp.unwrap().write_all(b"tcp").unwrap();
    unix.unwrap().write_all(b"unix").unwrap();
    assert!(!successor.fds().remove::<TcpStream>("client"), "it is the application's alone");
    assert!(!successor.fds().remove::<UnixStream>("client"));
    let (mut told, mut journal) = (String::new(), journal.unwrap());
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client.read_to_string(&mut told).unwrap();
    unix_client.set_read_timeout(Some(PATIENCE)).unwrap();
    unix_client.read_to_string(&mut told).unwrap();
    assert_eq!(told, "tcpunix");
    assert_eq!(journal.stream_position().unwrap(), 4, "the offset is shared");
    journal.rewind().unwrap();
    told.clear();
    journal.read_to_string(&mut told).unwrap();
    assert_eq!(told, "kept");
}

#[test]
fn whatever_has_no_type_of_its_own_is_handed_over_as_a_descriptor() {
    let predecessor = first();
    let (reader, mut writer) = std::io::pipe().unwrap();
    predecessor.fds().add("pipe", &OwnedFd::from(reader)).unwrap().keep();
    predecessor.ready().unwrap();
    let (_successor, claimed) =
        hand_over(&predecessor, |successor| successor.fds().claim::<OwnedFd>("pipe"));
    writer.write_all(b"through").unwrap();
    drop(writer);
    let mut told = String::new();
    File::from(claimed.unwrap()).read_to_string(&mut told).unwrap();
    assert_eq!(told, "through");
}

#[test]
fn add_listener_packet_conn_conn_file() {
    let predecessor = first();
    let fds = predecessor.fds();
    let folder = tempfile::tempdir().unwrap();
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let unix = UnixListener::bind(folder.path().join("stream")).unwrap();
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let unixgram = UnixDatagram::bind(folder.path().join("datagram")).unwrap();
    let (_client, connection) = connected_pair();
    let (_peer, unix_connection) = UnixStream::pair().unwrap();
    let file = tempfile::tempfile().unwrap();
    let descriptor = OwnedFd::from(tempfile::tempfile().unwrap());
    fds.add("one name", &tcp).unwrap().keep();
    fds.add("one name", &unix).unwrap().keep();
    fds.add("one name", &udp).unwrap().keep();
    fds.add("one name", &unixgram).unwrap().keep();
    fds.add("one name", &connection).unwrap().keep();
    fds.add("one name", &unix_connection).unwrap().keep();
    fds.add("one name", &file).unwrap().keep();
    fds.add("one name", &descriptor).unwrap().keep();
    predecessor.ready().unwrap();

    let (successor, ()) = hand_over(&predecessor, |successor| {
        let fds = successor.fds();
        assert_eq!(fds.inherited().count(), 8);
        assert_same(fds.claim("one name")?, &tcp);
        assert_same(fds.claim("one name")?, &unix);
        assert_same(fds.claim("one name")?, &udp);
        assert_same(fds.claim("one name")?, &unixgram);
        assert_same(fds.claim("one name")?, &connection);
        assert_same(fds.claim("one name")?, &unix_connection);
        assert!(fds.claim::<File>("one name")?.is_some());
        assert!(fds.claim::<OwnedFd>("one name")?.is_some());
        Ok(())
    });
    assert_eq!(successor.fds().inherited().count(), 0);
}

fn assert_same<T: AsFd>(claimed: Option<T>, added: &T) {
    assert_eq!(cookie(&claimed.unwrap()), cookie(added));
}

/// The names that a generation has inherited and not claimed.
fn names(service: &Upgrader) -> Vec<(Kind, String)> {
    service.fds().inherited().map(|Inherited { kind, name, .. }| (kind, name)).collect()
}

#[test]
fn files_are_listed() {
    let predecessor = first();
    let address = fresh_name();
    let _listener: UnixListener = predecessor.fds().bind(&address).unwrap();
    let file = tempfile::tempfile().unwrap();
    predecessor.fds().add("journal", &file).unwrap().keep();
    assert!(names(&predecessor).is_empty(), "what is its own is not inherited");
    predecessor.ready().unwrap();

    let successor = next(&predecessor);
    let expected = [(Kind::UnixListener, address.clone()), (Kind::File, "journal".into())];
    assert_eq!(names(&successor), expected);
    let _claimed = successor.fds().claim::<File>("journal").unwrap();
    assert_eq!(names(&successor), expected[..1]);
    let _bound: UnixListener = successor.fds().bind(&address).unwrap();
    assert!(names(&successor).is_empty());
}

#[test]
fn every_entry_that_is_listed_can_be_claimed_by_its_kind_and_name() {
    let predecessor = first();
    let file = tempfile::tempfile().unwrap();
    for number in 0..300 {
        predecessor.fds().add(&format!("file {number}"), &file).unwrap().keep();
    }
    predecessor.ready().unwrap();
    let (successor, claimed) = hand_over(&predecessor, |successor| {
        let fds = successor.fds();
        let listed: Vec<_> = fds.inherited().collect();
        listed.iter().map(|entry| fds.claim::<File>(&entry.name)).collect::<Result<Vec<_>, _>>()
    });
    assert_eq!(claimed.iter().flatten().count(), 300, "more than one frame holds");
    assert_eq!(successor.fds().inherited().count(), 0);
}

#[test]
fn the_applications_own_bytes_travel_with_an_entry() {
    let predecessor = first();
    let file = tempfile::tempfile().unwrap();
    let longest: Vec<u8> = (0..1_024_u32).map(|number| number.to_le_bytes()[0]).collect();
    predecessor.fds().add_with("longest", &file, longest.clone()).unwrap().keep();
    predecessor.fds().add("none", &file).unwrap().keep();
    predecessor.ready().unwrap();
    let successor = next(&predecessor);
    let told: Vec<_> = successor.fds().inherited().map(|entry| entry.opaque).collect();
    assert_eq!(told, [longest, Vec::new()]);
}

#[test]
fn more_than_1024_bytes_of_the_applications_own_are_refused() {
    let service = first();
    let file = tempfile::tempfile().unwrap();
    let error = service.fds().add_with("journal", &file, vec![0; 1_025]).unwrap_err();
    assert!(error.to_string().contains("1025 bytes"), "{error}");
    assert!(error.to_string().contains("1024"), "{error}");
    service.fds().add_with("journal", &file, vec![0; 1_024]).unwrap().keep();
}

#[test]
fn the_applications_own_bytes_are_handed_on_by_a_generation_that_claims_the_entry() {
    let grandparent = first();
    let file = tempfile::tempfile().unwrap();
    grandparent.fds().add_with("journal", &file, b"offset 7".into()).unwrap().keep();
    grandparent.ready().unwrap();
    let (parent, _file) = hand_over(&grandparent, |parent| parent.fds().claim::<File>("journal"));
    let child = next(&parent);
    let told: Vec<_> = child.fds().inherited().map(|entry| entry.opaque).collect();
    assert_eq!(told, [b"offset 7"]);
}
