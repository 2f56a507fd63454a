//! `Upgrade`: what it returns, and one typed error for each reason not to.

use std::fs;
use std::io;

use heirloom::{Builder, ErrorKind, Upgrader};
use nix::fcntl::{FcntlArg, FdFlag, fcntl};

use super::generations::{PATIENCE, first, first_builder, hand_over, next, next_builder};
use crate::support::{Family, Way, ask, both_ways};

#[test]
fn upgrade_returns_new_pid_and_generation() {
    let mut family = Family::new();
    family.set("DRAIN", "manual");
    let (first, address) = family.start_service();
    let second = family.succeed(first, Way::Spawned);
    let upgraded = family.expect(first, "upgraded");
    assert_eq!(upgraded.details, format!("{second} 2"));
    family.expect(second, "ready");
    family.tell(first, "drain");
    family.expect_end(first);
    assert_eq!(ask(&address).unwrap(), (second, 2));
}

/// More than any step takes, in milliseconds.
const PLENTY: &str = "20000";

/// What `upgrade` says of a successor that misbehaves: its kind, phase and text. The service goes on.
/// One that does not hang has all the time that it may need on a busy machine.
fn why_not(setting: &str, misbehaviour: &str, ready_ms: &str) -> String {
    let mut family = Family::new();
    family.set("READY_MS", ready_ms);
    let (first, address) = family.start_service();
    family.set_next(setting, misbehaviour);
    let second = family.succeed(first, Way::Spawned);
    let why = family.expect_like(first, "failed", "upgrade").details;
    family.expect_end(second);
    assert_eq!(ask(&address).unwrap(), (first, 1));
    family.set_next("READY_MS", PLENTY);
    let third = family.succeed(first, Way::Spawned);
    family.expect(third, "ready");
    why
}

#[test]
fn upgrade_tells_that_the_new_process_exited_and_how() {
    let why = why_not("BEGIN", "exit", PLENTY);
    assert!(why.starts_with("upgrade SuccessorExited Some(Spawning)"), "{why}");
    assert!(why.contains("exit status: 0"), "{why}");
    let why = why_not("BEGIN", "kill", PLENTY);
    assert!(why.starts_with("upgrade SuccessorExited Some(Spawning)"), "{why}");
    assert!(why.contains("signal: 9"), "{why}");
    let why = why_not("BEGIN", "fail", PLENTY);
    assert!(why.contains("exit status: 101"), "{why}");
}

#[test]
fn upgrade_tells_that_the_new_process_exited_before_it_was_ready() {
    let why = why_not("PREPARE", "kill", PLENTY);
    assert!(why.starts_with("upgrade SuccessorExited Some(Preparing)"), "{why}");
}

#[test]
fn upgrade_timeout_ends_a_new_process_that_never_says_anything() {
    let why = why_not("BEGIN", "hang", "300");
    assert!(why.starts_with("upgrade TimedOut Some(Spawning)"), "{why}");
    assert!(why.contains("300 ms"), "{why}");
}

#[test]
fn upgrade_timeout_ends_a_new_process_that_never_is_ready() {
    let why = why_not("PREPARE", "hang", "3000");
    assert!(why.starts_with("upgrade TimedOut Some(Preparing)"), "{why}");
    assert!(why.contains("3000 ms"), "{why}");
}

#[test]
fn upgrade_is_triggered_by_a_signal() {
    let mut family = Family::new();
    family.set("SIGNAL", "SIGHUP");
    let (first, address) = family.start_service();
    family.signal(first, nix::sys::signal::Signal::SIGHUP);
    let second = family.expect_new();
    family.expect(second, "ready");
    family.expect_end(first);
    assert_eq!(ask(&address).unwrap(), (second, 2));
}

both_ways! {
    fn wait_for_parent_returns_when_its_process_has_ended(way: Way) {
        let mut family = Family::new();
        family.set("DRAIN", "manual");
        let (first, _) = family.start_service();
        let second = family.succeed(first, way);
        assert_eq!(family.expect(second, "started").word(0), first.to_string());
        family.expect(second, "ready");
        family.tell(second, "await 10");
        family.expect_like(second, "failed", "await TimedOut");
        family.tell(second, "await 20000");
        family.tell(first, "drain");
        family.expect(second, "awaited");
        family.expect_end(first);
    }
}

#[test]
fn not_ready() {
    let service = first();
    let error = service.upgrade().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotReady);
    assert!(error.to_string().contains("generation 1 is not ready: starting for"), "{error}");
    let error = next_builder(&service).start().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotReady);
    service.ready().unwrap();
    let successor = next(&service);
    assert_eq!(successor.upgrade().unwrap_err().kind(), ErrorKind::NotReady);
}

