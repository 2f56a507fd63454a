//! Handoff addresses that cannot work.

use std::fs;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::Path;
use std::sync::mpsc::channel;
use std::thread;

use heirloom::{Error, ErrorKind, Takeover};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use super::peer::fresh_name;
use super::service::builder;
use crate::support::DEADLINE;

fn refused(address: &str) -> Error {
    let error = builder(address).start().unwrap_err();
    let twice = builder(address).takeover(Takeover::Never).start().unwrap_err();
    assert_eq!(error.kind(), twice.kind(), "whatever the policy");
    error
}

fn assert_is_no_handoff_socket(path: &Path) {
    let error = refused(path.to_str().unwrap());
    assert_eq!(error.kind(), ErrorKind::InvalidAddress, "{error}");
    let expected = format!("{} exists and is no handoff socket", path.display());
    assert!(error.to_string().contains(&expected), "{error}");
    assert!(error.to_string().contains("remove it or choose another"), "{error}");
}

#[test]
fn a_directory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("folder");
    fs::create_dir(&path).unwrap();
    assert_is_no_handoff_socket(&path);
    assert!(path.is_dir());
}

#[test]
fn a_regular_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes");
    fs::write(&path, "mine").unwrap();
    assert_is_no_handoff_socket(&path);
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
}

#[test]
fn a_symbolic_link_to_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let (file, path) = (folder.path().join("notes"), folder.path().join("link"));
    fs::write(&file, "mine").unwrap();
    std::os::unix::fs::symlink(&file, &path).unwrap();
    assert_is_no_handoff_socket(&path);
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
}

#[test]
fn a_socket_of_another_type() {
    let folder = tempfile::tempdir().unwrap();
    let (stream, datagram) = (folder.path().join("stream"), folder.path().join("datagram"));
    let listener = UnixListener::bind(&stream).unwrap();
    let _datagram = UnixDatagram::bind(&datagram).unwrap();
    assert_is_no_handoff_socket(&stream);
    assert_is_no_handoff_socket(&datagram);
    let _client = std::os::unix::net::UnixStream::connect(&stream).unwrap();
    listener.accept().unwrap();
}

#[test]
fn an_abstract_name_of_another_type_is_another_name() {
    use std::os::linux::net::SocketAddrExt;
    let name = fresh_name();
    let address = std::os::unix::net::SocketAddr::from_abstract_name(&name[1..]).unwrap();
    let _listener = UnixListener::bind_addr(&address).unwrap();
    let service = builder(&name).start().unwrap();
    service.ready().unwrap();
    assert_eq!(builder(&name).start().unwrap().generation(), 2);
}

#[test]
fn one_that_is_too_long_or_empty() {
    for (address, length) in [
        ("/".to_owned() + &"p".repeat(107), 108),
        ("@".to_owned() + &"n".repeat(108), 108),
        (String::new(), 0),
        ("@".to_owned(), 0),
        ("@with\0nul".to_owned(), 8),
    ] {
        let error = refused(&address);
        assert_eq!(error.kind(), ErrorKind::InvalidAddress, "{error}");
        let text = error.to_string();
        assert!(text.contains(&format!("has {length} bytes, 1 to 107")), "{text}");
        assert!(text.contains("choose a shorter path or name"), "{text}");
    }
}

#[test]
fn the_longest_are_taken() {
    let name = fresh_name();
    builder(&format!("{name}{}", "n".repeat(108 - name.len()))).start().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let stem = folder.path().join("s").display().to_string();
    builder(&format!("{stem}{}", "p".repeat(107 - stem.len()))).start().unwrap();
}

#[test]
fn a_folder_that_is_missing_or_no_folder() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    for path in [folder.path().join("missing/socket"), file.join("socket")] {
        let error = refused(path.to_str().unwrap());
        assert_eq!(error.kind(), ErrorKind::Io, "{error}");
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    }
}

/// What a start says of a handoff path beside which something else lies than its lock.
fn refused_for_its_lock(make: impl FnOnce(&Path)) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let lock = folder.path().join("socket.lock");
    make(&lock);
    let (told, is_told) = channel();
    thread::spawn(move || told.send(refused(path.to_str().unwrap())));
    let error = is_told.recv_timeout(DEADLINE).expect("it waits there");
    assert_eq!(error.kind(), ErrorKind::InvalidAddress, "{error}");
    let expected = format!("{} exists and is no regular file", lock.display());
    assert!(error.to_string().contains(&expected), "{error}");
    assert!(error.to_string().contains("remove it or choose another"), "{error}");
}

#[test]
fn a_fifo_in_the_place_of_the_lock() {
    refused_for_its_lock(|lock| mkfifo(lock, Mode::S_IRWXU).unwrap());
}

/// It can be opened then, and locked.
#[test]
fn a_fifo_that_is_read_in_the_place_of_the_lock() {
    let mut reader = None;
    refused_for_its_lock(|lock| {
        mkfifo(lock, Mode::S_IRWXU).unwrap();
        let nonblocking = fs::File::options().read(true).write(true).open(lock);
        reader = Some(nonblocking.unwrap());
    });
}

#[test]
fn a_directory_a_socket_or_a_link_in_the_place_of_the_lock() {
    refused_for_its_lock(|lock| fs::create_dir(lock).unwrap());
    refused_for_its_lock(|lock| drop(UnixListener::bind(lock).unwrap()));
    refused_for_its_lock(|lock| std::os::unix::fs::symlink("/dev/null", lock).unwrap());
}
