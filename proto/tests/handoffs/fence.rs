//! A successor that holds the token in silence is ended for it, if it may be.

use heirloom_proto::predecessor::Settings;
use heirloom_proto::{Message, Phase};

use super::token::{holds_token, reached};
use crate::support::{Pair, hello, seconds, settings};

/// The deadline comes to a frozen owner before it has read what has arrived meanwhile.
fn wake_late(pair: &mut Pair) {
    pair.now += seconds(3);
    pair.older.frozen = false;
    pair.older.machine.handle_timeout(pair.now);
    pair.settle();
}

#[test]
fn a_successor_that_has_spoken_is_heard_before_it_is_killed_for_its_silence() {
    let mut pair = Pair::connected(1);
    reached(&mut pair, holds_token);
    pair.older.frozen = true;
    pair.settle();
    assert!(!pair.younger().link.to_older.is_empty(), "it has said `Owned`");
    wake_late(&mut pair);
    assert_eq!(pair.older.fenced, 0);
    pair.assert_younger_owns();
    assert_eq!(pair.older.machine.phase(), Phase::Draining);
}

/// A successor that has held the token in silence for a minute, and is not ended for it.
fn silent_without_fence() -> Pair {
    let mut pair = Pair::with(1, Settings { fence: false, ..settings() });
    pair.connect(hello());
    reached(&mut pair, holds_token);
    pair.younger().frozen = true;
    pair.pass(seconds(60));
    pair
}

#[test]
fn without_fence_a_silent_owner_is_left_alone_until_it_speaks() {
    let mut pair = silent_without_fence();
    assert_eq!((pair.older.fenced, pair.older.machine.phase()), (0, Phase::Releasing));
    assert_eq!(pair.older.machine.poll_deadline(), None, "nothing to wake up for");
    pair.younger().frozen = false;
    pair.pass(seconds(1));
    pair.assert_younger_owns();
    assert_eq!(pair.older.machine.phase(), Phase::Draining);
}

#[test]
fn without_fence_a_silent_owner_that_dies_gives_the_token_back() {
    let mut pair = silent_without_fence();
    pair.kill_younger(0);
    pair.pass(seconds(1));
    pair.assert_older_owns();
}

#[test]
fn without_fence_a_closed_connection_is_not_tried_for_ever() {
    let mut pair = silent_without_fence();
    pair.younger().link.younger_closed = true;
    pair.pass(seconds(60));
    assert_eq!(pair.older.machine.poll_deadline(), None, "nothing to wake up for");
}

#[test]
fn a_successor_that_cannot_be_killed_is_believed_when_it_speaks() {
    let mut pair = Pair::connected(1);
    pair.older.fence_works = false;
    reached(&mut pair, holds_token);
    pair.younger().frozen = true;
    pair.pass(seconds(60));
    assert_eq!(pair.older.fenced, 1);
    pair.younger().frozen = false;
    pair.pass(seconds(1));
    pair.assert_younger_owns();
    assert_eq!(pair.older.machine.phase(), Phase::Draining);
}

#[test]
fn what_a_successor_said_before_it_was_ended_does_not_count() {
    let mut pair = Pair::connected(1);
    pair.older.fence_works = true;
    reached(&mut pair, holds_token);
    pair.younger().frozen = true;
    let fenced = |pair: &Pair| pair.older.fenced == 1;
    pair.now += seconds(2);
    pair.older.machine.handle_timeout(pair.now);
    reached(&mut pair, fenced);
    assert_eq!(pair.older.machine.phase(), Phase::Fencing);
    let owned = Message::Owned.encode().unwrap();
    pair.younger().link.to_older.push_back(owned);
    pair.pass(seconds(1));
    pair.assert_older_owns();
}
