//! Upgrades on a machine that has better things to do, and of services that are slow, crowded or poor.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod crowd;
mod slow;
#[path = "../support/mod.rs"]
mod support;
mod tight;

use std::hint::spin_loop;

use support::{Clients, Family, ask, both_ways};

#[test]
fn role_main() {
    support::run_role(&[("burn", |_| burn()), ("crowd", crowd::run)]);
}

/// Keeps a core busy until it is killed.
fn burn() {
    loop {
        spin_loop();
    }
}

/// Twice as many busy processes as there are cores.
fn keep_cores_busy() -> Family {
    let mut busy = Family::new();
    busy.set("ROLE", "burn");
    let cores = std::thread::available_parallelism().unwrap().get();
    for _ in 0..2 * cores {
        busy.start();
    }
    busy
}

both_ways! {
    fn upgrades_succeed_and_lose_no_client_while_every_core_is_busy(way: Way) {
        let _busy = keep_cores_busy();
        let mut family = Family::new();
        let (mut owner, address) = family.start_service();
        let clients = Clients::start(&address);
        for generation in 2..=6 {
            let successor = family.succeed(owner, way);
            family.expect(successor, "ready");
            family.expect_end(owner);
            assert_eq!(ask(&address).unwrap(), (successor, generation));
            owner = successor;
        }
        clients.stop().expect_whole();
    }
}
