//! The token is on its way, and something goes wrong: one process owns the service in the end.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use heirloom_proto::Message;
use nix::sys::signal::Signal;

use crate::support::control::Tool;
use crate::support::role::{Role, emit};
use crate::support::{Family, Way, ask, both_ways, wait_until};
use crate::{expect_owner, expect_plain_owner};

/// What the owner logs when the token was let go and taken back.
const TAKEN_BACK: &str = "the service was taken back from a successor";

both_ways! {
    fn third_process_that_connects_while_the_token_moves_succeeds_whoever_owns_in_the_end(way: Way) {
        let mut family = Family::new();
        let (first, address) = family.set("COMMIT_MS", "3000").start_service();
        family.hold_next("successor.before.publish,successor.after.publish,successor.after.send-abort");
        let second = family.succeed(first, way);
        family.expect_like(second, "held", "successor.before.publish");
        let pid_file = family.setting("PID_FILE").to_owned();
        make_unwritable(Path::new(&pid_file));
        family.tell(second, "resume");
        // The handoff socket tells the second's credentials by now.
        family.expect_like(second, "held", "successor.after.publish");
        family.set_next("PID_FILE", &format!("{pid_file}.third")).set_next("PREPARE", "manual");
        family.hold_next("successor.before.send-hello");
        let third = family.start();
        family.expect(third, "held");
        family.tell(second, "resume");
        family.expect_like(second, "held", "successor.after.send-abort");
        family.expect_like(first, "log", TAKEN_BACK);

        family.tell(third, "resume");
        let started = family.expect(third, "started");
        match way {
            Way::Spawned => family.expect_end(second), // its parent kills it
            Way::External => family.kill(second),
        }
        assert_eq!(started.word(0), first.to_string(), "the owner is the predecessor");
        assert_eq!(ask(&address).unwrap(), (first, 1));
        assert_eq!(family.lock_holders(), [first]);
        family.tell(third, "ready");
        family.expect(third, "ready");
        family.expect_end(first);
        expect_owner(&family, third, 2, &address);
        family.expect_only(&[third]);
    }
}

/// Somebody who may, and who does not own the service, writes another number into the token while
/// the successor is to lock it.
fn write_into_token(way: Way) -> (Family, u32, u32, String) {
    let mut family = Family::new();
    let (first, address) = family.set("COMMIT_MS", "20000").start_service();
    family.hold_next("successor.before.lock");
    let second = family.succeed(first, way);
    family.expect(second, "held");
    let token = File::options().write(true).open(token_of(first)).unwrap();
    token.write_all_at(&99_u64.to_le_bytes(), 0).unwrap();
    (family, first, second, address)
}

/// The way to the token that a process has open.
fn token_of(pid: u32) -> PathBuf {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    let mut paths = entries.map(|entry| entry.unwrap().path());
    let is_token = |path: &PathBuf| {
        fs::read_link(path).is_ok_and(|target| target.to_string_lossy().contains("memfd:heirloom"))
    };
    paths.find(is_token).unwrap()
}

both_ways! {
    fn token_written_by_one_who_does_not_own_stays_with_the_predecessor(way: Way) {
        for is_killed in [true, false] {
            let (mut family, first, second, address) = write_into_token(way);
            match is_killed {
                true => family.kill(second),
                false => {
                    family.tell(second, "resume");
                    family.expect_like(second, "failed", "ready NotOwner ");
                    family.expect_end(second);
                }
            }
            family.expect_like(first, "log", TAKEN_BACK);
            expect_owner(&family, first, 1, &address);
            let third = family.succeed(first, way);
            family.expect(third, "ready");
            family.expect_end(first);
            expect_owner(&family, third, 2, &address);
        }
    }
}

