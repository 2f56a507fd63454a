//! Processes of other network, process and user namespaces.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use super::attacker::{FOREIGN, attack, can_be_foreign, start};
use super::delay::{When, expect_no_delay};
use super::disguise::{Disguise, can_run_through};
use super::{expect_owner, expect_unharmed};
use crate::support::{Family, Way, ask};

/// What makes a network namespace: as root, or else with a user namespace.
fn in_another_network() -> Option<&'static str> {
    ["unshare -n", "unshare -Urn"].into_iter().find(|through| can_run_through(through))
}

fn through(through: &str) -> Disguise<'_> {
    Disguise { through, ..Disguise::default() }
}

#[test]
fn abstract_name_is_absent_in_another_network_namespace() {
    let Some(network) = in_another_network() else {
        return;
    };
    let mut family = Family::new();
    let (first, address) = family.start_service();
    family.set("TAKEOVER", "require");
    let stranger = through(network).start(&mut family);
    family.unset("TAKEOVER");
    let failed = family.expect(stranger, "failed").details;
    assert!(failed.starts_with("start Absent None nobody listens on "), "{failed}");
    let attacker = Disguise { role: "attack", ..through(network) }.start(&mut family);
    assert_eq!(attack(&mut family, attacker, "flood 1000"), "0 ECONNREFUSED");
    assert_eq!(attack(&mut family, attacker, "squat"), "squatted", "in its own namespace");
    assert!(!family.has_logged(first, "a handoff has begun"));
    expect_unharmed(&mut family, first, &address);
}

#[test]
fn whoever_floods_in_another_network_namespace_delays_nobody() {
    let Some(network) = in_another_network() else {
        return;
    };
    let mut family = Family::new();
    let (first, address) = family.start_service();
    let attacker = Disguise { role: "attack", ..through(network) }.start(&mut family);
    let owner =
        expect_no_delay(&mut family, first, attacker, "flood 1000", (When::Beside, Way::Spawned));
    expect_unharmed(&mut family, owner, &address);
}

/// A path is of the file system: who shares that can be upgraded across networks.
#[test]
fn path_is_met_from_another_network_namespace() {
    let Some(network) = in_another_network() else {
        return;
    };
    let mut family = Family::new();
    let path = family.path("control");
    let (first, address) = family.set("HANDOFF", path.to_str().unwrap()).start_service();
    let second = through(network).start(&mut family);
    family.expect(second, "ready");
    family.expect_end(first);
    expect_owner(&family, second, 2, &address);
    expect_unharmed(&mut family, second, &address);
}

/// What makes a process namespace: as root, or else with a user namespace.
fn in_another_process_namespace() -> Option<&'static str> {
    let ways = ["unshare -p --fork", "unshare -Urp --fork"];
    ways.into_iter().find(|through| can_run_through(through))
}

/// Process ids mean nothing across: each side knows the other by a descriptor of its process.
#[test]
fn process_namespace_makes_no_stranger_of_a_process_of_the_owners_user() {
    let Some(processes) = in_another_process_namespace() else {
        return;
    };
    let mut family = Family::new();
    let (first, address) = family.start_service();
    let second = through(processes).start(&mut family);
    assert_eq!(second, 1, "it is the first of its namespace");
    family.expect(second, "ready");
    family.expect_end(first);
    assert_eq!(ask(&address).unwrap(), (second, 2));
    let third = family.succeed(second, Way::External);
    family.expect(third, "ready");
    // It has accepted clients until it was drained, and cannot be waited for by a number of its own.
    family.expect(second, "gone");
    expect_owner(&family, third, 3, &address);
    expect_unharmed(&mut family, third, &address);
}

#[test]
fn death_in_another_process_namespace_is_told() {
    let Some(processes) = in_another_process_namespace() else {
        return;
    };
    let mut family = Family::new();
    let (first, address) = family.start_service();
    family.set("PREPARE", "manual");
    let second = through(processes).start(&mut family);
    family.unset("PREPARE").expect(second, "prepared");
    let began = family.expect_like(first, "fields", "pid=").details;
    let outside: u32 = began["pid=".len()..].split(' ').next().unwrap().parse().unwrap();
    family.kill(outside);
    family.expect_like(first, "log", "the handoff has failed, this process goes on");
    expect_unharmed(&mut family, first, &address);
}

/// A user namespace makes nobody another user: it is trusted as outside.
#[test]
fn user_namespace_makes_no_stranger_of_a_process_of_the_owners_user() {
    for user in ["unshare -U", "unshare -Ur"] {
        if !can_run_through(user) {
            continue;
        }
        let mut family = Family::new();
        let (first, address) = family.start_service();
        let second = through(user).start(&mut family);
        family.expect(second, "ready");
        family.expect_end(first);
        expect_owner(&family, second, 2, &address);
        expect_unharmed(&mut family, second, &address);
    }
}

/// Another user who is root in a user namespace of its own.
const ROOT_OF_ITS_OWN: &str = "setpriv --reuid=65534 --regid=65534 --clear-groups unshare -Ur";

#[test]
fn root_of_another_users_namespace_is_not_root() {
    if !can_be_foreign() || !can_run_through(ROOT_OF_ITS_OWN) {
        return;
    }
    let mut family = Family::new();
    fs::set_permissions(family.path(""), Permissions::from_mode(0o777)).unwrap();
    let (first, address) = family.start_service();
    let stranger = through(ROOT_OF_ITS_OWN).start(&mut family);
    family.expect_like(first, "log", "a foreign user has connected to the handoff socket");
    family.expect_like(first, "fields", &format!("uid={FOREIGN} pid={stranger}"));
    family.expect_like(stranger, "failed", "start Squatted ");
    let attacker = Disguise { role: "attack", ..through(ROOT_OF_ITS_OWN) }.start(&mut family);
    assert_eq!(attack(&mut family, attacker, "flood 1000"), "1000");
    assert_eq!(attack(&mut family, attacker, "listen"), "0");
    let owner =
        expect_no_delay(&mut family, first, attacker, "flood 1000", (When::Beside, Way::Spawned));
    expect_unharmed(&mut family, owner, &address);
}

/// In a user namespace every user who has no name there looks like 65534, the owner too.
#[test]
fn user_whom_the_owners_namespace_has_no_name_for_is_not_taken_for_the_owners() {
    if !can_be_foreign() || !can_run_through("unshare -U") {
        return;
    }
    let mut family = Family::new();
    let first = through("unshare -U").start(&mut family);
    let address = family.expect(first, "bound").details;
    family.expect(first, "ready");
    let attacker = start(&mut family, Some(FOREIGN));
    assert_eq!(attack(&mut family, attacker, "flood 20"), "20");
    assert_eq!(attack(&mut family, attacker, "listen"), "0");
    assert_eq!(attack(&mut family, attacker, "guess"), "nothing");
    family.expect_like(first, "fields", &format!("uid={FOREIGN} pid={attacker}"));
    expect_unharmed(&mut family, first, &address);
}

#[test]
fn squatter_whom_the_successors_namespace_has_no_name_for_is_told_apart() {
    if !can_be_foreign() || !can_run_through("unshare -U") {
        return;
    }
    let mut family = Family::new();
    let squatter = start(&mut family, Some(FOREIGN));
    assert_eq!(attack(&mut family, squatter, "squat"), "squatted");
    let visitor = through("unshare -U").start(&mut family);
    family.expect_like(visitor, "failed", "start Squatted ");
    assert_eq!(attack(&mut family, squatter, "accept"), "0", "bytes were told to a squatter");
    family.kill(squatter);
    let (first, address) = family.start_service();
    expect_unharmed(&mut family, first, &address);
}
