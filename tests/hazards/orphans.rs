//! The predecessor goes away midway: its successor goes on for it, or begins afresh.

use std::io::Read;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Duration;

use heirloom_proto::limits::{MAX_FRAME, VERSION};
use heirloom_proto::{Message, Timeouts, Welcome};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, UnixAddr, bind, listen, socket,
};
use sendfd::SendWithFd;

use crate::support::{DEADLINE, Family, Way, both_ways, sys};
use crate::{expect_owner, expect_plain_owner};

#[test]
fn orphan_that_is_set_to_another_address_is_found_there_by_the_next() {
    let mut family = Family::new();
    let (first, address) = family.start_service();
    let moved = format!("{}-moved", family.setting("HANDOFF"));
    family.set_next("HANDOFF", &moved).set_next("PREPARE", "manual").set("HANDOFF", &moved);
    let second = family.succeed(first, Way::Spawned);
    family.expect(second, "prepared");
    family.kill(first);
    family.expect_like(second, "log", "this process owns the service");
    family.tell(second, "ready");
    family.expect(second, "ready");
    expect_owner(&family, second, 2, &address);

    let third = family.start();
    assert_eq!(family.expect(third, "started").word(0), second.to_string());
    family.expect(third, "ready");
    family.expect_end(second);
    expect_owner(&family, third, 3, &address);
    family.expect_only(&[third]);
}

both_ways! {
    fn successor_that_has_everything_in_its_queue_goes_on_though_its_own_words_were_never_read(way: Way) {
        let mut family = Family::new();
        // Two batches.
        family.set("ROLE", "plain").set("FILES", "300");
        family.hold_next("predecessor.after.send-manifest,predecessor.after.send-manifest");
        let first = family.start();
        family.tell(first, "ready");
        family.expect(first, "ready");
        family.hold_next("successor.after.send-received");
        let second = family.succeed(first, way);
        family.expect(first, "held");
        family.expect(second, "held");
        family.tell(first, "resume");
        family.expect(first, "held");
        family.kill(first);
        family.tell(second, "resume");
        assert_eq!(family.expect(second, "started").details, "2", "its generation");
        assert_eq!(family.expect(second, "inherited").details, "300");
        family.tell(second, "ready");
        family.expect(second, "ready");
        expect_plain_owner(&family, second, 2);
    }
}

#[test]
fn predecessor_that_is_slow_and_dies_before_it_has_handed_everything_over_is_begun_afresh() {
    /// Twice this is longer than a start tries to find out who is there, and once is less than the
    /// time a step of the transfer may take.
    const SLOW: Duration = Duration::from_millis(2_700);
    let mut family = Family::new();
    let listener = listen_at(family.setting("HANDOFF"));
    let successor = family.start();
    assert!(sys::wait_readable(&listener));
    let (mut peer, _) = listener.accept().unwrap();
    peer.set_read_timeout(Some(DEADLINE)).unwrap();
    let mut frame = vec![0; MAX_FRAME];
    let length = peer.read(&mut frame).unwrap();
    assert!(matches!(Message::decode(&frame[..length]), Ok(Message::Hello(_))));
    assert!(!says_something(&peer, SLOW), "it waits");
    welcome(&peer, &listener);
    assert!(!says_something(&peer, SLOW), "it waits");
    drop((peer, listener));

    let address = family.expect(successor, "bound").details;
    family.expect(successor, "ready");
    expect_owner(&family, successor, 1, &address);
}

/// Listens under an abstract name, as a predecessor does. The standard library's type holds a socket
/// of another kind too.
fn listen_at(name: &str) -> UnixListener {
    let (family, flags) = (AddressFamily::Unix, SockFlag::SOCK_CLOEXEC);
    let made = socket(family, SockType::SeqPacket, flags, None).unwrap();
    let name = UnixAddr::new_abstract(name.trim_start_matches('@').as_bytes()).unwrap();
    bind(made.as_raw_fd(), &name).unwrap();
    listen(&made, Backlog::new(16).unwrap()).unwrap();
    UnixListener::from(made)
}

/// Whether a peer says something, or goes away, before the time is over.
fn says_something(peer: &UnixStream, within: Duration) -> bool {
    let mut polled = [PollFd::new(peer.as_fd(), PollFlags::POLLIN)];
    poll(&mut polled, PollTimeout::try_from(within).unwrap()).unwrap() == 1
}

/// Promises one entry.
fn welcome(peer: &UnixStream, listener: &UnixListener) {
    let frame = Message::Welcome(Welcome {
        version: VERSION,
        generation: 2,
        attempt: 1,
        entries: 1,
        timeouts: Timeouts::default(),
        pid: std::process::id(),
        build: String::new(),
    });
    let token = tempfile::tempfile().unwrap();
    let offered = [token.as_raw_fd(), listener.as_raw_fd()];
    peer.send_with_fd(&frame.encode().unwrap(), &offered).unwrap();
}