/// Those who connect while the token moves may see the credentials of either side: nobody may be
/// answered by one who has ceased to be the owner.
#[test]
fn nobody_is_answered_while_the_token_moves() {
    let mut family = Family::new();
    let (first, address) = family.set("COMMIT_MS", "600000").start_service();
    family.hold_next("successor.before.lock");
    let second = family.succeed(first, Way::External);
    family.expect(second, "held");
    // Unlocked and waiting: the token is nobody's.
    family.expect_like(first, "log", "the successor is ready");
    wait_until(|| family.lock_holders().is_empty(), || "the token is held".into());
    let mut tool = Tool::connect(family.setting("HANDOFF")).unwrap();
    tool.send(&Message::Status).unwrap();
    // Each of these is answered by a predecessor that has looked for whoever connects.
    for _ in 0..3 {
        family.tell(first, "upgrade");
        family.expect_like(first, "failed", "upgrade Busy");
    }
    family.tell(second, "resume");
    family.expect(second, "ready");
    let error = tool.receive().unwrap_err();
    let is_closed = [ErrorKind::UnexpectedEof, ErrorKind::ConnectionReset].contains(&error.kind());
    assert!(is_closed, "{error}");
    family.expect_end(first);
    expect_owner(&family, second, 2, &address);
}

/// Puts a folder in the file's place that cannot be replaced.
fn make_unwritable(path: &Path) {
    fs::remove_file(path).unwrap();
    fs::create_dir(path).unwrap();
    fs::write(path.join("something"), "").unwrap();
}

#[test]
fn silent_successor_in_the_same_process_cannot_be_ended_and_owns_when_it_speaks() {
    let mut family = Family::new();
    family.set("ROLE", "together").set("COMMIT_MS", "100").hold_next("successor.after.lock");
    let both = family.start();
    family.expect(both, "held");
    family.expect_like(both, "log", "the silent successor cannot be ended");
    family.tell(both, "resume");
    family.expect(both, "ready");
    family.expect(both, "exit");
    family.expect(both, "gone");
    family.expect_end(both);
}

/// The role: two generations in one process.
pub(crate) fn live_together(role: &Role) {
    let predecessor = role.start().unwrap();
    predecessor.ready().unwrap();
    let successor = role.start().unwrap();
    successor.ready().unwrap();
    emit("ready", "");
    predecessor.exit().wait();
    emit("exit", "");
    drop(predecessor);
    drop(successor);
    emit("gone", "");
}

#[test]
fn predecessor_that_cannot_try_the_token_takes_the_service_back_from_a_dead_successor() {
    let mut family = Family::new();
    let first = family.set("ROLE", "plain").set("COMMIT_MS", "1000").start();
    family.tell(first, "ready");
    family.expect(first, "ready");
    family.hold_next("successor.before.lock");
    let second = family.start();
    family.tell(second, "ready");
    family.expect(second, "held");
    family.tell(first, "lose token");
    family.expect(first, "lost");
    family.kill(second);
    family.expect_like(first, "log", TAKEN_BACK);
    assert!(!family.has_come(first, "exit"));
    expect_plain_owner(&family, first, 1);

    let third = family.start();
    family.tell(third, "ready");
    family.expect(third, "ready");
    family.expect(first, "exit");
    expect_plain_owner(&family, third, 2);
}

/// Both wait for an owner that has stood still: the one it hands over to, and a visitor.
#[test]
fn visitor_that_comes_with_ready_is_not_answered_while_the_token_moves() {
    let mut family = Family::new();
    let (first, _) = family.set("COMMIT_MS", "20000").start_service();
    family.set_next("PREPARE", "manual");
    let second = family.succeed(first, Way::External);
    family.expect(second, "prepared");
    family.hold(first, "predecessor.after.send-released");
    family.hold(second, "successor.after.send-ready");
    family.freeze(first);
    family.tell(second, "ready");
    family.expect(second, "held");
    let mut visitor = Tool::connect(family.setting("HANDOFF")).unwrap();
    visitor.send(&Message::Status).unwrap();
    family.hold(second, "successor.before.publish");
    family.tell(second, "resume");
    family.signal(first, Signal::SIGCONT);
    family.expect(first, "held");
    family.tell(first, "resume");
    family.expect_like(second, "held", "successor.before.publish");
    family.tell(second, "resume");
    family.expect_end(first);
    visitor.receive().expect_err("it is told of an owner that hands over");
}
