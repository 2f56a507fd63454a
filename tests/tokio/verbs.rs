//! While a verb waits, the one worker of its runtime goes on; what becomes of a verb that is dropped.

use nix::sys::signal::Signal;

use crate::support::{Family, ask};

/// A service whose successors live on one worker, and its owner.
fn family() -> (Family, u32, String) {
    let mut family = Family::new();
    let (first, address) = family.start_service();
    family.set("ROLE", "tasks");
    (family, first, address)
}

/// An owner that lives on one worker.
fn owner() -> (Family, u32) {
    let mut family = Family::new();
    family.set("ROLE", "tasks");
    let first = family.start();
    family.expect(first, "started");
    family.tell(first, "ready");
    family.expect(first, "ready");
    (family, first)
}

/// A successor has said that it is ready, and its predecessor is held with that in its hand.
fn hold_at_ready(family: &mut Family, first: u32) -> u32 {
    let second = family.start();
    family.expect(second, "started");
    family.hold(first, "predecessor.after.receive-ready");
    family.tell(second, "ready");
    family.expect(first, "held");
    second
}

/// The worker is free.
fn expect_ticks(family: &mut Family, pid: u32) {
    for _ in 0..3 {
        family.tell(pid, "tick");
        family.expect(pid, "tick");
    }
}

#[test]
fn worker_goes_on_while_a_start_waits() {
    let (mut family, first, _) = family();
    family.hold(first, "predecessor.after.receive-hello");
    let second = family.start();
    family.expect(first, "held");
    expect_ticks(&mut family, second);
    assert!(!family.has_come(second, "started"));
    family.tell(first, "resume");
    family.expect(second, "started");
}

#[test]
fn worker_goes_on_while_ready_waits() {
    let (mut family, first, _) = family();
    let second = hold_at_ready(&mut family, first);
    expect_ticks(&mut family, second);
    assert!(!family.has_come(second, "ready"));
    family.tell(first, "resume");
    family.expect(second, "ready");
    family.expect(first, "exit");
}

#[test]
fn worker_goes_on_while_an_upgrade_waits() {
    let (mut family, first) = owner();
    family.hold_next("successor.before.send-hello");
    family.tell(first, "upgrade");
    let second = family.expect_new();
    family.expect(second, "held");
    expect_ticks(&mut family, first);
    assert!(!family.has_come(first, "upgraded"));
    family.tell(second, "resume");
    family.expect(second, "started");
    family.tell(second, "ready");
    family.expect(first, "upgraded");
    family.expect(first, "exit");
}

#[test]
fn worker_goes_on_while_the_end_of_the_predecessor_is_awaited() {
    let (mut family, first, _) = family();
    let second = family.start();
    family.expect(second, "started");
    family.tell(second, "await 50");
    assert!(family.expect(second, "failed").details.contains("TimedOut"));

    family.tell(second, "await 20000");
    expect_ticks(&mut family, second);
    assert!(!family.has_come(second, "awaited"));
    family.signal(first, Signal::SIGKILL);
    family.expect(second, "awaited");
}

#[test]
fn start_that_is_dropped_is_given_up_and_the_predecessor_serves() {
    let (mut family, first, address) = family();
    family.hold(first, "predecessor.after.receive-hello");
    let second = family.start();
    family.expect(first, "held");
    family.tell(second, "forget");
    family.expect(second, "forgotten");
    family.tell(first, "resume");
    family.expect_like(first, "log", "the handoff has failed, this process goes on");
    assert_eq!(ask(&address).unwrap(), (first, 1));
    expect_ticks(&mut family, second);

    let third = family.start();
    family.expect(third, "started");
    family.tell(third, "ready");
    family.expect(third, "ready");
}

#[test]
fn ready_that_is_dropped_takes_nothing_back_and_may_be_asked_again() {
    let (mut family, first, _) = family();
    let second = family.start();
    family.expect(second, "started");
    family.hold(first, "predecessor.after.receive-ready");
    family.tell(second, "ready");
    family.expect(first, "held");
    family.tell(second, "forget");
    family.expect(second, "forgotten");
    family.tell(first, "resume");
    family.expect(first, "exit"); // the second owns the service
    assert!(!family.has_come(second, "ready"));
    family.tell(second, "ready");
    family.expect(second, "ready");
}

#[test]
fn upgrade_that_is_dropped_goes_on() {
    let (mut family, first) = owner();
    family.hold_next("successor.before.send-hello");
    family.tell(first, "upgrade");
    let second = family.expect_new();
    family.expect(second, "held");
    family.tell(first, "forget");
    family.expect(first, "forgotten");
    family.tell(second, "resume");
    family.expect(second, "started");
    family.tell(second, "ready");
    family.expect(second, "ready");
    family.expect(first, "exit");
}

#[test]
fn last_handle_dropped_while_the_service_changes_hands_holds_the_worker_up_for_a_moment_only() {
    let (mut family, first) = owner();
    let second = hold_at_ready(&mut family, first);
    family.tell(first, "drop");
    family.expect(first, "dropped"); // its driver is held, and so not waited for
    expect_ticks(&mut family, first);
    family.tell(first, "resume");
    family.expect(second, "ready");
}

#[test]
fn end_is_awaited_to_the_last_step() {
    let (mut family, first) = owner();
    let second = hold_at_ready(&mut family, first);
    family.tell(first, "end");
    expect_ticks(&mut family, first);
    assert!(!family.has_come(first, "ended"));
    family.tell(first, "resume");
    family.expect(first, "ended");
    family.expect(second, "ready");
}

#[test]
fn owner_that_ends_leaves_no_file() {
    let (mut family, first) = owner();
    assert_eq!(family.pid_file(), Some(first));
    family.tell(first, "end");
    family.expect(first, "ended");
    assert_eq!(family.pid_file(), None);
}
