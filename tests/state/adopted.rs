//! State whose owner dies in the middle of the handoff.

use crate::keeper::{digest, pattern};
use crate::passing::keepers;
use crate::support::{Family, Way, ask};

/// A family whose service provides a state and freezes another.
fn both() -> Family {
    let mut family = keepers();
    family.set("PROVIDE", "cache:v1:size=100000").set("TAKE", "cache:v1");
    family.set("FREEZE", "counter:v1:text=7").set("HEAR", "counter:v1");
    family
}

fn expect_cache(family: &mut Family, pid: u32) {
    let took = family.expect_like(pid, "took", "cache v1 100000 ");
    assert_eq!(took.word(3), digest(&pattern(100_000)));
}

#[test]
fn a_successor_that_adopts_takes_the_state_of_the_dead_and_hears_no_last_words() {
    let mut family = both();
    let (first, address) = family.start_service();
    family.set_next("PREPARE", "manual");
    let second = family.succeed(first, Way::External);
    family.expect(second, "prepared");
    family.kill(first);
    family.expect_like(second, "log", "this process owns the service");
    family.tell(second, "ready");
    family.expect(second, "ready");
    expect_cache(&mut family, second);
    assert_eq!(family.expect(second, "heard").details, "counter -");
    assert_eq!(ask(&address).unwrap(), (second, 2));
}

#[test]
fn a_predecessor_killed_before_commit_has_said_no_last_words() {
    let mut family = both();
    let (first, address) = family.start_service();
    family.hold(first, "predecessor.before.send-commit");
    let second = family.succeed(first, Way::External);
    family.expect(first, "held");
    family.expect(first, "froze");
    family.kill(first);
    family.expect(second, "ready");
    expect_cache(&mut family, second);
    assert_eq!(family.expect(second, "heard").details, "counter -");
    assert_eq!(ask(&address).unwrap(), (second, 2));
}

#[test]
fn a_predecessor_killed_after_commit_has_said_them() {
    for point in ["after.send-commit", "after.unlock", "after.send-released"] {
        let mut family = both();
        let (first, address) = family.start_service();
        family.hold(first, &format!("predecessor.{point}"));
        let second = family.succeed(first, Way::External);
        family.expect(first, "held");
        family.kill(first);
        family.expect(second, "ready");
        expect_cache(&mut family, second);
        assert_eq!(family.expect(second, "heard").details, "counter v1 7", "{point}");
        assert_eq!(ask(&address).unwrap(), (second, 2));
    }
}

#[test]
fn an_adopter_that_cannot_read_the_state_is_told_so_and_owns() {
    let mut family = both();
    let (first, _) = family.start_service();
    family.set_next("PREPARE", "manual").set_next("TAKE", "cache:v2");
    let second = family.succeed(first, Way::External);
    family.expect(second, "prepared");
    family.kill(first);
    family.expect_like(second, "log", "this process owns the service");
    family.tell(second, "take");
    // Nobody is there to go on in its place: what it does is for its application to say.
    family.tell(second, "offered");
    assert_eq!(family.expect(second, "offered").details, "cache:v1");
    assert_eq!(family.lock_holders(), [second]);
}
