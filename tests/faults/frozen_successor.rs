//! A successor that is frozen: its predecessor takes the service back, by force if it must.

use super::{FAILED, TAKEN_BACK, expect_next_try_succeeds, expect_owner};
use crate::support::{Family, Way, ask, at_once, both_ways};

/// Freezes a successor at a step, in a family whose timeouts are short.
fn freeze(point: &str, way: Way) -> (Family, u32, u32, String) {
    eprintln!("{point}");
    let mut family = Family::new();
    family.set("COMMIT_MS", "1000").set("READY_MS", "2500");
    let (first, address) = family.start_service();
    family.hold_next(point);
    let second = family.succeed(first, way);
    family.expect_like(second, "held", point);
    family.freeze(second);
    (family, first, second, address)
}

/// The predecessor goes on; the successor finds that out when it is thawed.
fn predecessor_goes_on(point: &str, log: &str, failure: &str, way: Way) {
    let (mut family, first, second, address) = freeze(point, way);
    family.expect_like(first, "log", log);
    expect_owner(&family, first, 1, &address);
    family.thaw(second);
    family.expect_like(second, "failed", failure);
    family.expect_end(second);
    expect_owner(&family, first, 1, &address);
    expect_next_try_succeeds(&mut family, first, &address, way);
}

both_ways! {
    fn successor_frozen_before_it_is_ready_is_given_up(way: Way) {
        let steps = [
            ("successor.before.send-received", "start TimedOut "),
            ("successor.after.send-received", "start TimedOut "),
            ("successor.before.send-ready", "ready TimedOut "),
        ];
        at_once(&steps, |(point, failure)| predecessor_goes_on(point, FAILED, failure, way));
    }

    fn successor_frozen_before_it_locks_the_token_finds_it_taken_back(way: Way) {
        let steps = [
            "successor.after.send-ready",
            "successor.after.receive-commit",
            "successor.after.receive-released",
            "successor.before.lock",
        ];
        at_once(&steps, |point| predecessor_goes_on(point, TAKEN_BACK, "ready NotOwner ", way));
    }

    fn successor_frozen_with_the_token_is_ended_and_the_service_taken_back(way: Way) {
        let steps = [
            "successor.after.lock",
            "successor.before.publish",
            "successor.after.publish",
            "successor.before.send-owned",
        ];
        at_once(&steps, |point| {
            let (mut family, first, second, address) = freeze(point, way);
            family.expect_like(first, "log", TAKEN_BACK);
            family.expect_end(second);
            expect_owner(&family, first, 1, &address);
            family.expect_only(&[first]);
            expect_next_try_succeeds(&mut family, first, &address, way);
        });
    }

    fn successor_frozen_with_the_token_is_waited_for_where_it_must_not_be_ended(way: Way) {
        let mut family = Family::new();
        family.set("COMMIT_MS", "100").set("FENCE", "no");
        let (first, address) = family.start_service();
        family.hold(first, "predecessor.after.lock");
        family.hold_next("successor.after.lock");
        let second = family.succeed(first, way);
        family.expect(second, "held");
        family.freeze(second);
        // The predecessor has lost patience, and found the token locked.
        family.expect(first, "held");
        family.tell(first, "resume");
        assert_eq!(ask(&address).unwrap(), (first, 1));
        assert_eq!(family.lock_holders(), [second]);
        family.thaw(second);
        family.expect(second, "ready");
        family.expect_end(first);
        expect_owner(&family, second, 2, &address);
    }
}

/// It must not take itself for the first process of a service of its own, though it knows no other
/// address than its predecessor's.
#[test]
fn spawned_successor_frozen_before_it_has_said_anything_comes_too_late() {
    for ready_ms in ["1000", "3000"] {
        let mut family = Family::new();
        let (first, address) = family.unset("HANDOFF").set("READY_MS", ready_ms).start_service();
        family.hold_next("successor.before.send-hello");
        let second = family.succeed(first, Way::Spawned);
        family.expect(second, "held");
        family.freeze(second);
        family.expect_like(first, "log", FAILED);
        family.thaw(second);
        family.expect_where("what becomes of the second", |event| {
            event.pid == second && ["failed", "bound"].contains(&event.name.as_str())
        });
        family.expect_end(second);
        assert!(!family.has_come(second, "ready"));
        assert_eq!(ask(&address).unwrap(), (first, 1));
        assert_eq!(family.lock_holders(), [first]);
        family.expect_only(&[first]);
    }
}
