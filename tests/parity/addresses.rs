//! `bind_as`: names that outlive addresses, and addresses that nobody can bind.

use std::io::Read;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::{UnixListener, UnixStream};

use heirloom::{ErrorKind, Strays, UnixSeqpacketListener};

use super::generations::{PATIENCE, cookie, first, fresh_name, hand_over, next, next_builder};

#[test]
fn a_name_keeps_the_port_that_port_0_chose() {
    let predecessor = first();
    let one: TcpListener = predecessor.fds().bind_as("one", "127.0.0.1:0").unwrap();
    let two: TcpListener = predecessor.fds().bind_as("two", "127.0.0.1:0").unwrap();
    predecessor.ready().unwrap();
    let (_successor, (one_again, two_again)) = hand_over(&predecessor, |successor| {
        let two: TcpListener = successor.fds().bind_as("two", "127.0.0.1:0")?;
        let one: TcpListener = successor.fds().bind_as("one", "127.0.0.1:0")?;
        Ok((one, two))
    });
    assert_eq!(cookie(&one), cookie(&one_again));
    assert_eq!(cookie(&two), cookie(&two_again));
}

#[test]
fn a_changed_address_binds_anew_and_leaves_the_old_one_a_stray() {
    let predecessor = first();
    let old: TcpListener = predecessor.fds().bind_as("http", "127.0.0.1:0").unwrap();
    predecessor.ready().unwrap();
    let successor = next(&predecessor);
    let new: TcpListener = successor.fds().bind_as("http", "[::1]:0").unwrap();
    assert_ne!(cookie(&old), cookie(&new));
    let strays: Vec<_> = successor.fds().inherited().map(|entry| entry.name).collect();
    assert_eq!(strays, ["http"]);
    successor.ready().unwrap();

    let mut waiting = TcpStream::connect(old.local_addr().unwrap()).unwrap();
    waiting.set_read_timeout(Some(PATIENCE)).unwrap();
    drop((old, predecessor));
    let reset = waiting.read(&mut [0]).unwrap_err();
    assert_eq!(reset.kind(), std::io::ErrorKind::ConnectionReset, "nobody listens there any more");
    let (_third, inherited): (_, TcpListener) =
        hand_over(&successor, |third| third.fds().bind_as("http", "[::1]:0"));
    assert_eq!(cookie(&inherited), cookie(&new));
}

#[test]
fn a_kept_stray_does_not_replace_the_socket_that_was_bound_in_its_stead() {
    let predecessor = first();
    let _old: TcpListener = predecessor.fds().bind_as("http", "127.0.0.1:0").unwrap();
    predecessor.ready().unwrap();
    let successor = next_builder(&predecessor).strays(Strays::Keep).start().unwrap();
    let new: TcpListener = successor.fds().bind_as("http", "[::1]:0").unwrap();
    successor.ready().unwrap();
    let (_third, inherited): (_, TcpListener) =
        hand_over(&successor, |third| third.fds().bind_as("http", "[::1]:0"));
    assert_eq!(cookie(&inherited), cookie(&new));
}

#[test]
fn a_changed_path_leaves_the_old_one_a_stray_that_is_unlinked() {
    let folder = tempfile::tempdir().unwrap();
    let (old_path, new_path) = (folder.path().join("old"), folder.path().join("new"));
    let predecessor = first();
    let _old: UnixListener = predecessor.fds().bind_as("api", old_path.display()).unwrap();
    predecessor.ready().unwrap();
    let (_successor, _new): (_, UnixListener) =
        hand_over(&predecessor, |successor| successor.fds().bind_as("api", new_path.display()));
    assert!(!old_path.exists(), "nobody serves it");
    UnixStream::connect(&new_path).unwrap();
}

#[test]
fn another_host_name_for_the_same_address_is_no_change() {
    let predecessor = first();
    let bound: TcpListener = predecessor.fds().bind_as("http", "127.0.0.1:0").unwrap();
    predecessor.ready().unwrap();
    let address = bound.local_addr().unwrap();
    let (_successor, inherited): (_, TcpListener) = hand_over(&predecessor, |successor| {
        successor.fds().bind_as("http", format!("localhost:{}", address.port()))
    });
    assert_eq!(cookie(&bound), cookie(&inherited));
}

#[test]
fn an_address_in_use_is_told_as_such() {
    let service = first();
    let foreign = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = foreign.local_addr().unwrap();
    let error = service.fds().bind::<TcpListener>(address).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddressInUse);
    assert!(error.to_string().contains(&address.to_string()), "{error}");
    drop(foreign);
    let _bound: TcpListener = service.fds().bind(address).expect("a failed bind takes no name");
}

#[test]
fn an_address_that_is_none_is_told_as_such() {
    let service = first();
    for wrong in ["nonsense", "127.0.0.1", "127.0.0.1:http", "127.0.0.1:65536"] {
        let error = service.fds().bind::<TcpListener>(wrong).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidAddress, "{error}");
        assert!(error.to_string().contains(wrong), "{error}");
        let error = service.fds().bind::<UdpSocket>(wrong).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidAddress, "{error}");
    }
    for wrong in
        ["@".to_owned(), "@".to_owned() + &"n".repeat(108), "/".to_owned() + &"p".repeat(107)]
    {
        let error = service.fds().bind::<UnixListener>(&wrong).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidAddress, "{error}");
        let length = wrong.trim_start_matches('@').len();
        assert!(error.to_string().contains(&format!("{length} bytes")), "{error}");
        assert!(error.to_string().contains("107"), "{error}");
    }
}

#[test]
fn the_longest_unix_addresses_are_bound() {
    let service = first();
    let name = fresh_name();
    let longest = format!("{name}{}", "n".repeat(108 - name.len()));
    assert_eq!(longest.len(), 108, "`@` and 107 bytes");
    let _listener: UnixListener = service.fds().bind(&longest).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let stem = folder.path().join("s").display().to_string();
    let longest = format!("{stem}{}", "p".repeat(107 - stem.len()));
    let _listener: UnixListener = service.fds().bind(&longest).unwrap();
}

#[test]
fn a_path_that_a_dead_process_has_left_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let service = first();
    let _listener: UnixListener = service.fds().bind(path.display()).unwrap();
    UnixStream::connect(&path).unwrap();
}

#[test]
fn a_path_that_somebody_serves_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let foreign = UnixListener::bind(&path).unwrap();
    let service = first();
    let error = service.fds().bind::<UnixListener>(path.display()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddressInUse, "{error}");
    let error = service.fds().bind::<UnixSeqpacketListener>(path.display()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddressInUse, "{error}");
    let _client = UnixStream::connect(&path).unwrap();
    foreign.accept().unwrap();
}

#[test]
fn a_file_that_is_no_socket_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes");
    std::fs::write(&path, "mine").unwrap();
    let service = first();
    let error = service.fds().bind::<UnixListener>(path.display()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddressInUse, "{error}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
}
