//! A predecessor that is so slow that it has not heard yet that its successor owns the service, when
//! that one is to hand it on.

use super::{TAKEN_BACK, expect_next_try_succeeds, expect_owner};
use crate::support::{Family, Way, both_ways};

/// A second generation that owns the service, whose predecessor has read `Owned` and stands still
/// before it looks whether it is true.
fn unsettled(way: Way) -> (Family, u32, u32, String) {
    let mut family = Family::new();
    let (first, address) = family.start_service();
    family.hold(first, "predecessor.after.receive-owned");
    let second = family.succeed(first, way);
    family.expect(first, "held");
    family.freeze(first);
    family.expect(second, "ready");
    (family, first, second, address)
}

/// A third, which waits for that.
fn kept_waiting(way: Way) -> (Family, [u32; 3], String) {
    let (mut family, first, second, address) = unsettled(way);
    let third = family.succeed(second, way);
    family.expect_like(second, "log", "a handoff has begun");
    (family, [first, second, third], address)
}

both_ways! {
    fn owner_killed_before_its_predecessor_has_heard_of_it_leaves_that_one_serving(way: Way) {
        let (mut family, [first, second, third], address) = kept_waiting(way);
        family.kill(second);
        family.thaw(first);
        family.expect_like(first, "log", TAKEN_BACK);
        // Nobody has answered the third yet: it asks again, and meets the first. With the secret of
        // the second it is told that it comes too late.
        let owner = match way {
            Way::External => third,
            Way::Spawned => {
                family.expect_like(third, "failed", "start WrongSecret ");
                expect_owner(&family, first, 1, &address);
                family.succeed(first, way)
            }
        };
        family.expect(owner, "ready");
        family.expect_end(first);
        expect_owner(&family, owner, 2, &address);
        family.expect_only(&[owner]);
    }

    fn successor_waits_until_the_generation_before_drains(way: Way) {
        let (mut family, [first, second, third], address) = kept_waiting(way);
        family.thaw(first);
        family.expect(third, "ready");
        family.expect_end(first);
        family.expect_end(second);
        expect_owner(&family, third, 3, &address);
        family.expect_only(&[third]);
    }

    fn successor_waits_no_longer_for_a_generation_that_is_dead(way: Way) {
        let (mut family, [first, second, third], address) = kept_waiting(way);
        family.kill(first);
        family.expect(third, "ready");
        family.expect_end(second);
        expect_owner(&family, third, 3, &address);
        family.expect_only(&[third]);
    }

    fn successor_that_has_waited_in_vain_is_told_which_process_hangs(way: Way) {
        let (mut family, [first, second, third], address) = kept_waiting(way);
        let failed = family.expect(third, "failed").details;
        assert!(failed.starts_with("start Busy "), "{failed}");
        let blamed = format!("generation 1 (pid {first}) has not heard yet");
        assert!(failed.contains(&blamed), "{failed}");
        family.expect_end(third);
        expect_owner(&family, second, 2, &address);
        family.thaw(first);
        family.expect_end(first);
        expect_next_try_succeeds(&mut family, second, &address, way);
    }
}
