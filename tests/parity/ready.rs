//! `Ready`, `PIDFile`, `WaitForParent`, `HasParent`, `testing`: becoming the owner.

use std::fs;
use std::io::{ErrorKind as ErrorOfClient, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use heirloom::{ErrorKind, Strays, Takeover, Upgrader, testing};

use super::generations::{
    PATIENCE, cookie, first, first_builder, fresh_name, hand_over, next, next_builder,
};

/// A generation that has bound `one` and `two`, and is ready.
fn with_two_listeners() -> (Upgrader, [TcpListener; 2]) {
    let service = first();
    let listeners = ["one", "two"].map(|name| service.fds().bind_as(name, "127.0.0.1:0").unwrap());
    service.ready().unwrap();
    (service, listeners)
}

#[test]
fn ready_closes_and_names_strays() {
    let (predecessor, listeners) = with_two_listeners();
    let [mut of_one, mut of_two] = listeners.map(queued_client);
    let successor = next(&predecessor);
    let one = successor.fds().claim::<TcpListener>("one").unwrap().unwrap();
    let strays: Vec<_> = successor.fds().inherited().map(|entry| entry.name).collect();
    assert_eq!(strays, ["two"]);
    successor.ready().unwrap();
    assert_eq!(successor.fds().inherited().count(), 0);
    assert!(!is_served(&mut of_two), "nobody listens there any more");
    one.accept().unwrap().0.write_all(b"!").unwrap();
    assert!(is_served(&mut of_one));
}

/// A client that waits to be accepted; the listener is dropped.
fn queued_client(listener: TcpListener) -> TcpStream {
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client
}

/// Whether a client gets an answer, or else is reset since its listener was closed everywhere.
fn is_served(client: &mut TcpStream) -> bool {
    match client.read(&mut [0]) {
        Err(error) => {
            assert_eq!(error.kind(), ErrorOfClient::ConnectionReset);
            false
        }
        Ok(length) => length == 1,
    }
}

#[test]
fn ready_keeps_strays_if_told_so_and_hands_them_on() {
    let (predecessor, [_, two]) = with_two_listeners();
    let successor = next_builder(&predecessor).strays(Strays::Keep).start().unwrap();
    successor.ready().unwrap();
    assert_eq!(successor.fds().inherited().count(), 0);
    let (_third, claimed) = hand_over(&successor, |third| third.fds().claim::<TcpListener>("two"));
    assert_eq!(cookie(&claimed.unwrap()), cookie(&two));
}

#[test]
fn ready_fails_for_strays_if_told_so_until_they_are_claimed() {
    let (predecessor, _listeners) = with_two_listeners();
    let successor = next_builder(&predecessor).strays(Strays::Fail).start().unwrap();
    let _one = successor.fds().claim::<TcpListener>("one").unwrap();
    let error = successor.ready().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Strays);
    assert!(error.to_string().contains("1 were inherited and not claimed: two"), "{error}");
    assert!(!predecessor.exit().is_fired(), "it has not been told");
    let _two = successor.fds().claim::<TcpListener>("two").unwrap();
    successor.ready().unwrap();
    assert!(predecessor.exit().wait_timeout(PATIENCE));
}

#[test]
fn ready_may_be_said_again() {
    let predecessor = first();
    predecessor.ready().unwrap();
    predecessor.ready().unwrap();
    let successor = next(&predecessor);
    successor.ready().unwrap();
    successor.ready().unwrap();
}

#[test]
fn pid_file_holds_the_owners_process_id_and_goes_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("service.pid");
    let service = first_builder().pid_file(&path).start().unwrap();
    assert!(!path.exists(), "it is not ready");
    service.ready().unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), format!("{}\n", std::process::id()));
    drop(service);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0, "nothing is left in the folder");
}

#[test]
fn pid_file_becomes_the_successors_and_the_predecessor_leaves_it_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("service.pid");
    let predecessor = first_builder().pid_file(&path).start().unwrap();
    predecessor.ready().unwrap();
    let successor = next_builder(&predecessor).pid_file(&path).start().unwrap();
    successor.ready().unwrap();
    drop(predecessor);
    assert!(path.exists(), "it is the successor's");
    drop(successor);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
}

#[test]
fn pid_file_of_another_process_is_not_removed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("service.pid");
    let service = first_builder().pid_file(&path).start().unwrap();
    service.ready().unwrap();
    fs::remove_file(&path).unwrap();
    fs::write(&path, "1\n").unwrap();
    drop(service);
    assert_eq!(fs::read_to_string(&path).unwrap(), "1\n");
}

