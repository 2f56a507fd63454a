//! Rare turns that a service must survive: each of these once left a service with two owners, with
//! none, stuck, or with something lost.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod driver;
mod farewell;
mod generations;
mod orphans;
mod plain;
mod spawned;
mod stuck;
#[path = "../support/mod.rs"]
mod support;
mod token;
mod wakers;

use std::sync::atomic::{AtomicU64, Ordering};

use heirloom::{Builder, Upgrader};
use heirloom_proto::Phase;
use support::control::status;
use support::{Family, ask};

#[test]
fn role_main() {
    support::run_role(&[
        ("plain", plain::run),
        ("together", token::live_together),
        ("refuse", farewell::refuse_when_spawned),
    ]);
}

/// Settings for every generation of a service that only the caller knows.
fn fresh_builder() -> Builder {
    static LATEST: AtomicU64 = AtomicU64::new(0);
    let number = LATEST.fetch_add(1, Ordering::Relaxed);
    Upgrader::builder().handoff_socket(format!("@heirloom-hazards-{}-{number}", std::process::id()))
}

/// One process is the owner, by everything that tells.
fn expect_owner(family: &Family, owner: u32, generation: u64, address: &str) {
    assert_eq!(ask(address).unwrap(), (owner, generation));
    expect_plain_owner(family, owner, generation);
}

/// As [`expect_owner`], of a service that has no clients.
fn expect_plain_owner(family: &Family, owner: u32, generation: u64) {
    let report = status(family.setting("HANDOFF")).unwrap();
    assert_eq!((report.pid, report.generation), (owner, generation));
    assert_eq!(report.phase, Phase::Serving);
    assert_eq!(family.lock_holders(), [owner]);
}
