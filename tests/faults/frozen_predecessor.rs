//! A predecessor that is frozen: the token tells whether it owns the service when it is thawed.

use super::{expect_failed, expect_next_try_succeeds, expect_owner};
use crate::support::{Family, Way, at_once, both_ways};

/// Freezes a predecessor at a step, in a family whose timeouts are short.
fn freeze(point: &str, way: Way) -> (Family, u32, u32, String) {
    eprintln!("{point}");
    let mut family = Family::new();
    let (first, address) = family.set("COMMIT_MS", "1000").start_service();
    family.hold(first, point);
    let second = family.succeed(first, way);
    family.expect(first, "held");
    family.freeze(first);
    (family, first, second, address)
}

/// The predecessor is thawed, still owns the service, and can hand it over.
fn thaw(mut family: Family, first: u32, address: &str, way: Way) {
    family.thaw(first);
    expect_failed(&mut family, first, way);
    expect_owner(&family, first, 1, address);
    family.expect_only(&[first]);
    expect_next_try_succeeds(&mut family, first, address, way);
}

both_ways! {
    fn predecessor_frozen_before_the_last_manifest_goes_on_when_thawed(way: Way) {
        let steps = [
            ("predecessor.after.receive-hello", "start Hung "),
            ("predecessor.before.send-welcome", "start Hung "),
            ("predecessor.after.send-welcome", "start TimedOut "),
            ("predecessor.before.send-manifest", "start TimedOut "),
        ];
        at_once(&steps, |(point, failure)| {
            let (mut family, first, second, address) = freeze(point, way);
            family.expect_like(second, "failed", failure);
            family.expect_end(second);
            thaw(family, first, &address, way);
        });
    }

    fn predecessor_frozen_before_it_lets_the_token_go_stays_the_owner(way: Way) {
        let steps = [
            "predecessor.after.send-manifest",
            "predecessor.after.receive-received",
            "predecessor.after.receive-ready",
            "predecessor.before.send-commit",
            "predecessor.after.send-commit",
            "predecessor.before.unlock",
        ];
        at_once(&steps, |point| {
            let (mut family, first, second, address) = freeze(point, way);
            family.expect_like(second, "failed", "ready NotOwner ");
            family.expect_end(second);
            assert_eq!(family.lock_holders(), [first]);
            thaw(family, first, &address, way);
        });
    }

    fn predecessor_frozen_after_it_has_let_the_token_go_finds_a_new_owner(way: Way) {
        let steps = [
            "predecessor.after.unlock",
            "predecessor.before.send-released",
            "predecessor.after.send-released",
            "predecessor.after.receive-owned",
        ];
        at_once(&steps, |point| {
            let (mut family, first, second, address) = freeze(point, way);
            family.expect(second, "ready");
            expect_owner(&family, second, 2, &address);
            family.thaw(first);
            family.expect(first, "exit");
            family.expect_end(first);
            expect_owner(&family, second, 2, &address);
            family.expect_only(&[second]);
        });
    }
}
