//! Which program a successor is, and what asks for it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use nix::sys::signal::Signal;

use crate::support::{Family, Way, ask};

/// Copies this binary. Not in this process: a child that another test forks meanwhile would keep
/// the copy open for writing, and it could not be run.
fn install(path: &Path) -> u64 {
    let copied = Command::new("cp").arg(std::env::current_exe().unwrap()).arg(path).status();
    assert!(copied.unwrap().success());
    fs::metadata(path).unwrap().ino()
}

/// The file that a process runs.
fn program(pid: u32) -> u64 {
    fs::metadata(format!("/proc/{pid}/exe")).unwrap().ino()
}

#[test]
fn binary_that_was_replaced_on_disk_is_the_one_that_is_spawned() {
    let mut family = Family::new();
    let (path, beside) = (family.path("service"), family.path("service.new"));
    let old = install(&path);
    family.set_program(&path);
    let (first, address) = family.start_service();
    assert_eq!(program(first), old);
    let new = install(&beside);
    fs::rename(&beside, &path).unwrap();
    let second = family.succeed(first, Way::Spawned);
    assert_eq!(program(second), new);
    family.expect(second, "ready");
    family.expect_end(first);
    assert_eq!(ask(&address).unwrap(), (second, 2));
}

#[test]
fn signal_asks_for_an_upgrade_in_every_generation() {
    let mut family = Family::new();
    let (mut owner, address) = family.set("SIGNAL", "SIGHUP").start_service();
    for generation in 2..=4 {
        family.signal(owner, Signal::SIGHUP);
        let successor = family.expect_new();
        family.expect(successor, "ready");
        family.expect_end(owner);
        assert_eq!(ask(&address).unwrap(), (successor, generation));
        owner = successor;
    }
    family.expect_only(&[owner]);
}

#[test]
fn signal_during_an_upgrade_asks_for_no_second_one() {
    let mut family = Family::new();
    let (first, _) = family.set("SIGNAL", "SIGHUP").start_service();
    family.set_next("PREPARE", "manual");
    family.signal(first, Signal::SIGHUP);
    let second = family.expect_new();
    family.expect(second, "prepared");
    family.signal(first, Signal::SIGHUP);
    family.expect_like(first, "log", "the upgrade that a signal asked for cannot begin");
    family.tell(second, "ready");
    family.expect(second, "ready");
    family.expect_end(first);
    family.expect_only(&[second]);
}