#[test]
fn upgrade_in_progress() {
    let service = first();
    service.ready().unwrap();
    let successor = next(&service);
    let error = service.upgrade().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy);
    let expected = "generation 1 is busy: waiting for the successor to become ready for";
    assert!(error.to_string().contains(expected), "{error}");
    let error = next_builder(&service).start().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy);
    assert!(error.to_string().contains(expected), "{error}");
    successor.ready().unwrap();
}

#[test]
fn parent_has_not_exited() {
    let predecessor = first();
    predecessor.ready().unwrap();
    let service = next_builder(&predecessor).draining_cap(0).start().unwrap();
    service.ready().unwrap();
    let error = service.upgrade().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooManyDraining);
    assert!(error.to_string().contains("1 older generations are still draining"), "{error}");
    assert!(error.to_string().contains("at most 0"), "{error}");
    let error = next_builder(&service).start().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooManyDraining);
    drop(predecessor);
    service.wait_for_predecessor(PATIENCE).unwrap();
    hand_over(&service, |_| Ok(()));
}

#[test]
fn two_older_generations_may_be_draining_unless_set_otherwise() {
    let mut generations = vec![first()];
    generations[0].ready().unwrap();
    while generations.len() < 4 {
        let (successor, ()) = hand_over(&generations[generations.len() - 1], |_| Ok(()));
        generations.push(successor);
    }
    let error = next_builder(&generations[3]).start().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooManyDraining);
    assert!(error.to_string().contains("3 older generations"), "{error}");
    assert!(error.to_string().contains("at most 2"), "{error}");
}

#[test]
fn terminating() {
    let service = first();
    service.ready().unwrap();
    service.stop();
    let error = service.upgrade().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Stopping);
}

#[test]
fn already_upgraded() {
    let service = first();
    service.ready().unwrap();
    let (_successor, ()) = hand_over(&service, |_| Ok(()));
    assert!(service.exit().wait_timeout(PATIENCE));
    let error = service.upgrade().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyUpgraded);
    assert!(error.to_string().contains("handed the service over already"), "{error}");
}

#[test]
fn a_failed_successor_cannot_upgrade() {
    let service = first();
    service.ready().unwrap();
    let successor = next(&service);
    successor.stop();
    let error = successor.upgrade().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotOwner);
    let error = successor.ready().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Aborted);
}

/// A service whose successors are shell scripts.
fn scripted(script: &str) -> Builder {
    first_builder().program("/bin/sh").args(["-c", script])
}

fn ready(builder: Builder) -> Upgrader {
    let service = builder.start().unwrap();
    service.ready().unwrap();
    service
}

#[test]
fn upgrade_names_the_program_that_cannot_be_started() {
    let service = ready(first_builder().program("/no/such/program"));
    let error = service.upgrade().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Spawn);
    assert!(error.to_string().contains("/no/such/program"), "{error}");
    assert!(error.to_string().contains(&io::Error::from_raw_os_error(2).to_string()), "{error}");
    let error = service.upgrade().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Spawn, "it may be tried again");
}

#[test]
fn upgrade_starts_a_program_with_arguments_environment_and_directory() {
    let folder = tempfile::tempdir().unwrap();
    let script = r#"echo "$PWD $GREETING $HEIRLOOM_SOCKET ${#HEIRLOOM_SECRET}" > told; exit 3"#;
    let service = ready(scripted(script).current_dir(folder.path()).env("GREETING", "hello"));
    let error = service.upgrade().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SuccessorExited);
    assert!(error.to_string().contains("exit status: 3"), "{error}");
    let told = fs::read_to_string(folder.path().join("told")).unwrap();
    let path = folder.path().canonicalize().unwrap();
    let expected = format!("{} hello {} 64\n", path.display(), service.handoff_socket());
    assert_eq!(told, expected);
}

#[test]
fn a_spawned_process_inherits_no_descriptor_beyond_its_standard_streams() {
    let folder = tempfile::tempdir().unwrap();
    // What an application has opened without close-on-exec.
    let file = fs::File::open("/dev/null").unwrap();
    let careless = fcntl(&file, FcntlArg::F_DUPFD(200)).unwrap();
    assert_eq!(fcntl(&file, FcntlArg::F_GETFD), Ok(FdFlag::FD_CLOEXEC.bits()));
    let script = "for number in /proc/$$/fd/*; do echo ${number##*/} >> told; done";
    let service = ready(scripted(script).current_dir(folder.path()));
    service.upgrade().unwrap_err();
    let told = fs::read_to_string(folder.path().join("told")).unwrap();
    let numbers: Vec<i32> = told.lines().map(|line| line.parse().unwrap()).collect();
    assert!(numbers.contains(&2), "{numbers:?}");
    // The shell has a few of its own, up to 10.
    assert!(numbers.iter().all(|number| *number <= 10), "{careless} is among {numbers:?}");
}
