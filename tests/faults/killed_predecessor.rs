//! A predecessor that is killed: whoever has every descriptor goes on in its place.

use super::expect_owner;
use crate::support::{Family, at_once, both_ways};

/// Every step at which descriptors are missing.
const EARLY: [&str; 4] = [
    "predecessor.after.receive-hello",
    "predecessor.before.send-welcome",
    "predecessor.after.send-welcome",
    "predecessor.before.send-manifest",
];

/// Every step after that.
const LATE: [&str; 10] = [
    "predecessor.after.send-manifest",
    "predecessor.after.receive-received",
    "predecessor.after.receive-ready",
    "predecessor.before.send-commit",
    "predecessor.after.send-commit",
    "predecessor.before.unlock",
    "predecessor.after.unlock",
    "predecessor.before.send-released",
    "predecessor.after.send-released",
    "predecessor.after.receive-owned",
];

both_ways! {
    fn predecessor_killed_before_it_has_handed_everything_over_is_begun_afresh(way: Way) {
        at_once(&EARLY, |point| {
            eprintln!("{point}");
            let mut family = Family::new();
            let (first, _) = family.start_service();
            family.hold(first, point);
            let second = family.succeed(first, way);
            family.expect(first, "held");
            family.kill(first);
            let address = family.expect(second, "bound").details;
            family.expect(second, "ready");
            expect_owner(&family, second, 1, &address);
            family.expect_only(&[second]);
        });
    }

    fn predecessor_killed_before_it_has_handed_everything_over_fails_a_start_that_requires_it(way: Way) {
        at_once(&EARLY, |point| {
            eprintln!("{point}");
            let mut family = Family::new();
            let (first, _) = family.start_service();
            family.hold(first, point);
            family.set_next("TAKEOVER", "require");
            let second = family.succeed(first, way);
            family.expect(first, "held");
            family.kill(first);
            family.expect_like(second, "failed", "start DiedMidway");
            family.expect_only(&[]);
        });
    }

    fn predecessor_killed_after_it_has_handed_everything_over_is_gone_on_for(way: Way) {
        at_once(&LATE, |point| {
            eprintln!("{point}");
            let mut family = Family::new();
            let (first, address) = family.start_service();
            family.hold(first, point);
            let second = family.succeed(first, way);
            family.expect(first, "held");
            family.kill(first);
            assert_eq!(family.expect(second, "bound").details, address);
            family.expect(second, "ready");
            expect_owner(&family, second, 2, &address);
            family.expect_only(&[second]);
        });
    }

    fn predecessor_killed_while_the_successor_prepares_is_gone_on_for(way: Way) {
        let mut family = Family::new();
        let (first, address) = family.start_service();
        family.set_next("PREPARE", "manual");
        let second = family.succeed(first, way);
        family.expect(second, "prepared");
        family.kill(first);
        family.expect_like(second, "log", "this process owns the service");
        family.tell(second, "ready");
        family.expect(second, "ready");
        expect_owner(&family, second, 2, &address);
        family.expect_only(&[second]);
    }
}
