//! A successor's program that does not begin: `execve(2)` waits, as on a file system that hangs.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use heirloom::{Error, ErrorKind, Phase, Takeover, Upgraded, Upgrader};

use super::fresh_builder;
use crate::support::control::status;
use crate::support::lease::Lease;
use crate::support::{DEADLINE, Event, Family, Way, ask, sys, wait_until};

/// Copies a program. Not in this process: a child that another test forks meanwhile would keep the copy
/// open for writing, and it could not be run.
fn install(program: &Path, path: &Path) {
    assert!(Command::new("cp").arg(program).arg(path).status().unwrap().success());
}

/// A service whose successor's program cannot begin, and the program.
fn service(family: &mut Family) -> (u32, String, PathBuf) {
    let program = family.path("next");
    install(&std::env::current_exe().unwrap(), &program);
    family.set("PROGRAM", program.to_str().unwrap());
    let (first, address) = family.start_service();
    (first, address, program)
}

/// The child whose program has not begun.
fn expect_stuck_child(lease: &Lease, first: u32) -> u32 {
    lease.expect_waiter();
    let others = sys::members(first).into_iter().filter(|pid| *pid != first);
    let others: Vec<_> = others.collect();
    assert_eq!(others.len(), 1, "{others:?}");
    others[0]
}

fn expect_reaped(pid: u32) {
    let is_gone = || !Path::new(&format!("/proc/{pid}")).exists();
    wait_until(is_gone, || format!("process {pid} is there"));
}

#[test]
fn program_that_does_not_begin_is_given_up_in_time_and_ended_when_it_does() {
    let mut family = Family::new();
    let (first, address, program) = service(family.set("READY_MS", "500"));
    let lease = Lease::take(&program);
    family.tell(first, "upgrade");
    let child = expect_stuck_child(&lease, first);
    let handoff = family.setting("HANDOFF").to_owned();
    assert_eq!(status(&handoff).unwrap().phase, Phase::Spawning, "it answers");
    family.expect_like(first, "failed", "upgrade TimedOut ");
    assert_eq!(status(&handoff).unwrap().phase, Phase::Serving);
    drop(lease);
    expect_reaped(child);
    family.expect_only(&[first]);
    // Nothing of it is in the way of the next.
    family.tell(first, "upgrade");
    let is_next = |event: &Event| event.name == "ready" && ![first, child].contains(&event.pid);
    let second = family.expect_where("the next successor", is_next).pid;
    family.expect_end(first);
    assert_eq!(ask(&address).unwrap(), (second, 2));
}

#[test]
fn program_that_begins_late_but_in_time_is_taken_for_the_successor() {
    let mut family = Family::new();
    let (first, address, program) = service(&mut family);
    let lease = Lease::take(&program);
    family.tell(first, "upgrade");
    expect_stuck_child(&lease, first);
    drop(lease);
    let second = family.expect_new();
    family.expect(second, "ready");
    family.expect_end(first);
    assert_eq!(ask(&address).unwrap(), (second, 2));
}

#[test]
fn successor_of_anybodys_takes_over_once_a_program_that_does_not_begin_was_given_up() {
    let mut family = Family::new();
    let (first, address, program) = service(family.set("READY_MS", "500"));
    let lease = Lease::take(&program);
    family.tell(first, "upgrade");
    expect_stuck_child(&lease, first);
    family.expect_like(first, "failed", "upgrade TimedOut ");
    let second = family.succeed(first, Way::External);
    family.expect(second, "ready");
    // The predecessor ends, and waits for no program either.
    family.expect_end(first);
    assert_eq!(ask(&address).unwrap(), (second, 2));
    drop(lease);
    family.expect_only(&[second]);
}

/// A service in this process that upgrades to a program which cannot begin.
struct Stuck {
    lease: Lease,
    upgrader: Upgrader,
    upgraded: Receiver<Result<Upgraded, Error>>,
    program: PathBuf,
    _folder: tempfile::TempDir,
}

