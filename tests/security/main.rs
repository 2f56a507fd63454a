//! Whoever is not to be trusted is kept out, and delays nobody.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod attacker;
mod cost;
mod delay;
mod disguise;
mod exposure;
mod foreign;
mod namespaces;
mod paths;
mod secrets;
mod squatting;
#[path = "../support/mod.rs"]
mod support;

use heirloom_proto::Phase;
use support::control::status;
use support::{Family, Way, ask};

#[test]
fn role_main() {
    support::run_role(&[("attack", attacker::run), ("disguise", disguise::run)]);
}

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

/// The owner goes on as if nothing had been, and the next upgrade succeeds. Tells who owns then.
fn expect_unharmed(family: &mut Family, owner: u32, address: &str) -> u32 {
    let generation = ask(address).unwrap().1;
    expect_owner(family, owner, generation, address);
    [Way::Spawned, Way::External].into_iter().fold(owner, |owner, way| {
        let (_, generation) = ask(address).unwrap();
        let successor = family.succeed(owner, way);
        family.expect(successor, "ready");
        family.expect_end(owner);
        expect_owner(family, successor, generation + 1, address);
        successor
    })
}
