//! State that passes, whatever its size and whoever starts the successor.

use crate::keeper::{digest, pattern};
use crate::support::{Family, Way, ask, both_ways};

/// A family of keepers.
pub(crate) fn keepers() -> Family {
    let mut family = Family::new();
    family.set("ROLE", "keeper");
    family
}

/// Lets a successor begin and own, and waits until the predecessor knows.
pub(crate) fn upgrade(family: &mut Family, predecessor: u32, way: Way) -> u32 {
    let successor = family.succeed(predecessor, way);
    family.expect(successor, "ready");
    family.expect(predecessor, "exit");
    successor
}

both_ways! {
    fn a_state_of_any_size_arrives_as_it_was_provided(way: Way) {
        let sizes = [0, 1, 1_024, 48 * 1_024, 65_536, 1_000_003];
        let mut family = keepers();
        let list = |make: fn(usize) -> String| sizes.map(make).join(",");
        family.set("PROVIDE", &list(|size| format!("of {size}:bytes:size={size}")));
        family.set("TAKE", &list(|size| format!("of {size}:bytes")));
        let (first, address) = family.start_service();
        let second = upgrade(&mut family, first, way);
        for size in sizes {
            let took = family.expect_like(second, "took", &format!("of {size} bytes "));
            assert_eq!(took.word(3), size.to_string());
            assert_eq!(took.word(4), digest(&pattern(size)));
        }
        assert_eq!(ask(&address).unwrap(), (second, 2));
    }
}

#[test]
fn sixty_four_mib_arrive() {
    let size: usize = 64 << 20;
    let mut family = keepers();
    family.set("PROVIDE", &format!("cache:bytes:size={size}")).set("TAKE", "cache:bytes");
    let (first, _) = family.start_service();
    let second = upgrade(&mut family, first, Way::Spawned);
    let took = family.expect_like(second, "took", "cache bytes ");
    assert_eq!(took.word(2), size.to_string());
    assert_eq!(took.word(3), digest(&pattern(size)));
}

#[test]
fn more_states_than_one_batch_of_the_manifest_holds_arrive_each_by_its_name() {
    let mut family = keepers();
    family.set("MANY", "600");
    let (first, _) = family.start_service();
    let second = upgrade(&mut family, first, Way::Spawned);
    assert_eq!(family.expect(second, "took-many").details, "600");
}

#[test]
fn providers_are_asked_at_the_handoff_one_after_another_on_a_thread_that_ends() {
    let mut family = keepers();
    family.set("PROVIDE", "b:text:text=1,a:text:text=2,c:text:text=3").set("DRAIN", "manual");
    let (first, _) = family.start_service();
    family.tell(first, "threads");
    assert_eq!(family.expect(first, "threads").details, "heirloom");
    assert!(!family.has_come(first, "provided"), "a provider was asked before there is a handoff");
    upgrade(&mut family, first, Way::External);
    let asked = family.take_all(first, "provided");
    let asked: Vec<_> = asked.iter().map(|event| event.details.as_str()).collect();
    assert_eq!(asked, ["b text heirloom-state", "a text heirloom-state", "c text heirloom-state"]);
    family.tell(first, "threads");
    assert_eq!(family.expect(first, "threads").details, "heirloom");
}

#[test]
fn a_service_without_providers_starts_no_thread() {
    let mut family = keepers();
    family.set("DRAIN", "manual");
    family.hold_next("predecessor.after.receive-received");
    let (first, _) = family.start_service();
    let second = family.succeed(first, Way::External);
    family.expect_like(first, "held", "predecessor.after.receive-received");
    family.tell(first, "threads");
    assert_eq!(family.expect(first, "threads").details, "heirloom");
    family.tell(first, "resume");
    family.expect(second, "ready");
}

#[test]
fn what_is_not_taken_is_closed_at_ready_and_neither_a_stray_nor_handed_on() {
    let mut family = keepers();
    family.set("PREPARE", "manual").set("STRAYS", "fail");
    family.set_next("PROVIDE", "left:text:text=alone,read:text:text=out").set_next("PREPARE", "");
    let (first, _) = family.start_service();
    family.set_next("TAKE", "read:text");
    let second = family.succeed(first, Way::External);
    family.expect(second, "prepared");
    family.tell(second, "offered");
    assert_eq!(family.expect(second, "offered").details, "left:text,read:text");
    family.tell(second, "ready");
    family.expect(second, "ready");
    assert!(family.has_logged(second, "state was offered and not taken"));
    family.tell(second, "offered");
    assert_eq!(family.expect(second, "offered").details, "");
    assert_eq!(memories(second), 0, "what was taken and what was not is closed");
    let third = family.succeed(second, Way::External);
    family.expect(third, "prepared");
    family.tell(third, "offered");
    assert_eq!(family.expect(third, "offered").details, "");
}

#[test]
fn the_predecessor_keeps_no_copy_once_the_handoff_is_over() {
    let mut family = keepers();
    family.set("PROVIDE", "a:text:text=1").set("DRAIN", "manual");
    let (first, _) = family.start_service();
    upgrade(&mut family, first, Way::External);
    assert_eq!(memories(first), 0);
}

/// How many states a process has open.
fn memories(pid: u32) -> usize {
    let links = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    let links = links.filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok());
    links.filter(|link| link.to_string_lossy().contains("heirloom-state")).count()
}
