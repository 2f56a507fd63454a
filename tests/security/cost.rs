//! What strangers cost the owner itself: the processor time of its own thread, which no other process
//! adds to.

use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::time::Duration;

use nix::sys::socket::sockopt::PeerCredentials;
use nix::sys::socket::{Backlog, UnixAddr, bind, connect, getsockname, getsockopt, listen};

use super::attacker::{FOREIGN, attack, can_be_foreign, new_socket, start};
use super::expect_unharmed;
use crate::support::control::status;
use crate::support::{Family, process};

/// How many there are.
const STRANGERS: usize = 1_000;

/// The most that they may cost.
const MOST: Duration = Duration::from_millis(10);

/// Or so many times what the kernel takes for it, where the machine is slower than most.
const TIMES: u32 = 4;

/// How often it is measured. The least counts: a processor whose caches somebody else has filled takes
/// longer for the same.
const ROUNDS: usize = 11;

#[test]
fn thousand_strangers_cost_the_owner_less_than_10_ms() {
    if !can_be_foreign() {
        return;
    }
    let mut family = Family::new();
    let (first, address) = family.start_service();
    let attacker = start(&mut family, Some(FOREIGN));
    let cost = (0..ROUNDS).map(|_| {
        let before = process::driver_time(first);
        let made = attack(&mut family, attacker, &format!("flood {STRANGERS}"));
        assert_eq!(made, STRANGERS.to_string());
        // Connections are taken in order: this one is the last.
        status(family.setting("HANDOFF")).unwrap();
        process::driver_time(first) - before
    });
    let cost = cost.min().unwrap();
    let floor = (0..ROUNDS).map(|_| turn_away()).min().unwrap();
    let numbers = format!("they cost {cost:.1?}, and the bare system calls {floor:.1?}");
    eprintln!("{STRANGERS} strangers: {numbers}");
    assert!(cost < MOST.max(TIMES * floor), "{numbers}");
    expect_unharmed(&mut family, first, &address);
}

/// The least that can be done about so many strangers: to look who they are, and close. Tells the
/// processor time of it.
fn turn_away() -> Duration {
    let listener = new_socket();
    bind(listener.as_raw_fd(), &UnixAddr::new_unnamed()).unwrap(); // a name of its own: see unix(7)
    listen(&listener, Backlog::MAXALLOWABLE).unwrap();
    let name: UnixAddr = getsockname(listener.as_raw_fd()).unwrap();
    let _strangers: Vec<OwnedFd> = std::iter::repeat_with(|| {
        let stranger = new_socket();
        connect(stranger.as_raw_fd(), &name).unwrap();
        stranger
    })
    .take(STRANGERS)
    .collect();
    let (listener, before) = (UnixListener::from(listener), process::own_time());
    for _ in 0..STRANGERS {
        let (stranger, _) = listener.accept().unwrap();
        getsockopt(&stranger, PeerCredentials).unwrap();
    }
    process::own_time() - before
}
