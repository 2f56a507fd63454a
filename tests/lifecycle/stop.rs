//! The end of a service: whoever owns it unlinks what is its own, and nobody else does.

use std::path::Path;

use crate::support::{Family, ask, both_ways};

/// A family with a Unix socket, a handoff socket and a PID file in the file system.
fn family() -> Family {
    let mut family = Family::new();
    for (key, name) in [("UNIX", "listener"), ("HANDOFF", "control")] {
        let path = family.path(name);
        family.set(key, path.to_str().unwrap());
    }
    family
}

/// Which of its paths are there.
fn paths(family: &Family) -> [bool; 3] {
    ["UNIX", "HANDOFF", "PID_FILE"].map(|key| Path::new(family.setting(key)).exists())
}

#[test]
fn stop_without_a_successor_unlinks_every_path() {
    let mut family = family();
    let (first, _) = family.start_service();
    assert_eq!(paths(&family), [true; 3]);
    family.tell(first, "stop");
    family.expect(first, "exit");
    family.expect_end(first);
    assert_eq!(paths(&family), [false; 3]);
}

#[test]
fn path_that_somebody_else_has_taken_over_stays() {
    let mut family = family();
    let (first, _) = family.start_service();
    for key in ["UNIX", "PID_FILE"] {
        let path = family.setting(key).to_owned();
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, "another's").unwrap();
    }
    family.tell(first, "stop");
    family.expect_end(first);
    assert_eq!(paths(&family), [true, false, true]);
}

both_ways! {
    fn predecessor_that_stops_after_an_upgrade_leaves_every_path_to_its_successor(way: Way) {
        let mut family = family();
        let (first, address) = family.set("DRAIN", "manual").start_service();
        let second = family.succeed(first, way);
        family.expect(second, "ready");
        family.expect(first, "exit");
        family.tell(first, "stop");
        family.tell(first, "drain");
        family.expect_end(first);
        assert_eq!(paths(&family), [true; 3]);
        assert_eq!(ask(&address).unwrap(), (second, 2));

        family.tell(second, "stop");
        family.tell(second, "drain");
        family.expect_end(second);
        assert_eq!(paths(&family), [false; 3]);
    }

    fn successor_that_stops_before_it_is_ready_leaves_the_predecessor_serving(way: Way) {
        let mut family = family();
        let (first, address) = family.start_service();
        family.set_next("PREPARE", "manual");
        let second = family.succeed(first, way);
        family.expect(second, "prepared");
        family.tell(second, "stop");
        family.expect(second, "exit");
        family.expect_like(first, "log", "the handoff has failed");
        family.expect_end(second);
        assert_eq!(paths(&family), [true; 3]);
        assert_eq!(family.pid_file(), Some(first));
        assert_eq!(ask(&address).unwrap(), (first, 1));
    }

    fn predecessor_that_stops_before_the_successor_is_ready_ends_the_service(way: Way) {
        let mut family = family();
        let (first, _) = family.start_service();
        family.set_next("PREPARE", "manual");
        let second = family.succeed(first, way);
        family.expect(second, "prepared");
        family.tell(first, "stop");
        family.expect(first, "exit");
        family.expect_end(first);
        family.tell(second, "ready");
        family.expect_like(second, "failed", "ready Stopping");
        family.expect_only(&[]);
        assert_eq!(paths(&family), [false; 3]);
    }

    fn predecessor_that_stops_when_the_token_is_on_its_way_hands_over(way: Way) {
        let mut family = family();
        let (first, address) = family.set("COMMIT_MS", "20000").start_service();
        family.hold_next("successor.before.lock");
        let second = family.succeed(first, way);
        family.expect(second, "held");
        family.tell(first, "stop");
        family.tell(second, "resume");
        family.expect(second, "ready");
        family.expect_end(first);
        assert_eq!(paths(&family), [true; 3]);
        assert_eq!(ask(&address).unwrap(), (second, 2));
    }
}
