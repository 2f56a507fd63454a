//! `Stop`: the end of a service, and who removes what it leaves in the file system.

use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::Path;

use heirloom::{ErrorKind, UnixSeqpacketListener, Upgrader};

use super::generations::{PATIENCE, first, first_builder, hand_over, next, next_builder};

/// Binds a socket of each type in `folder`.
fn bind_three(service: &Upgrader, folder: &Path) {
    let fds = service.fds();
    let _: UnixListener = fds.bind(folder.join("stream").display()).unwrap();
    let _: UnixDatagram = fds.bind(folder.join("datagram").display()).unwrap();
    let _: UnixSeqpacketListener = fds.bind(folder.join("packet").display()).unwrap();
}

fn count(folder: &Path) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}

#[test]
fn stop_unlinks_unix_paths_without_a_successor() {
    let folder = tempfile::tempdir().unwrap();
    let service = first();
    bind_three(&service, folder.path());
    service.ready().unwrap();
    assert_eq!(count(folder.path()), 3);
    service.stop();
    assert!(service.exit().wait_timeout(PATIENCE));
    assert_eq!(count(folder.path()), 0);
}

#[test]
fn stop_leaves_unix_paths_to_a_successor() {
    let folder = tempfile::tempdir().unwrap();
    let predecessor = first();
    bind_three(&predecessor, folder.path());
    predecessor.ready().unwrap();
    let (successor, ()) = hand_over(&predecessor, |successor| {
        bind_three(successor, folder.path());
        Ok(())
    });
    predecessor.stop();
    drop(predecessor);
    assert_eq!(count(folder.path()), 3);
    UnixStream::connect(folder.path().join("stream")).unwrap();
    successor.stop();
    assert!(successor.exit().wait_timeout(PATIENCE));
    assert_eq!(count(folder.path()), 0, "what was inherited is the successor's to unlink");
}

#[test]
fn stop_of_a_successor_that_never_owned_leaves_unix_paths_to_the_owner() {
    let folder = tempfile::tempdir().unwrap();
    let predecessor = first();
    bind_three(&predecessor, folder.path());
    predecessor.ready().unwrap();
    let successor = next(&predecessor);
    bind_three(&successor, folder.path());
    successor.stop();
    assert!(successor.exit().wait_timeout(PATIENCE));
    drop(successor);
    assert_eq!(count(folder.path()), 3);
    UnixStream::connect(folder.path().join("stream")).unwrap();
}

#[test]
fn stop_of_a_successor_that_never_owned_unlinks_what_it_bound_itself() {
    let folder = tempfile::tempdir().unwrap();
    let predecessor = first();
    predecessor.ready().unwrap();
    let successor = next(&predecessor);
    bind_three(&successor, folder.path());
    successor.stop();
    drop(successor);
    assert_eq!(count(folder.path()), 0);
}

#[test]
fn stop_leaves_a_path_that_somebody_else_has_taken() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stream");
    let service = first();
    let _listener: UnixListener = service.fds().bind(path.display()).unwrap();
    std::fs::remove_file(&path).unwrap();
    let _foreign = UnixListener::bind(&path).unwrap();
    service.ready().unwrap();
    service.stop();
    assert!(service.exit().wait_timeout(PATIENCE));
    UnixStream::connect(&path).unwrap();
}

#[test]
fn stop_leaves_the_path_of_a_socket_that_was_added() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stream");
    let own = UnixListener::bind(&path).unwrap();
    let service = first();
    service.fds().add("api", &own).unwrap().keep();
    service.ready().unwrap();
    drop(service);
    UnixStream::connect(&path).expect("who bound it unlinks it");
}

#[test]
fn stop_is_said_before_ready_and_more_than_once() {
    let service = first();
    service.stop();
    service.stop();
    assert!(service.exit().wait_timeout(PATIENCE));
    service.stop();
    let error = service.upgrade().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Stopping, "terminating");
}

#[test]
fn a_stopped_service_refuses_successors_until_it_is_gone() {
    let service = first();
    service.ready().unwrap();
    service.stop();
    assert!(service.exit().wait_timeout(PATIENCE));
    let error = next_builder(&service).start().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Stopping);
    assert!(error.to_string().contains("generation 1 is stopping"), "{error}");
    let name = service.handoff_socket().to_owned();
    drop(service);
    let error = Upgrader::builder()
        .handoff_socket(name)
        .takeover(heirloom::Takeover::Require)
        .start()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Absent);
}

#[test]
fn stop_ends_a_handoff_that_goes_on() {
    let service = first();
    service.ready().unwrap();
    let successor = next(&service);
    service.stop();
    assert!(service.exit().wait_timeout(PATIENCE));
    let error = successor.ready().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Stopping, "{error}");
    assert!(!successor.exit().is_fired());
}

#[test]
fn the_handoff_socket_of_a_service_that_ends_is_unlinked() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("control");
    let service = first_builder().handoff_socket(path.to_str().unwrap()).start().unwrap();
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    service.ready().unwrap();
    let (successor, ()) = hand_over(&service, |_| Ok(()));
    drop(service);
    assert!(path.exists(), "it is the successor's");
    drop(successor);
    assert!(!path.exists());
}
