//! Whatever is killed, frozen or slow, the service is being served, and one process owns it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod compiled_out;
mod frozen_predecessor;
mod frozen_successor;
mod killed_predecessor;
mod killed_successor;
mod leaked;
mod matrix;
mod misbehaving;
#[path = "../support/mod.rs"]
mod support;
mod unsettled;

use heirloom_proto::Phase;
use support::control::status;
use support::{Event, Family, Way, ask};

#[test]
fn role_main() {
    support::run_role(&[]);
}

/// What the library logs when a handoff has failed and nothing had been let go.
const FAILED: &str = "the handoff has failed, this process goes on";

/// What it logs when the token was let go and taken back.
const TAKEN_BACK: &str = "the service was taken back from a successor";

/// One process is the owner, by everything that tells: clients, the control socket, the PID file,
/// the kernel's list of locks.
fn expect_owner(family: &Family, owner: u32, generation: u64, address: &str) {
    assert_eq!(ask(address).unwrap(), (owner, generation));
    let report = status(family.setting("HANDOFF")).unwrap();
    assert_eq!((report.pid, report.generation), (owner, generation));
    assert_eq!(report.phase, Phase::Serving);
    assert_eq!(family.pid_file(), Some(owner));
    assert_eq!(family.lock_holders(), [owner]);
}

/// The predecessor has noticed that the handoff came to nothing.
fn expect_failed(family: &mut Family, predecessor: u32, way: Way) -> Event {
    let noticed = family.expect_where("the failure of the handoff", |event| {
        event.pid == predecessor
            && event.name == "log"
            && [FAILED, TAKEN_BACK].contains(&event.details.as_str())
    });
    match way {
        Way::Spawned => family.expect_like(predecessor, "failed", "upgrade"),
        Way::External => noticed,
    }
}

/// After whatever was, the next try succeeds.
fn expect_next_try_succeeds(family: &mut Family, owner: u32, address: &str, way: Way) -> u32 {
    let generation = ask(address).unwrap().1 + 1;
    let successor = family.succeed(owner, way);
    family.expect(successor, "ready");
    family.expect_end(owner);
    expect_owner(family, successor, generation, address);
    family.expect_only(&[successor]);
    successor
}
