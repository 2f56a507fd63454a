//! The handoff socket: private, abstract, in the file system, and moved between two generations.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::support::control::status;
use crate::support::{Family, Way, ask};

#[test]
fn without_an_address_the_name_is_private_and_known_to_spawned_successors() {
    let mut family = Family::new();
    let (first, address) = family.unset("HANDOFF").start_service();
    let name = family.expect(first, "started").word(1).to_owned();
    assert!(name.starts_with('@') && name.len() > 32, "{name}");
    let second = family.succeed(first, Way::Spawned);
    assert_eq!(family.expect(second, "started").word(1), name);
    family.expect(second, "ready");
    let third = family.succeed(second, Way::Spawned);
    family.expect(third, "ready");
    family.expect_end(second);
    assert_eq!(ask(&address).unwrap(), (third, 3));
    assert_eq!(status(&name).unwrap().pid, third);
}

#[test]
fn two_services_without_an_address_do_not_meet() {
    let mut family = Family::new();
    let (first, _) = family.unset("HANDOFF").start_service();
    family.unset("PID_FILE");
    let (second, address) = family.start_service();
    assert_eq!(ask(&address).unwrap(), (second, 1));
    family.expect_only(&[first, second]);
}

#[test]
fn successor_that_is_set_to_another_name_moves_there() {
    let mut family = Family::new();
    let (first, address) = family.start_service();
    let old = family.setting("HANDOFF").to_owned();
    let new = format!("{old}-moved");
    family.set_next("HANDOFF", &new);
    let second = family.succeed(first, Way::Spawned);
    assert_eq!(family.expect(second, "started").word(1), new);
    family.expect(second, "ready");
    family.expect_end(first);
    assert_eq!(status(&new).unwrap().pid, second);
    assert_eq!(status(&old).unwrap_err().kind(), std::io::ErrorKind::ConnectionRefused);

    family.set("HANDOFF", &new);
    let third = family.succeed(second, Way::External);
    family.expect(third, "ready");
    family.expect_end(second);
    assert_eq!(ask(&address).unwrap(), (third, 3));
}

#[test]
fn successor_that_is_set_to_another_path_unlinks_the_old_one() {
    let mut family = Family::new();
    let (old, new) = (family.path("old"), family.path("new"));
    let (first, _) = family.set("HANDOFF", old.to_str().unwrap()).start_service();
    family.set_next("HANDOFF", new.to_str().unwrap());
    let second = family.succeed(first, Way::Spawned);
    family.expect(second, "ready");
    family.expect_end(first);
    assert_eq!(status(new.to_str().unwrap()).unwrap().pid, second);
    assert!(!old.exists());
}

#[test]
fn successor_that_fails_on_its_way_to_another_path_leaves_the_old_one() {
    let mut family = Family::new();
    let (old, new) = (family.path("old"), family.path("new"));
    let (first, _) = family.set("HANDOFF", old.to_str().unwrap()).start_service();
    family.set_next("HANDOFF", new.to_str().unwrap());
    family.hold(first, "predecessor.after.receive-ready");
    let second = family.succeed(first, Way::Spawned);
    family.expect(first, "held");
    assert!(new.exists());
    family.tell(second, "stop");
    family.expect_end(second);
    family.tell(first, "resume");
    family.expect(first, "failed");
    assert!(!new.exists());
    assert_eq!(status(old.to_str().unwrap()).unwrap().pid, first);
}

#[test]
fn orphaned_successor_that_is_set_to_another_name_moves_there_too() {
    let mut family = Family::new();
    let (first, _) = family.start_service();
    let new = format!("{}-moved", family.setting("HANDOFF"));
    family.set_next("HANDOFF", &new).set_next("PREPARE", "manual");
    let second = family.succeed(first, Way::Spawned);
    family.expect(second, "prepared");
    family.kill(first);
    family.expect_like(second, "log", "this process owns the service");
    family.tell(second, "ready");
    family.expect(second, "ready");
    assert_eq!(status(&new).unwrap().pid, second);
}

#[test]
fn path_is_private_and_found_by_successors() {
    let mut family = Family::new();
    let path = family.path("control");
    let (first, address) = family.set("HANDOFF", path.to_str().unwrap()).start_service();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    let second = family.succeed(first, Way::External);
    family.expect(second, "ready");
    let third = family.succeed(second, Way::Spawned);
    family.expect(third, "ready");
    family.expect_end(second);
    assert_eq!(ask(&address).unwrap(), (third, 3));
}

#[test]
fn path_that_a_killed_service_has_left_behind_is_replaced() {
    let mut family = Family::new();
    let (path, unix) = (family.path("control"), family.path("listener"));
    family.set("HANDOFF", path.to_str().unwrap()).set("UNIX", unix.to_str().unwrap());
    let (first, _) = family.start_service();
    family.kill(first);
    assert!(path.exists() && unix.exists());
    let (second, address) = family.start_service();
    assert_eq!(ask(&address).unwrap(), (second, 1));
    assert_eq!(status(path.to_str().unwrap()).unwrap().pid, second);
}

#[test]
fn file_that_is_no_socket_is_left_alone() {
    let mut family = Family::new();
    let path = family.path("precious");
    fs::write(&path, "precious").unwrap();
    let first = family.set("HANDOFF", path.to_str().unwrap()).start();
    family.expect_like(first, "failed", "start InvalidAddress ");
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    assert!(!Path::new(family.setting("PID_FILE")).exists());
}
