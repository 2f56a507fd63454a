//! A tool lets the service upgrade, and is told what became of it.

use std::time::Duration;

use heirloom::ErrorKind;

use crate::status::connect;
use crate::support::{Family, ask};

const LONG: Duration = Duration::from_secs(20);

#[test]
fn an_upgrade_tells_the_new_owner() {
    let mut family = Family::new();
    let (first, address) = family.start_service();
    let upgraded = connect(&family).upgrade(LONG).unwrap();
    family.expect_end(first);
    assert_eq!(ask(&address).unwrap(), (upgraded.pid, upgraded.generation));
    assert_eq!(connect(&family).status().unwrap().pid, upgraded.pid);
}

#[test]
fn an_upgrade_that_fails_tells_why() {
    let mut family = Family::new();
    let (first, address) = family.start_service();
    family.set_next("BEGIN", "exit");
    let error = connect(&family).upgrade(LONG).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SuccessorExited);
    assert!(error.to_string().contains("exit status"), "{error}");
    assert_eq!(ask(&address).unwrap(), (first, 1));
}

#[test]
fn an_upgrade_whose_successor_gives_up_or_takes_too_long_tells_which() {
    let mut family = Family::new();
    let (first, address) = family.set("READY_MS", "300").start_service();
    for (prepare, kind) in [("exit", ErrorKind::Aborted), ("manual", ErrorKind::TimedOut)] {
        family.set_next("PREPARE", prepare);
        let error = connect(&family).upgrade(LONG).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
    }
    assert_eq!(ask(&address).unwrap(), (first, 1));
}

#[test]
fn an_upgrade_without_a_program_to_start_tells_so() {
    let mut family = Family::new();
    family.set("PROGRAM", "/nobody/is/here").start_service();
    let error = connect(&family).upgrade(LONG).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Spawn, "{error}");
}

#[test]
fn an_upgrade_that_takes_longer_goes_on_without_its_tool() {
    let mut family = Family::new();
    family.start_service();
    family.set_next("PREPARE", "manual");
    let error = connect(&family).upgrade(Duration::from_millis(50)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
    let second = family.expect_new();
    family.expect(second, "prepared");
    let error = connect(&family).upgrade(LONG).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
    assert!(error.to_string().contains("busy"), "{error}");
    family.tell(second, "ready");
    family.expect(second, "ready");
}

#[test]
fn an_owner_that_dies_in_an_upgrade_is_told_from_one_that_fails() {
    let mut family = Family::new();
    let (first, _) = family.start_service();
    family.set_next("PREPARE", "manual");
    let mut tool = connect(&family);
    let error = std::thread::scope(|scope| {
        let upgrade = scope.spawn(|| tool.upgrade(LONG).unwrap_err());
        let second = family.expect_new();
        family.expect(second, "prepared");
        family.kill(first);
        upgrade.join().unwrap()
    });
    assert_eq!(error.kind(), ErrorKind::DiedMidway, "{error}");
}
