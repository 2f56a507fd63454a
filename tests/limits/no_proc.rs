//! `/proc` is not mounted.

use super::{expect_parts, expect_start_fails, namespace};
use crate::support::outcome::{expect_next_try_succeeds, expect_owner};
use crate::support::{Family, Way, ask, both_ways};

/// What a handoff says of a predecessor that has no `/proc`.
const PARTS: [&str; 2] = ["the token cannot be opened through /proc/self/fd/", "mount /proc"];

/// An upgrade of an owner without `/proc` fails and says so; with it, it succeeds.
fn expect_upgrade_once_mounted(family: &mut Family, owner: u32, address: &str, way: Way) {
    let generation = ask(address).unwrap().1;
    let successor = family.succeed(owner, way);
    let told = expect_start_fails(family, (owner, successor), way, "Aborted", &PARTS);
    if way == Way::Spawned {
        expect_parts(&told, &PARTS);
    }
    expect_owner(family, owner, generation, address);
    family.tell(owner, "unmount proc");
    family.expect(owner, "limited");
    expect_next_try_succeeds(family, owner, address, way);
}

both_ways! {
    fn predecessor_without_proc_says_so_and_hands_over_once_it_is_mounted(way: Way) {
        let mut family = Family::new();
        let Some(program) = namespace::program(&mut family) else {
            return;
        };
        family.set_program(&program);
        family.set_next("MOUNT", "proc");
        let (first, address) = family.start_service();
        expect_upgrade_once_mounted(&mut family, first, &address, way);
    }
}

#[test]
fn successor_without_proc_takes_over_all_the_same() {
    let mut family = Family::new();
    let Some(program) = namespace::program(&mut family) else {
        return;
    };
    family.set_program(&program);
    let (first, address) = family.set("MANY", "100").start_service();
    family.set_next("MOUNT", "proc");
    let second = expect_next_try_succeeds(&mut family, first, &address, Way::External);
    assert_eq!(family.expect(second, "many").details, family.expect(first, "many").details);
    expect_upgrade_once_mounted(&mut family, second, &address, Way::External);
}