#[test]
fn wait_for_parent_has_parent() {
    let predecessor = first();
    predecessor.ready().unwrap();
    assert_eq!(predecessor.predecessor(), None);
    predecessor.wait_for_predecessor(Duration::ZERO).unwrap();

    let (successor, ()) = hand_over(&predecessor, |_| Ok(()));
    let told = successor.predecessor().unwrap();
    assert_eq!((told.pid, told.generation), (std::process::id(), 1));
    let error = successor.wait_for_predecessor(Duration::from_millis(10)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    let expected = format!("process {}, has not ended after 10 ms", told.pid);
    assert!(error.to_string().contains(&expected), "{error}");

    drop(predecessor);
    successor.wait_for_predecessor(PATIENCE).unwrap();
    successor.wait_for_predecessor(Duration::ZERO).expect("it stays so");
}

#[test]
fn testing_pair() {
    let predecessor = testing::first().unwrap();
    let bound: TcpListener = predecessor.fds().bind("127.0.0.1:0").unwrap();
    predecessor.ready().unwrap();
    let successor = testing::successor_of(&predecessor).unwrap();
    let inherited: TcpListener = successor.fds().bind("127.0.0.1:0").unwrap();
    successor.ready().unwrap();
    assert_eq!((predecessor.generation(), successor.generation()), (1, 2));
    assert!(predecessor.exit().wait_timeout(PATIENCE));
    assert_eq!(cookie(&bound), cookie(&inherited));
}

#[test]
fn testing_goes_on_for_many_generations() {
    let mut service = testing::first().unwrap();
    let bound: TcpListener = service.fds().bind("127.0.0.1:0").unwrap();
    service.ready().unwrap();
    for generation in 2..=10 {
        let (successor, inherited): (_, TcpListener) =
            hand_over(&service, |successor| successor.fds().bind("127.0.0.1:0"));
        assert_eq!(successor.generation(), generation);
        assert_eq!(cookie(&bound), cookie(&inherited));
        service = successor;
    }
}

#[test]
fn several_upgraders_in_one_process_know_nothing_of_each_other() {
    let services = [first(), first(), first()];
    for service in &services {
        let _listener: TcpListener = service.fds().bind_as("http", "127.0.0.1:0").unwrap();
        service.ready().unwrap();
    }
    let (_successor, ()) = hand_over(&services[1], |_| Ok(()));
    services[2].stop();
    assert!(services[1].exit().wait_timeout(PATIENCE));
    assert!(services[2].exit().wait_timeout(PATIENCE));
    assert!(!services[0].exit().is_fired(), "it serves on");
    let (_successor, ()) = hand_over(&services[0], |_| Ok(()));
}

#[test]
fn one_handoff_socket_belongs_to_one_upgrader() {
    let name = fresh_name();
    let never = || Upgrader::builder().handoff_socket(&name).takeover(Takeover::Never);
    let _service = never().start().unwrap();
    let error = never().start().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddressInUse);
    assert!(error.to_string().contains(&name), "{error}");
}

#[test]
fn a_predecessor_that_is_required_and_not_there_is_absent() {
    let name = fresh_name();
    let error =
        Upgrader::builder().handoff_socket(&name).takeover(Takeover::Require).start().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Absent);
    assert!(error.to_string().contains(&name), "{error}");
}

#[test]
fn labels_have_at_most_255_bytes() {
    let with =
        |length| Upgrader::builder().handoff_socket(fresh_name()).service("s".repeat(length));
    with(255).start().unwrap();
    let error = with(256).start().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidName);
    assert!(error.to_string().contains("service label has 256 bytes, at most 255"), "{error}");
    let build = first_builder().build_label("b".repeat(256)).start().unwrap_err();
    assert!(build.to_string().contains("build label has 256 bytes"), "{build}");
}

#[test]
fn nothing_needs_a_runtime() {
    assert!(tokio::runtime::Handle::try_current().is_err());
    let predecessor = first();
    predecessor.ready().unwrap();
    let (successor, ()) = hand_over(&predecessor, |_| Ok(()));
    predecessor.exit().wait();
    drop(predecessor);
    successor.wait_for_predecessor(PATIENCE).unwrap();
    successor.stop();
    successor.exit().wait();
}

#[tokio::test]
async fn blocking_calls_work_on_a_runtimes_thread_too() {
    let predecessor = first();
    predecessor.ready().unwrap();
    let (_successor, ()) = hand_over(&predecessor, |_| Ok(()));
    predecessor.exit().await;
}
