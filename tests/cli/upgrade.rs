//! `heirloom upgrade`.

use super::command::{run, wait_until_serving};
use super::support::Family;

#[test]
fn upgrade_returns_when_the_successor_owns_the_service() {
    let mut family = Family::new();
    let (first, _) = family.start_service();
    let ended = run(&["upgrade", family.setting("HANDOFF"), "--json"]).expect(0);
    let owner = &ended.objects()[0];
    assert_eq!(owner["generation"], 2);
    let second = family.expect_new();
    assert_eq!(owner["pid"], second);
    assert_eq!(family.pid_file(), Some(second));
    family.expect(first, "exit");

    let text = run(&["upgrade", family.setting("HANDOFF")]).expect(0).output;
    let third = family.expect_new();
    assert_eq!(text, format!("process {third} owns the service as generation 3\n"));
}

#[test]
fn upgrade_that_fails_says_why_and_by_its_code() {
    let mut family = Family::new();
    family.start_service();
    for how in ["exit", "kill"] {
        family.set_next("PREPARE", how);
        let ended = run(&["upgrade", family.setting("HANDOFF")]).expect(4);
        assert!(ended.errors.starts_with("heirloom: ") && ended.output.is_empty(), "{ended:?}");
        wait_until_serving(&family);
    }

    family.set_next("PREPARE", "hang");
    let ended = run(&["upgrade", family.setting("HANDOFF"), "--timeout", "0.3"]).expect(5);
    assert!(ended.errors.contains("300 ms"), "{ended:?}");
    // It goes on, and nobody else may come meanwhile.
    let ended = run(&["upgrade", family.setting("HANDOFF")]).expect(6);
    assert!(ended.errors.contains("busy"), "{ended:?}");
}

#[test]
fn upgrade_whose_successor_takes_too_long_or_cannot_be_started_has_their_codes() {
    let mut family = Family::new();
    family.set("READY_MS", "300").start_service();
    family.set_next("PREPARE", "hang");
    run(&["upgrade", family.setting("HANDOFF")]).expect(5);

    let mut family = Family::new();
    family.set("PROGRAM", "/nowhere/at/all").start_service();
    let ended = run(&["upgrade", family.setting("HANDOFF")]).expect(4);
    assert!(ended.errors.contains("/nowhere/at/all"), "{ended:?}");
}
