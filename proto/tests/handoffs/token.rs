//! The lock and the number in the token decide, whatever else goes wrong.

use heirloom_proto::predecessor::Event as OlderEvent;
use heirloom_proto::successor::Event;
use heirloom_proto::{Failure, Lock, Message, Phase};

use crate::support::{Pair, Who, hello, seconds};

#[track_caller]
pub(super) fn reached(pair: &mut Pair, condition: impl Fn(&Pair) -> bool) {
    assert!(pair.run_until(condition));
}

/// A successor that has everything and is stopped; its predecessor has given it up.
pub(super) fn stale() -> Pair {
    let mut pair = Pair::connected(1);
    reached(&mut pair, |pair| pair.younger_phase() == Phase::Committing);
    pair.younger().frozen = true;
    pair.pass(seconds(70));
    pair.assert_older_owns();
    pair
}

pub(super) fn holds_token(pair: &Pair) -> bool {
    pair.kernel.holder() == Some(Who::Younger(0)) && !pair.youngers[0].owns()
}

pub(super) fn is_free(pair: &Pair) -> bool {
    pair.older.machine.phase() == Phase::Releasing && pair.kernel.holder().is_none()
}

#[test]
fn an_orphan_is_adopted_before_its_heir_is_ready() {
    let mut pair = Pair::connected(1);
    pair.younger().ready = None;
    pair.settle();
    pair.kill_older();
    pair.pass(seconds(1));
    pair.assert_younger_owns();
    let text = format!("{:?}", pair.younger().events);
    assert!(text.contains("orphaned: true"), "{text}");
    let now = pair.now;
    pair.younger().machine.handle_ready(Vec::new(), now);
    pair.settle();
    pair.assert_younger_owns();
}

#[test]
fn the_lock_of_a_dead_successor_that_a_stranger_holds_is_replaced() {
    let mut pair = Pair::connected(1);
    pair.kernel.leaks = Some(Who::Younger(0));
    reached(&mut pair, holds_token);
    pair.kill_younger(0);
    pair.pass(seconds(1));
    assert_eq!(pair.older.machine.phase(), Phase::Releasing, "it may be let go yet");
    pair.pass(seconds(2));
    pair.assert_older_owns();
    let taken_back = pair.older.events.last();
    assert!(matches!(taken_back, Some(OlderEvent::TakenBack { leaked: true, .. })));
    pair.connect(hello());
    pair.settle();
    pair.assert_younger_owns();
}

#[test]
fn the_lock_of_a_dead_predecessor_that_a_stranger_holds_is_replaced() {
    let mut pair = Pair::connected(1);
    pair.kernel.leaks = Some(Who::Older);
    reached(&mut pair, |pair| pair.younger_phase() == Phase::Committing);
    pair.kill_older();
    pair.pass(seconds(1));
    assert_eq!(pair.younger_phase(), Phase::Reclaiming, "it may be let go yet");
    pair.pass(seconds(2));
    pair.assert_younger_owns();
    let owned = pair.younger().events.last();
    assert!(matches!(owned, Some(Event::Owned { leaked: true, orphaned: true, .. })));
}

#[test]
fn a_late_end_of_file_delays_nothing() {
    let mut pair = Pair::connected(1);
    pair.younger().link.held_open = true;
    reached(&mut pair, |pair| pair.younger_phase() == Phase::Committing);
    pair.kill_older();
    pair.settle();
    pair.assert_younger_owns();
}

#[test]
fn a_dead_successor_is_not_handed_over_to_even_if_its_lock_was_leaked_after_owned() {
    let mut pair = Pair::connected(1);
    pair.kernel.leaks = Some(Who::Younger(0));
    let said = |pair: &Pair| pair.youngers[0].owns() && !pair.youngers[0].link.to_older.is_empty();
    reached(&mut pair, said);
    pair.kill_younger(0);
    pair.pass(seconds(3));
    pair.assert_older_owns();
}

#[test]
fn an_abort_that_is_read_after_the_death_of_its_sender_is_no_obstacle() {
    let mut pair = stale();
    assert!(!pair.youngers[0].link.to_younger.is_empty());
    pair.kill_older();
    pair.youngers[0].frozen = false;
    pair.pass(seconds(10));
    pair.assert_younger_owns();
}

#[test]
fn an_abort_of_a_living_predecessor_is_believed_at_once() {
    let mut pair = stale();
    pair.youngers[0].frozen = false;
    pair.settle();
    assert!(matches!(pair.youngers[0].failure(), Failure::PeerAborted(_)));
    pair.assert_older_owns();
}

