//! The example `http` is upgraded twenty times in five seconds under sixteen clients that ask without a
//! break, and none of them sees an error: clients of this test's own, and those of `wrk` where it is
//! installed.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod clients;
#[path = "../../examples/demo/event.rs"]
#[allow(dead_code, reason = "the demo uses more of it")]
mod event;
mod idle;
#[path = "../../examples/demo/response.rs"]
mod response;
mod service;
mod wrk;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use clients::Clients;
use service::Service;
use wrk::Wrk;

/// What becomes of a connection after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Connection {
    /// The client keeps it until the service says `Connection: close`.
    KeepAlive,
    /// The client asks for one answer on it.
    Close,
}

const CLIENTS: usize = 16;
const UPGRADES: u64 = 20;

/// From one upgrade to the next.
const PACE: Duration = Duration::from_millis(250);

/// Each load wants the machine.
fn alone() -> MutexGuard<'static, ()> {
    static LOAD: Mutex<()> = Mutex::new(());
    LOAD.lock().unwrap_or_else(PoisonError::into_inner)
}

fn expect_no_error_of_clients(connection: Connection) {
    let _alone = alone();
    let mut service = Service::start();
    let clients = Clients::start(service.address(), connection);
    service.upgrade_often();
    let (answers, errors) = clients.stop();
    assert!(errors.is_empty(), "{} errors, among them {:?}", errors.len(), &errors[..1]);
    // Every generation has answered, so every upgrade was under load.
    let expected: Vec<u64> = (1..=UPGRADES + 1).collect();
    assert_eq!(answers.keys().copied().collect::<Vec<_>>(), expected, "{answers:?}");
}

fn expect_no_error_of_wrk(connection: Connection) {
    let _alone = alone();
    let mut service = Service::start();
    let Some(wrk) = Wrk::start(service.address(), connection) else {
        return;
    };
    service.upgrade_often();
    let told = wrk.wait();
    assert!(!told.contains("Socket errors") && !told.contains("Non-2xx"), "{told}");
    assert!(wrk::requests(&told) > 1_000, "{told}");
}

#[test]
fn clients_that_keep_their_connections_see_no_error() {
    expect_no_error_of_clients(Connection::KeepAlive);
}

#[test]
fn clients_that_close_their_connections_see_no_error() {
    expect_no_error_of_clients(Connection::Close);
}

#[test]
fn wrk_that_keeps_its_connections_sees_no_error() {
    expect_no_error_of_wrk(Connection::KeepAlive);
}

#[test]
fn wrk_that_closes_its_connections_sees_no_error() {
    expect_no_error_of_wrk(Connection::Close);
}
