//! What is said, in which order, and by whom.

use crate::manager::Manager;
use crate::support::{Family, Way, ask, both_ways};

both_ways! {
    fn a_predecessor_names_its_successor_once_and_the_last_owner_says_that_it_stops(way: Way) {
        let mut family = Family::new();
        let mut manager = Manager::of(&mut family);
        let (first, _) = family.start_service();
        assert_eq!(manager.expect("READY=1"), "READY=1\nSTATUS=generation 1 serves");
        let second = family.succeed(first, way);
        let begun = manager.expect("RELOADING=1");
        assert!(begun.contains("\nMONOTONIC_USEC="), "{begun}");
        let named = manager.expect(&format!("MAINPID={second}"));
        let status = "STATUS=generation 2 serves, 1 drains";
        assert_eq!(named, format!("MAINPID={second}\nREADY=1\n{status}"));
        family.expect(second, "ready");
        // The predecessor has ended, and the successor says so.
        manager.expect("STATUS=generation 2 serves");
        family.tell(second, "stop");
        assert_eq!(manager.expect("STOPPING=1"), "STOPPING=1\nSTATUS=generation 2 stops");
        manager.expect("BARRIER=1");
        family.expect_only(&[]);
        let counts = ["READY=1", "RELOADING=1", "MAINPID=", "STOPPING=1"].map(|line| manager.count(line));
        assert_eq!(counts, [2, 1, 1, 1], "{:?}", manager.told);
    }

    fn a_handoff_that_fails_ends_the_reload_and_names_nobody(way: Way) {
        let mut family = Family::new();
        let mut manager = Manager::of(&mut family);
        let (first, address) = family.start_service();
        manager.expect("READY=1");
        family.set_next("PREPARE", "exit");
        family.succeed(first, way);
        manager.expect("RELOADING=1");
        let failed = manager.expect("READY=1");
        assert!(failed.contains("generation 1 serves, the last upgrade failed: "), "{failed}");
        assert_eq!((manager.count("MAINPID="), manager.count("STOPPING=")), (0, 0));
        assert_eq!(ask(&address).unwrap().0, first);
    }

    fn a_successor_is_named_before_it_hears_that_it_may_speak(way: Way) {
        let mut family = Family::new();
        let mut manager = Manager::of(&mut family);
        let (first, _) = family.start_service();
        family.hold(first, "predecessor.before.send-draining");
        let second = family.succeed(first, way);
        family.expect(first, "held");
        manager.catch_up();
        assert_eq!(manager.count(&format!("MAINPID={second}")), 1, "{:?}", manager.told);
    }

    fn a_successor_names_itself_where_its_predecessor_was_killed_before_it_let_go(way: Way) {
        names_itself(way, "predecessor.before.unlock");
    }

    fn a_successor_names_itself_where_its_predecessor_was_killed_before_it_said_so(way: Way) {
        names_itself(way, "predecessor.after.receive-owned");
    }
}

/// The predecessor is killed at a point.
fn names_itself(way: Way, point: &str) {
    let mut family = Family::new();
    let mut manager = Manager::of(&mut family);
    let (first, _) = family.start_service();
    family.hold(first, point);
    let second = family.succeed(first, way);
    family.expect_like(first, "held", point);
    family.kill(first);
    family.expect(second, "ready");
    let named = manager.expect(&format!("MAINPID={second}"));
    assert!(named.starts_with(&format!("MAINPID={second}\nREADY=1\n")), "{named}");
    manager.catch_up();
    assert_eq!((manager.count("MAINPID="), manager.count("READY=1")), (1, 2), "{:?}", manager.told);
}

#[test]
fn a_spawned_program_that_does_not_begin_is_no_reload() {
    let mut family = Family::new();
    let mut manager = Manager::of(&mut family);
    family.set("PROGRAM", "/no/such/program");
    let (first, _) = family.start_service();
    family.tell(first, "upgrade");
    family.expect_like(first, "failed", "upgrade Spawn");
    manager.catch_up();
    assert_eq!((manager.count("RELOADING="), manager.count("READY=1")), (0, 1));
    assert_eq!(manager.count("STATUS=generation 1 serves, the last upgrade failed: "), 1);
}

#[test]
fn progress_is_told_in_one_line() {
    let mut family = Family::new();
    let mut manager = Manager::of(&mut family);
    let (first, _) = family.start_service();
    family.set_next("PROGRESS", "half\u{7}way").set_next("PREPARE", "manual");
    let second = family.succeed(first, Way::Spawned);
    let status = format!("generation 1 serves, process {second} is to take over: half way");
    manager.expect(&format!("STATUS={status}"));
}

#[test]
fn a_manager_that_reads_nothing_delays_no_upgrade() {
    let mut family = Family::new();
    let mut manager = Manager::of(&mut family);
    let (mut owner, _) = family.start_service();
    // More is said than the socket takes.
    for _ in 0..6 {
        let successor = family.succeed(owner, Way::Spawned);
        family.expect(successor, "ready");
        owner = successor;
    }
    manager.expect(&format!("MAINPID={owner}"));
}

#[test]
fn nothing_is_said_unless_it_was_asked_for() {
    let mut family = Family::new();
    let mut manager = Manager::of(&mut family);
    family.unset("SYSTEMD");
    let (first, _) = family.start_service();
    family.tell(first, "stop");
    family.expect_only(&[]);
    manager.catch_up();
    assert_eq!(manager.told, [""; 0]);
}

#[test]
fn a_manager_that_is_not_there_is_told_in_the_log_alone() {
    let mut family = Family::new();
    family.set("SYSTEMD", "yes").set_variable("NOTIFY_SOCKET", "/no/such/socket");
    let (first, _) = family.start_service();
    family.expect_like(first, "log", "there is no systemd at NOTIFY_SOCKET");
    let second = family.succeed(first, Way::Spawned);
    family.expect(second, "ready");
    family.expect_end(first);
}
