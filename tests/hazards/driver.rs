//! The driver's thread: it computes nothing while it waits, and keeps nothing for those who ask and
//! do not listen.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use heirloom_proto::Message;
use heirloom_proto::limits::MAX_FRAME;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};

use crate::expect_owner;
use crate::support::{DEADLINE, Family, Way, both_ways, process, wait_until};

#[test]
fn timeouts_beyond_every_clock_are_waited_for_idly() {
    let mut family = Family::new();
    family.set("ROLE", "plain").set("TIMEOUTS", "endless");
    let first = family.start();
    family.tell(first, "ready");
    family.expect(first, "ready");
    let second = family.start();
    family.expect(second, "started");
    expect_idle(&mut family, first); // until the second is ready

    family.hold(second, "successor.before.lock");
    family.tell(second, "ready");
    family.expect(second, "held");
    expect_idle(&mut family, first); // until the second has the token
    family.tell(second, "resume");
    family.expect(second, "ready");
    family.expect(first, "exit");
    expect_idle(&mut family, second);
    for pid in [first, second] {
        assert!(!family.has_logged(pid, "poll failed"));
    }
}

fn expect_idle(family: &mut Family, pid: u32) {
    /// A driver that does not wait takes 30 in the time that is watched, or half of that if it has
    /// to share its processor.
    const FEW: u64 = 10;
    family.tell(pid, "watch");
    let watched = family.expect(pid, "watched");
    let ticks: u64 = watched.word(1).parse().unwrap();
    assert!(ticks < FEW, "{watched}");
}

both_ways! {
    fn idle_service_has_one_thread_of_the_library_and_no_time_limit_wakes_it(way: Way) {
        let mut family = Family::new();
        let (first, _) = family.start_service();
        expect_asleep(first);
        let second = family.succeed(first, way);
        family.expect(second, "ready");
        family.expect_end(first);
        expect_asleep(second);
    }
}

/// There is one thread of the library, and it waits in `ppoll(2)` without a timeout, which is the third
/// argument: nothing but an event ends that. `benches/idle` watches it for a minute.
fn expect_asleep(pid: u32) {
    let sleeps = |call: &String| {
        let words: Vec<&str> = call.split(' ').collect();
        words[0] == libc::SYS_ppoll.to_string() && words[3] == "0x0"
    };
    let calls = || process::library_calls(pid);
    let is = || calls().len() == 1 && calls().iter().all(sleeps);
    wait_until(is, || format!("threads of the library are in these calls: {:?}", calls()));
}

#[test]
fn tool_that_asks_and_never_listens_is_not_answered_into_memory() {
    const QUESTIONS: usize = 100_000;
    let mut family = Family::new();
    let (first, address) = family.start_service();
    let mut tool = connect_without_waiting(family.setting("HANDOFF"));
    let before = resident_kib(first);
    let asked = ask_until_nobody_reads(&mut tool, QUESTIONS);
    let grown = resident_kib(first).saturating_sub(before);
    assert!(grown < 4_096, "{grown} KiB more for {asked} questions");

    for _ in 0..asked {
        assert!(is_ready(&tool, PollFlags::POLLIN, DEADLINE), "every question is answered");
        let mut frame = vec![0; MAX_FRAME];
        let length = tool.read(&mut frame).unwrap();
        assert!(matches!(Message::decode(&frame[..length]), Ok(Message::StatusReport(_))));
    }
    expect_owner(&family, first, 1, &address);
    let second = family.succeed(first, Way::Spawned);
    family.expect(second, "ready");
}

/// Asks up to so many times, and stops when the owner reads no more. Tells how often it has asked.
fn ask_until_nobody_reads(tool: &mut UnixStream, most: usize) -> usize {
    /// Far longer than an owner takes that reads at all.
    const LONG: Duration = Duration::from_millis(500);
    let question = Message::Status.encode().unwrap();
    let mut asked = 0;
    while asked < most {
        match tool.write(&question) {
            Ok(_) => asked += 1,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                if !is_ready(tool, PollFlags::POLLOUT, LONG) {
                    break;
                }
            }
            Err(error) => panic!("{error}"),
        }
    }
    asked
}

fn connect_without_waiting(name: &str) -> UnixStream {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let made = socket(AddressFamily::Unix, SockType::SeqPacket, flags, None).unwrap();
    let name = UnixAddr::new_abstract(name.trim_start_matches('@').as_bytes()).unwrap();
    connect(made.as_raw_fd(), &name).unwrap();
    UnixStream::from(made)
}

fn is_ready(socket: &UnixStream, flags: PollFlags, within: Duration) -> bool {
    let mut polled = [PollFd::new(socket.as_fd(), flags)];
    poll(&mut polled, PollTimeout::try_from(within).unwrap()).unwrap() == 1
}

/// `VmRSS`: see `proc_pid_status(5)`.
fn resident_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
