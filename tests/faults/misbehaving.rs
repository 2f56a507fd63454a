//! A successor that ends by itself, or never comes to be ready.

use heirloom_proto::Phase;

use super::{expect_failed, expect_next_try_succeeds, expect_owner};
use crate::support::control::status;
use crate::support::{Family, Way, both_ways};

/// How the successor ends, and what its predecessor makes of it.
fn misbehave(family: &mut Family, way: Way, setting: &str, cases: &[(&str, &str)]) {
    let (first, address) = family.start_service();
    for (how, kind) in cases {
        eprintln!("{setting} {how}");
        family.set_next(setting, how);
        let second = family.succeed(first, way);
        let failed = expect_failed(family, first, way);
        if way == Way::Spawned {
            assert_eq!(failed.word(1), *kind, "{failed:?}");
        }
        expect_owner(family, first, 1, &address);
        if way == Way::External && *how == "hang" {
            family.kill(second);
        }
        family.expect_only(&[first]);
    }
    expect_next_try_succeeds(family, first, &address, way);
}

#[test]
fn spawned_successor_that_ends_before_it_says_anything_leaves_the_predecessor_serving() {
    let ends =
        [("kill", "SuccessorExited"), ("exit", "SuccessorExited"), ("fail", "SuccessorExited")];
    misbehave(&mut Family::new(), Way::Spawned, "BEGIN", &ends);
}

#[test]
fn spawned_successor_that_says_nothing_is_ended() {
    let mut family = Family::new();
    family.set("READY_MS", "1000");
    misbehave(&mut family, Way::Spawned, "BEGIN", &[("hang", "TimedOut")]);
}

#[test]
fn program_that_cannot_be_spawned_leaves_the_predecessor_serving() {
    let mut family = Family::new();
    let (first, address) =
        family.set("SERVICE", "echo").set("PROGRAM", "/nowhere/service").start_service();
    family.tell(first, "upgrade");
    family.expect_like(first, "failed", "upgrade Spawn");
    expect_owner(&family, first, 1, &address);
    family.unset("PROGRAM");
    expect_next_try_succeeds(&mut family, first, &address, Way::External);
}

both_ways! {
    fn successor_that_ends_before_it_is_ready_leaves_the_predecessor_serving(way: Way) {
        let ends = [("kill", "SuccessorExited"), ("exit", "Aborted"), ("fail", "Aborted")];
        misbehave(&mut Family::new(), way, "PREPARE", &ends);
    }

    fn successor_that_never_becomes_ready_is_given_up(way: Way) {
        let mut family = Family::new();
        family.set("READY_MS", "1000");
        misbehave(&mut family, way, "PREPARE", &[("hang", "TimedOut")]);
    }
}

#[test]
fn late_end_of_a_successor_that_was_given_up_does_not_fail_the_next_one() {
    let mut family = Family::new();
    let (first, address) = family.set("READY_MS", "1000").start_service();
    family.set_next("BEGIN", "hang");
    let second = family.succeed(first, Way::Spawned);
    expect_failed(&mut family, first, Way::Spawned);
    family.hold_next("successor.before.send-hello");
    let third = family.succeed(first, Way::Spawned);
    family.expect(third, "held");
    family.kill(second);
    // Its parent has noticed when it answers.
    expect_owner_is_spawning(&family, first);
    family.tell(third, "resume");
    family.expect(third, "ready");
    family.expect_end(first);
    expect_owner(&family, third, 2, &address);
}

fn expect_owner_is_spawning(family: &Family, owner: u32) {
    let report = status(family.setting("HANDOFF")).unwrap();
    assert_eq!((report.pid, report.phase), (owner, Phase::Spawning));
}
