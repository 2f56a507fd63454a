//! A lock, and every socket, that lives on in a forked child when its owner is dead.

use super::{TAKEN_BACK, expect_next_try_succeeds, expect_owner};
use crate::support::control::status;
use crate::support::{Family, ask, both_ways, process};

/// Forks a child that keeps a copy of every descriptor of a process and does nothing.
fn leak(family: &mut Family, pid: u32) -> u32 {
    family.tell(pid, "leak");
    family.expect(pid, "leaked").details.parse().unwrap()
}

both_ways! {
    fn handoff_succeeds_while_a_child_of_the_predecessor_keeps_its_descriptors(way: Way) {
        let mut family = Family::new();
        let (first, address) = family.start_service();
        let child = leak(&mut family, first);
        let second = family.succeed(first, way);
        family.expect(second, "ready");
        family.expect_end(first);
        expect_owner(&family, second, 2, &address);
        family.expect_only(&[second, child]);
    }

    fn dead_predecessor_is_gone_on_for_though_its_lock_was_leaked(way: Way) {
        let mut family = Family::new();
        let (first, address) = family.set("COMMIT_MS", "1000").start_service();
        family.hold(first, "predecessor.before.send-commit");
        let second = family.succeed(first, way);
        family.expect(first, "held");
        let child = leak(&mut family, first);
        family.kill(first);
        family.expect_like(second, "log", "the old token stays locked by a copy that was leaked");
        family.expect(second, "ready");
        assert_eq!(ask(&address).unwrap(), (second, 2));
        assert_eq!(family.pid_file(), Some(second));
        family.expect_only(&[second, child]);
        family.kill(child);
        expect_next_try_succeeds(&mut family, second, &address, way);
    }

    fn service_is_taken_back_from_a_dead_successor_though_its_lock_was_leaked(way: Way) {
        let mut family = Family::new();
        let (first, address) = family.set("COMMIT_MS", "1000").start_service();
        let before = process::own_descriptors(first);
        family.hold_next("successor.after.lock");
        let second = family.succeed(first, way);
        family.expect(second, "held");
        // The predecessor must not lose patience before there is a child.
        let child = leak(&mut family, second);
        family.kill(second);
        family.expect_like(first, "log", TAKEN_BACK);
        assert_eq!(ask(&address).unwrap(), (first, 1));
        // It answers once everything is back in its place.
        assert_eq!(status(family.setting("HANDOFF")).unwrap().pid, first);
        assert_eq!(family.pid_file(), Some(first));
        family.expect_only(&[first, child]);
        family.kill(child);
        process::expect_level(first, before);
        expect_next_try_succeeds(&mut family, first, &address, way);
    }

    fn service_is_not_handed_to_a_dead_owner_though_its_word_and_its_lock_live_on(way: Way) {
        let mut family = Family::new();
        let (first, address) = family.set("COMMIT_MS", "1000").start_service();
        family.hold(first, "predecessor.after.unlock");
        let second = family.succeed(first, way);
        family.expect(first, "held");
        family.expect(second, "ready");
        let child = leak(&mut family, second);
        family.kill(second);
        family.tell(first, "resume");
        family.expect_like(first, "log", TAKEN_BACK);
        assert_eq!(ask(&address).unwrap(), (first, 1));
        // It answers once everything is back in its place.
        assert_eq!(status(family.setting("HANDOFF")).unwrap().pid, first);
        assert_eq!(family.pid_file(), Some(first));
        family.expect_only(&[first, child]);
        family.kill(child);
        expect_next_try_succeeds(&mut family, first, &address, way);
    }
}
