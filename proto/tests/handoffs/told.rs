//! What a predecessor tells its successor, and what that makes of it.

use std::time::Duration;

use heirloom_proto::limits::{MAX_COMMIT_TIMEOUT, MAX_READY_TIMEOUT};
use heirloom_proto::{Lock, Manifest, Message, Phase, Successor, Timeouts, Welcome};

use crate::support::{hello, samples, seconds};

/// A successor that has heard `welcome`, with the two descriptors it brings.
fn welcomed(welcome: Welcome) -> Successor<()> {
    let mut machine = Successor::new(hello(), seconds(1));
    hear(&mut machine, &Message::Welcome(welcome), 2);
    machine
}

fn hear(machine: &mut Successor<()>, message: &Message, descriptors: usize) {
    machine.handle_frame(&message.encode().unwrap(), vec![(); descriptors], seconds(1));
}

/// A successor that has everything and is ready, and was told that it may wait for ever.
fn ready_without_end() -> Successor<()> {
    let endless = Duration::from_millis(u64::MAX);
    let timeouts = Timeouts { ready: endless, ready_cap: endless, commit: endless };
    let mut machine = welcomed(Welcome { entries: 0, timeouts, ..samples::welcome() });
    hear(&mut machine, &Message::Manifest(Manifest { entries: Vec::new(), last: true }), 0);
    machine.handle_verified(Ok(()), seconds(1));
    machine.handle_ready(Vec::new(), seconds(1));
    machine
}

#[test]
fn timeouts_without_end_are_cut_to_their_bounds() {
    let machine = ready_without_end();
    let bounds = Timeouts {
        ready: MAX_READY_TIMEOUT,
        ready_cap: MAX_READY_TIMEOUT,
        commit: MAX_COMMIT_TIMEOUT,
    };
    assert_eq!(machine.welcome().unwrap().timeouts, bounds);
}

#[test]
fn a_successor_that_is_told_to_wait_for_ever_gives_up_all_the_same() {
    let mut machine = ready_without_end();
    let mut now = seconds(1);
    let held = Lock::Held { attempt: samples::welcome().attempt };
    while machine.phase() != Phase::Stopped {
        now = machine.poll_deadline().unwrap();
        machine.handle_timeout(now);
        machine.handle_lock(held, now);
    }
    assert!(now <= seconds(1) + MAX_COMMIT_TIMEOUT * 2, "{now:?}");
}