impl Stuck {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("endless");
        install(Path::new("/bin/sleep"), &program);
        let builder = fresh_builder().takeover(Takeover::Never).program(&program).args(["1000"]);
        let upgrader = builder.start().unwrap();
        upgrader.ready().unwrap();
        let lease = Lease::take(&program);
        let (told, upgraded) = channel();
        let asking = upgrader.clone();
        thread::spawn(move || told.send(asking.upgrade()));
        lease.expect_waiter();
        Self { lease, upgrader, upgraded, program, _folder: folder }
    }

    fn assert_upgrade_fails(&self, kind: ErrorKind) {
        let error = self.upgraded.recv_timeout(DEADLINE).expect("it waits").unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
    }
}

/// Lets the program begin, which would go on for long: it is ended, and no thread is left.
fn assert_leaves_nothing(lease: Lease, program: &Path) {
    drop(lease);
    let program = fs::canonicalize(program).unwrap();
    let is_over = || !is_run(&program) && !has_thread("heirloom-spawn");
    wait_until(is_over, || "the program runs on".into());
}

fn is_run(program: &Path) -> bool {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    processes
        .map(|process| process.path().join("exe"))
        .any(|exe| fs::read_link(exe).is_ok_and(|exe| exe == program))
}

fn has_thread(name: &str) -> bool {
    let threads = fs::read_dir("/proc/self/task").unwrap().flatten();
    threads
        .map(|thread| thread.path().join("comm"))
        .any(|comm| fs::read_to_string(comm).is_ok_and(|comm| comm.trim_end() == name))
}

#[test]
fn service_stops_while_a_program_does_not_begin() {
    let stuck = Stuck::new();
    stuck.upgrader.stop();
    stuck.assert_upgrade_fails(ErrorKind::Stopping);
    assert!(stuck.upgrader.exit().wait_timeout(DEADLINE));
    assert_leaves_nothing(stuck.lease, &stuck.program);
}

/// As where an application has told the kernel to reap all its children.
#[test]
fn program_that_is_not_there_is_told_though_the_kernel_reaps_every_child() {
    let mut family = Family::new();
    let script = family.path("ignores-children");
    let program = std::env::current_exe().unwrap();
    // What is ignored stays so across `execve(2)`. Shells do not let this signal be ignored.
    let text = format!(
        "#!/usr/bin/env python3\n\
         import os, signal, sys\n\
         signal.signal(signal.SIGCHLD, signal.SIG_IGN)\n\
         os.execv({program:?}, [{program:?}] + sys.argv[1:])\n"
    );
    fs::write(&script, text).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let copy = family.path("copy");
    install(&script, &copy);
    family.set_program(&copy);
    family.set("PROGRAM", "/nowhere/next");
    let (first, _) = family.start_service();
    family.tell(first, "upgrade");
    family.expect_like(first, "failed", "upgrade Spawn ");
}

/// It would find nobody and begin the service that was stopped.
#[test]
fn program_that_begins_while_its_predecessor_ends_is_ended_first() {
    let mut family = Family::new();
    let (first, _, program) = service(&mut family);
    let lease = Lease::take(&program);
    family.tell(first, "upgrade");
    let child = expect_stuck_child(&lease, first);
    family.tell(first, "stop");
    family.expect_like(first, "failed", "upgrade Stopping ");
    drop(lease);
    family.expect_end(first);
    family.expect_end(child);
    assert!(!family.has_come(child, "started"));
    family.expect_only(&[]);
}

#[test]
fn upgrader_is_dropped_while_a_program_does_not_begin() {
    let Stuck { lease, upgrader, upgraded, program, _folder } = Stuck::new();
    upgrader.stop();
    upgraded.recv_timeout(DEADLINE).expect("it waits").unwrap_err();
    let (dropped, is_dropped) = channel();
    thread::spawn(move || {
        drop(upgrader);
        dropped.send(()).unwrap();
    });
    is_dropped.recv_timeout(DEADLINE).expect("the drop waits for the program");
    assert_leaves_nothing(lease, &program);
}
