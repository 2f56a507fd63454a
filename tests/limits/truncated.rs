//! The kernel delivers fewer descriptors than were sent (`MSG_CTRUNC`), though the successor had room
//! for them when it was asked: its limit was lowered since.

use super::{expect_parts, expect_start_fails};
use crate::support::outcome::{expect_next_try_succeeds, expect_owner};
use crate::support::{Family, Way, both_ways, process, sys};

/// Holds a successor when it has told how many slots it has, and leaves it so many.
fn leave(slots: usize, way: Way, kept: &str) {
    let mut family = Family::new();
    let (first, address) = family.set("MANY", "200").start_service();
    family.hold_next("successor.after.send-hello");
    let second = family.succeed(first, way);
    family.expect(second, "held");
    sys::limit_descriptors(second, process::limit_that_leaves(second, slots));
    family.tell(second, "resume");
    let parts = [kept, "descriptor limit is too low", "security module", "raise LimitNOFILE"];
    let told = expect_start_fails(&mut family, (first, second), way, "TooFewDescriptors", &parts);
    if way == Way::Spawned {
        expect_parts(&told, &[kept]);
    }
    expect_owner(&family, first, 1, &address);
    expect_next_try_succeeds(&mut family, first, &address, way);
}

both_ways! {
    fn manifest_that_is_cut_off_is_refused_with_what_came(way: Way) {
        // Two are taken by the token and the control socket.
        leave(32, way, "the kernel delivered only 30 descriptors of a frame");
    }

    fn manifest_of_which_nothing_comes_is_refused(way: Way) {
        leave(2, way, "the kernel delivered only 0 descriptors of a frame");
    }

    fn token_that_comes_without_the_control_socket_is_refused(way: Way) {
        leave(1, way, "the kernel delivered only 1 descriptors of a frame");
    }
}
