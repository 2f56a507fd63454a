//! The guard that `add` returns, `remove`, and when nothing may be registered.

use std::fs::File;
use std::io::Read;
use std::net::TcpListener;
use std::os::unix::net::UnixStream;

use heirloom::{ErrorKind, Upgrader};

use super::generations::{PATIENCE, first, hand_over, next};

fn ready_service() -> Upgrader {
    let service = first();
    service.ready().unwrap();
    service
}

/// Whether the other end of `client` is open still. Reads nothing.
fn is_open(client: &mut UnixStream) -> bool {
    client.set_nonblocking(true).unwrap();
    let read = client.read(&mut [0]);
    client.set_nonblocking(false).unwrap();
    read.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
}

#[test]
fn a_connection_closes_once_the_applications_copy_and_the_guard_are_gone() {
    let service = ready_service();
    let (mut client, server) = UnixStream::pair().unwrap();
    let guard = service.fds().add("client", &server).unwrap();
    drop(server);
    assert!(is_open(&mut client), "the duplicate keeps it open");
    drop(guard);
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    assert_eq!(client.read(&mut [0]).unwrap(), 0, "the peer sees it close");
}

#[test]
fn a_guard_that_is_dropped_first_leaves_the_applications_copy_alone() {
    let service = ready_service();
    let (mut client, server) = UnixStream::pair().unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    drop(service.fds().add("client", &server).unwrap());
    assert!(is_open(&mut client));
    drop(server);
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
}

#[test]
fn what_is_kept_is_handed_over_and_what_is_dropped_is_not() {
    let service = ready_service();
    let file = tempfile::tempfile().unwrap();
    service.fds().add("kept", &file).unwrap().keep();
    let held = service.fds().add("held", &file).unwrap();
    drop(service.fds().add("dropped", &file).unwrap());
    let successor = next(&service);
    let names: Vec<_> = successor.fds().inherited().map(|entry| entry.name).collect();
    assert_eq!(names, ["held", "kept"]);
    drop(held);
}

#[test]
fn a_name_is_free_again_when_its_guard_is_dropped() {
    let service = first();
    let file = tempfile::tempfile().unwrap();
    let guard = service.fds().add("journal", &file).unwrap();
    assert_eq!(service.fds().add("journal", &file).unwrap_err().kind(), ErrorKind::NameTaken);
    drop(guard);
    service.fds().add("journal", &file).unwrap().keep();
}

#[test]
fn remove_takes_an_entry_out_once() {
    let service = ready_service();
    let listener: TcpListener = service.fds().bind_as("http", "127.0.0.1:0").unwrap();
    assert!(!service.fds().remove::<File>("http"), "no file is called so");
    assert!(service.fds().remove::<TcpListener>("http"));
    assert!(!service.fds().remove::<TcpListener>("http"));
    let successor = next(&service);
    assert_eq!(successor.fds().inherited().count(), 0);
    listener.local_addr().unwrap();
}

#[test]
fn a_guard_does_not_remove_the_entry_that_took_its_name() {
    let service = ready_service();
    let file = tempfile::tempfile().unwrap();
    let guard = service.fds().add("journal", &file).unwrap();
    assert!(service.fds().remove::<File>("journal"));
    service.fds().add("journal", &file).unwrap().keep();
    drop(guard);
    assert_eq!(next(&service).fds().inherited().count(), 1);
}

#[test]
fn a_predecessor_that_has_handed_over_holds_no_duplicate_any_more() {
    let predecessor = ready_service();
    let (mut client, server) = UnixStream::pair().unwrap();
    predecessor.fds().add("client", &server).unwrap().keep();
    drop(server);
    let (_successor, claimed) =
        hand_over(&predecessor, |successor| successor.fds().claim::<UnixStream>("client"));
    assert!(is_open(&mut client), "the successor holds it");
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    drop(claimed);
    assert_eq!(client.read(&mut [0]).unwrap(), 0, "nobody else does");
}

#[test]
fn a_claimed_connection_is_handed_on_once_it_is_added_again() {
    let grandparent = ready_service();
    let (mut client, server) = UnixStream::pair().unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    grandparent.fds().add("client", &server).unwrap().keep();
    drop(server);
    let (parent, (server, guard)) = hand_over(&grandparent, |parent| {
        let server = parent.fds().claim::<UnixStream>("client")?.unwrap();
        let guard = parent.fds().add("client", &server)?;
        Ok((server, guard))
    });
    let (_child, claimed) = hand_over(&parent, |child| child.fds().claim::<UnixStream>("client"));
    drop((server, guard));
    assert!(is_open(&mut client), "the youngest holds it");
    drop(claimed);
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
}

#[test]
fn nothing_is_registered_after_the_handover() {
    let predecessor = ready_service();
    let (_successor, ()) = hand_over(&predecessor, |_| Ok(()));
    assert!(predecessor.exit().wait_timeout(PATIENCE));
    let error = predecessor.fds().bind::<TcpListener>("127.0.0.1:0").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
    assert!(error.to_string().contains("handed over"), "{error}");
    let file = tempfile::tempfile().unwrap();
    assert_eq!(predecessor.fds().add("journal", &file).unwrap_err().kind(), ErrorKind::Closed);
    let not_called = || panic!("a socket that cannot be registered is not made");
    let error = predecessor.fds().bind_with::<TcpListener>("http", not_called).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
}

#[test]
fn a_socket_bound_during_a_handoff_aborts_it_with_a_word() {
    aborts_a_handoff(|fds| drop(fds.bind_as::<TcpListener>("late", "127.0.0.1:0").unwrap()));
}

#[test]
fn a_socket_added_during_a_handoff_aborts_it_with_a_word() {
    aborts_a_handoff(|fds| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        fds.add("late", &listener).unwrap().keep();
    });
}

fn aborts_a_handoff(register: impl FnOnce(heirloom::Fds)) {
    let predecessor = ready_service();
    let successor = next(&predecessor);
    register(predecessor.fds());
    let error = successor.ready().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Aborted);
    assert!(error.to_string().contains("added while the handoff was going on"), "{error}");
    assert!(error.to_string().contains("try again"), "{error}");
    assert!(!predecessor.exit().is_fired());

    let (_another, late) =
        hand_over(&predecessor, |another| another.fds().claim::<TcpListener>("late"));
    assert!(late.is_some());
}

#[test]
fn a_connection_added_during_a_handoff_stays_with_its_process() {
    let predecessor = ready_service();
    let successor = next(&predecessor);
    let (mut client, server) = UnixStream::pair().unwrap();
    predecessor.fds().add("client", &server).unwrap().keep();
    successor.ready().unwrap();
    assert_eq!(successor.fds().inherited().count(), 0);
    assert!(is_open(&mut client), "its own process finishes with it");
}