#[test]
fn owned_is_not_believed_of_a_successor_that_does_not_hold_the_token() {
    let mut pair = Pair::connected(1);
    reached(&mut pair, is_free);
    pair.younger().frozen = true;
    let owned = Message::Owned.encode().unwrap();
    pair.younger().link.to_older.push_back(owned);
    pair.pass(seconds(1));
    pair.assert_older_owns();
    let text = format!("{:?}", pair.older.events.last());
    assert!(text.contains("TakenBack") && text.contains("OwnedWithoutToken"), "{text}");
    pair.younger().frozen = false;
    pair.pass(seconds(1));
    pair.assert_older_owns();
}

#[test]
fn the_service_of_a_successor_that_dies_before_its_owned_was_read_goes_back() {
    let mut pair = Pair::connected(1);
    let said = |pair: &Pair| pair.youngers[0].owns() && !pair.youngers[0].link.to_older.is_empty();
    reached(&mut pair, said);
    pair.kill_younger(0);
    pair.pass(seconds(1));
    pair.assert_older_owns();
}

#[test]
fn a_successor_that_cannot_publish_gives_the_token_back() {
    let mut pair = Pair::connected(1);
    pair.younger().publish = Err("read-only file system".into());
    pair.pass(seconds(1));
    pair.assert_older_owns();
    let text = format!("{:?}", pair.older.events.last());
    assert!(text.contains("TakenBack") && text.contains("read-only file system"), "{text}");
}

#[test]
fn an_heir_that_cannot_publish_owns_the_service_all_the_same() {
    let mut pair = Pair::connected(1);
    pair.younger().ready = None;
    pair.younger().publish = Err("read-only file system".into());
    pair.settle();
    pair.kill_older();
    pair.pass(seconds(1));
    pair.assert_younger_owns();
    let text = format!("{:?}", pair.younger().events.last());
    assert!(text.contains("read-only file system"), "{text}");
}

#[test]
fn an_application_that_gives_up_with_the_token_gives_it_back() {
    let mut pair = Pair::connected(1);
    reached(&mut pair, holds_token);
    pair.younger().machine.handle_abandoned("no configuration");
    pair.pass(seconds(1));
    pair.assert_older_owns();
}

#[test]
fn an_application_that_gives_up_before_it_is_ready_leaves_predecessor_serving() {
    let mut pair = Pair::connected(1);
    pair.younger().ready = None;
    pair.settle();
    pair.younger().machine.handle_abandoned("no configuration");
    pair.settle();
    pair.assert_older_owns();
    let text = format!("{:?}", pair.older.events.last());
    assert!(text.contains("no configuration"), "{text}");
}

#[test]
fn nothing_that_arrives_late_ends_an_owner() {
    let mut pair = Pair::connected(1);
    reached(&mut pair, holds_token);
    for index in 0..3 {
        let now = pair.now;
        let machine = &mut pair.younger().machine;
        machine.handle_frame(b"nonsense", Vec::new(), now);
        machine.handle_frame(&Message::Status.encode().unwrap(), Vec::new(), now);
        machine.handle_frame(&Message::Owned.encode().unwrap(), vec![(); index], now);
        machine.handle_lock(Lock::Got { attempt: 1 }, now);
        pair.settle();
        pair.assert_younger_owns();
    }
    assert_eq!(pair.younger().events.len(), 2);
}

#[test]
fn a_lock_that_comes_after_giving_up_is_let_go() {
    let mut pair = Pair::connected(1);
    pair.younger().ready = None;
    pair.settle();
    pair.younger().machine.handle_abandoned("no configuration");
    pair.settle();
    pair.kernel.unlock(Who::Older, 0);
    let lock = pair.kernel.try_lock(Who::Younger(0), 0);
    let now = pair.now;
    pair.younger().machine.handle_lock(lock, now);
    pair.settle();
    assert_eq!(pair.kernel.holder(), None);
}

#[test]
fn a_lock_that_comes_after_handing_over_is_let_go() {
    let mut pair = Pair::connected(1);
    pair.settle();
    pair.kill_younger(0);
    let lock = pair.kernel.try_lock(Who::Older, 0);
    pair.older.machine.handle_lock(lock, pair.now);
    pair.settle();
    assert_eq!(pair.kernel.holder(), None);
}

#[test]
fn whoever_connected_while_the_token_moved_is_closed_when_it_is_taken_back() {
    let mut pair = Pair::connected(1);
    reached(&mut pair, holds_token);
    let visitor = Pair::connection(9);
    pair.visit(visitor);
    pair.kill_younger(0);
    pair.settle();
    pair.assert_older_owns();
    assert!(pair.older.closed.contains(&visitor), "it may have seen the successor's credentials");
}
