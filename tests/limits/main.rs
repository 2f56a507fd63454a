//! Every limit that a handoff meets, set by the kernel and not by a stand-in: a typed error with the
//! way out in its text, and the predecessor serves.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod bounds;
mod in_flight;
mod many;
mod namespace;
mod no_proc;
mod no_slot;
mod own_slots;
mod paths;
mod pid_file;
mod slots;
#[path = "../support/mod.rs"]
mod support;
mod taken_path;
mod truncated;
mod unfinished;

use support::outcome::expect_failed;
use support::{Event, Family, Way};

#[test]
fn role_main() {
    support::run_role(&[
        ("ballast", in_flight::run_ballast),
        ("bounds", bounds::run),
        ("own-slots", own_slots::run),
        ("unfinished", unfinished::run),
        ("threadless", unfinished::run_without_threads),
    ]);
}

/// A start fails with an error of this kind whose text has each of these parts, and its predecessor
/// notices.
fn expect_start_fails(
    family: &mut Family,
    (predecessor, successor): (u32, u32),
    way: Way,
    kind: &str,
    parts: &[&str],
) -> Event {
    let failed = family.expect_like(successor, "failed", &format!("start {kind} "));
    expect_parts(&failed, parts);
    family.expect_end(successor);
    expect_failed(family, predecessor, way)
}

/// An error's text has each of these parts.
fn expect_parts(failed: &Event, parts: &[&str]) {
    for part in parts {
        assert!(failed.details.contains(part), "`{part}` is not in: {}", failed.details);
    }
}
