//! Builds that read other schemas than the predecessor offers.

use crate::passing::{keepers, upgrade};
use crate::support::{Way, ask, both_ways};

#[test]
fn a_new_build_hands_over_to_the_old_one_in_the_schema_that_it_reads() {
    let mut family = keepers();
    let old = ("cache:v1:text=one", "cache:v1");
    let new = ("cache:v1:text=one,cache:v2:text=second", "cache:v2|v1");
    family.set("PROVIDE", old.0).set("TAKE", old.1);
    let (first, _) = family.start_service();
    let mut last = first;
    for ((provide, take), expected) in
        [(new, "cache v1 3"), (new, "cache v2 6"), (old, "cache v1 3"), (old, "cache v1 3")]
    {
        family.set_next("PROVIDE", provide).set_next("TAKE", take);
        last = upgrade_by(&mut family, last);
        family.expect_like(last, "took", expected);
    }
}

fn upgrade_by(family: &mut crate::support::Family, last: u32) -> u32 {
    upgrade(family, last, Way::Spawned)
}

both_ways! {
    fn an_unknown_schema_is_named_on_both_sides_and_the_predecessor_serves_on(way: Way) {
        let mut family = keepers();
        family.set("PROVIDE", "cache:v8:text=a,cache:v9:text=b");
        let (first, address) = family.start_service();
        family.set_next("TAKE", "cache:v1|v2");
        let second = family.succeed(first, way);
        let reads = "this build reads schema v1, v2, the predecessor offers v8, v9";
        let failed = family.expect_like(second, "failed", "take Schema");
        assert!(failed.details.contains(&format!("state cache: {reads}")), "{failed}");
        let failed = family.expect_like(second, "failed", "ready Aborted");
        assert!(failed.details.contains(reads), "{failed}");
        family.expect_end(second);
        if way == Way::Spawned {
            let failed = family.expect_like(first, "failed", "upgrade Aborted");
            assert!(failed.details.contains(reads), "{failed}");
        }
        family.expect_where("both labels in the log", |event| {
            event.pid == first && event.name == "fields" && event.details.contains(reads)
        });
        assert_eq!(ask(&address).unwrap(), (first, 1));
        // Nothing has moved: one that reads it takes over.
        family.set_next("TAKE", "cache:v9");
        let third = upgrade(&mut family, first, way);
        family.expect_like(third, "took", "cache v9 1");
    }

    fn unknown_last_words_are_found_out_before_anything_is_frozen(way: Way) {
        let mut family = keepers();
        family.set("FREEZE", "counter:v9:text=7");
        let (first, address) = family.start_service();
        family.set_next("HEAR", "counter:v1");
        let second = family.succeed(first, way);
        let reads = "last words counter: this build reads schema v1, the predecessor offers v9";
        let failed = family.expect_like(second, "failed", "take Schema");
        assert!(failed.details.contains(reads), "{failed}");
        family.expect_where("both labels in the log", |event| {
            event.pid == first && event.name == "fields" && event.details.contains(reads)
        });
        assert!(!family.has_come(first, "freezing"), "something was frozen");
        assert_eq!(ask(&address).unwrap(), (first, 1));
        family.set_next("HEAR", "counter:v9");
        let third = upgrade(&mut family, first, way);
        assert_eq!(family.expect(third, "heard").details, "counter v9 7");
    }
}

#[test]
fn nothing_is_taken_where_nothing_is_offered() {
    let mut family = keepers();
    family.set("TAKE", "cache:v1").set("HEAR", "counter:v1");
    let (first, _) = family.start_service();
    assert_eq!(family.expect(first, "took").details, "cache -");
    assert_eq!(family.expect(first, "heard").details, "counter -");
    let second = upgrade(&mut family, first, Way::Spawned);
    assert_eq!(family.expect(second, "took").details, "cache -");
    assert_eq!(family.expect(second, "heard").details, "counter -");
}
