//! A predecessor that is so slow that it has not heard yet that its successor owns the service, when
//! that one is to hand it on.

use super::{TAKEN_BACK, expect_next_try_succeeds, expect_owner};
use crate::support::{Family, Way, ask, both_ways};

/// A second generation that owns the service, whose predecessor has read `Owned` and stands still
/// before it looks whether it is true.
fn unsettled(mut family: Family, way: Way) -> (Family, [u32; 2], String) {
    let (first, address) = family.start_service();
    family.hold(first, "predecessor.after.receive-owned");
    let second = family.succeed(first, way);
    family.expect(first, "held");
    family.freeze(first);
    family.expect(second, "ready");
    (family, [first, second], address)
}

/// A third, which waits for that.
fn kept_waiting(way: Way) -> (Family, [u32; 3], String) {
    let (mut family, [first, second], address) = unsettled(Family::new(), way);
    let third = family.succeed(second, way);
    family.expect_like(second, "log", "a successor has introduced itself");
    (family, [first, second, third], address)
}

both_ways! {
    fn owner_killed_before_its_predecessor_has_heard_of_it_leaves_that_one_serving(way: Way) {
        let (mut family, [first, second, third], address) = kept_waiting(way);
        family.kill(second);
        family.thaw(first);
        family.expect_like(first, "log", TAKEN_BACK);
        // Nobody has answered the third yet: it asks again, and meets the first, which does not know
        // its secret.
        family.expect(third, "ready");
        family.expect_end(first);
        expect_owner(&family, third, 2, &address);
        family.expect_only(&[third]);
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
        if way == Way::Spawned {
            family.expect_like(second, "failed", "upgrade Busy ");
        }
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

/// It must not take itself for the first process of a service of its own.
#[test]
fn spawned_successor_that_knows_no_other_address_finds_who_took_the_service_back() {
    let mut family = Family::new();
    family.unset("HANDOFF");
    let (mut family, [first, second], address) = unsettled(family, Way::Spawned);
    let third = family.succeed(second, Way::Spawned);
    family.expect_like(second, "log", "a successor has introduced itself");
    family.kill(second);
    family.thaw(first);
    family.expect_like(first, "log", TAKEN_BACK);
    family.expect(third, "ready");
    family.expect_end(first);
    assert_eq!(ask(&address).unwrap(), (third, 2));
    assert_eq!(family.lock_holders(), [third]);
    family.expect_only(&[third]);
}
