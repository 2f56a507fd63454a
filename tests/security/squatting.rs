//! Another user who takes the handoff socket's name, or tries to.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use super::attacker::{FOREIGN, attack, can_be_foreign, start};
use super::delay::{When, expect_no_delay};
use super::expect_unharmed;
use crate::support::{Family, Way};

/// Starts under every policy fail, and the squatter hears nothing of whoever connects.
fn expect_squatted(family: &mut Family, squatter: u32, connects: bool) {
    let policies = [("if-present", "Squatted"), ("require", "Squatted"), ("never", "AddressInUse")];
    for (policy, kind) in policies {
        family.set_next("TAKEOVER", policy);
        let visitor = family.start();
        let failed = family.expect(visitor, "failed").details;
        assert!(failed.starts_with(&format!("start {kind} ")), "{failed}");
        if kind == "Squatted" {
            let says =
                format!("is squatted by user {FOREIGN}, this process is user 0: choose a path");
            assert!(failed.contains(&says), "{failed}");
        }
        if kind == "Squatted" && connects {
            assert_eq!(attack(family, squatter, "accept"), "0", "bytes were told to a squatter");
        }
        family.expect_end(visitor);
    }
}

/// The service begins now that the name is free, and is upgraded.
fn expect_service_begins(family: &mut Family) {
    let (first, address) = family.start_service();
    expect_unharmed(family, first, &address);
}

#[test]
fn squatter_of_an_abstract_name_before_the_first_start_is_told_apart_and_told_nothing() {
    if !can_be_foreign() {
        return;
    }
    let mut family = Family::new();
    let squatter = start(&mut family, Some(FOREIGN));
    assert_eq!(attack(&mut family, squatter, "squat"), "squatted");
    expect_squatted(&mut family, squatter, true);
    family.kill(squatter);
    expect_service_begins(&mut family);
}

#[test]
fn squatter_of_a_path_in_a_shared_folder_is_told_apart_and_not_even_connected_to() {
    if !can_be_foreign() {
        return;
    }
    let mut family = Family::new();
    fs::set_permissions(family.path(""), Permissions::from_mode(0o1777)).unwrap();
    let path = family.path("control");
    family.set("HANDOFF", path.to_str().unwrap());
    let squatter = start(&mut family, Some(FOREIGN));
    assert_eq!(attack(&mut family, squatter, "squat"), "squatted");
    expect_squatted(&mut family, squatter, false);
    // What it leaves behind is enough: that is what a folder of one's own is for.
    family.kill(squatter);
    let late = family.start();
    family.expect_like(late, "failed", "start Squatted ");
    fs::remove_file(&path).unwrap();
    expect_service_begins(&mut family);
}

/// Whose folder it is decides who may bind there.
#[test]
fn path_in_a_folder_of_mode_0700_cannot_be_squatted() {
    if !can_be_foreign() {
        return;
    }
    let mut family = Family::new();
    fs::set_permissions(family.path(""), Permissions::from_mode(0o700)).unwrap();
    let path = family.path("control");
    family.set("HANDOFF", path.to_str().unwrap());
    let attacker = start(&mut family, Some(FOREIGN));
    assert_eq!(attack(&mut family, attacker, "squat"), "EACCES");
    let (first, address) = family.start_service();
    assert_eq!(attack(&mut family, attacker, "squat"), "EACCES");
    expect_unharmed(&mut family, first, &address);
}

/// Every step at which the name is on its way from one process to the next.
const STEPS: [&str; 5] = [
    "successor.before.send-ready",
    "successor.before.lock",
    "successor.after.lock",
    "successor.before.send-owned",
    "successor.after.send-owned",
];

#[test]
fn name_is_never_free_between_two_generations() {
    let mut family = Family::new();
    let (mut owner, address) = family.set("COMMIT_MS", "20000").start_service();
    let user = nix::unistd::Uid::effective().is_root().then_some(FOREIGN);
    let attacker = start(&mut family, user);
    for step in STEPS {
        family.hold_next(step);
        let successor = family.succeed(owner, Way::Spawned);
        family.expect_like(successor, "held", step);
        assert_eq!(attack(&mut family, attacker, "squat"), "EADDRINUSE", "{step}");
        family.tell(successor, "resume");
        family.expect(successor, "ready");
        family.expect_end(owner);
        assert_eq!(attack(&mut family, attacker, "squat"), "EADDRINUSE", "after {step}");
        owner = successor;
    }
    expect_unharmed(&mut family, owner, &address);
}

#[test]
fn whoever_tries_to_squat_all_the_time_is_kept_out_and_delays_nobody() {
    let mut family = Family::new();
    let (first, address) = family.start_service();
    let user = nix::unistd::Uid::effective().is_root().then_some(FOREIGN);
    let attacker = start(&mut family, user);
    assert_eq!(attack(&mut family, attacker, "squat 100"), "kept out");
    let owner =
        expect_no_delay(&mut family, first, attacker, "squat 2000", (When::Beside, Way::Spawned));
    assert_eq!(attack(&mut family, attacker, "squat"), "EADDRINUSE");
    expect_unharmed(&mut family, owner, &address);
}

/// A crash of both generations frees it, and nothing else does.
#[test]
fn name_is_not_free_when_the_predecessor_is_killed_in_the_midst_of_a_handoff() {
    let mut family = Family::new();
    let (first, address) = family.start_service();
    let attacker = start(&mut family, None);
    family.set_next("PREPARE", "manual");
    let second = family.succeed(first, Way::Spawned);
    family.expect(second, "prepared");
    family.kill(first);
    assert_eq!(attack(&mut family, attacker, "squat"), "EADDRINUSE");
    family.tell(second, "ready");
    family.expect(second, "ready");
    expect_unharmed(&mut family, second, &address);
}
