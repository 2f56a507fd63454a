//! A successor that is killed: its predecessor goes on, and the next try succeeds.

use super::{TAKEN_BACK, expect_failed, expect_next_try_succeeds, expect_owner};
use crate::support::{Family, Way, both_ways};

/// Every step of a successor up to its last word.
const STEPS: [&str; 17] = [
    "successor.before.send-hello",
    "successor.after.send-hello",
    "successor.after.receive-welcome",
    "successor.after.receive-manifest",
    "successor.before.send-received",
    "successor.after.send-received",
    "successor.before.send-progress",
    "successor.after.send-progress",
    "successor.before.send-ready",
    "successor.after.send-ready",
    "successor.after.receive-commit",
    "successor.after.receive-released",
    "successor.before.lock",
    "successor.after.lock",
    "successor.before.publish",
    "successor.after.publish",
    "successor.before.send-owned",
];

both_ways! {
    fn successor_killed_at_any_step_leaves_the_predecessor_serving(way: Way) {
        let mut family = Family::new();
        let (first, address) = family.set("PROGRESS", "half way").start_service();
        for point in STEPS {
            eprintln!("{point}");
            family.hold_next(point);
            let second = family.succeed(first, way);
            family.expect_like(second, "held", point);
            family.kill(second);
            // A process that has not connected yet is nobody's business but its parent's.
            if way == Way::Spawned || point != STEPS[0] {
                expect_failed(&mut family, first, way);
            }
            expect_owner(&family, first, 1, &address);
            family.expect_only(&[first]);
        }
        expect_next_try_succeeds(&mut family, first, &address, way);
    }

    /// A dead process's lock is free: nothing has to be waited for, unless a copy of its description is
    /// still around somewhere.
    fn service_is_taken_back_at_once_from_a_successor_killed_with_the_token_in_its_hands(way: Way) {
        let mut family = Family::new();
        // Whoever waits for it waits too long for this test.
        let (first, address) = family.set("COMMIT_MS", "600000").start_service();
        family.hold_next("successor.after.lock");
        let second = family.succeed(first, way);
        family.expect(second, "held");
        family.kill(second);
        family.expect_like(first, "log", TAKEN_BACK);
        let why = family.expect_where("why", |event| {
            event.pid == first && event.name == "fields" && event.details.contains("leaked=")
        });
        assert!(why.details.contains("leaked=false"), "{why}");
        expect_owner(&family, first, 1, &address);
        expect_next_try_succeeds(&mut family, first, &address, way);
    }

    fn successor_killed_after_its_last_word_was_the_owner_and_a_new_start_begins(way: Way) {
        let mut family = Family::new();
        let (first, _) = family.start_service();
        family.hold_next("successor.after.send-owned");
        let second = family.succeed(first, way);
        family.expect(second, "held");
        family.expect(first, "exit");
        family.kill(second);
        family.expect_end(first);
        let (third, address) = family.start_service();
        expect_owner(&family, third, 1, &address);
        family.expect_only(&[third]);
    }
}
