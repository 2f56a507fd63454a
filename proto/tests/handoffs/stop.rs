//! Stopping the service: before, during and after a handoff.

use heirloom_proto::predecessor::Event;
use heirloom_proto::{AbortReason, Failure, Phase};

use crate::support::{Pair, Who, seconds};

fn reached(phase: Phase) -> Pair {
    let mut pair = Pair::connected(1);
    assert!(pair.run_until(|pair| pair.older.machine.phase() == phase));
    pair
}

fn stop(pair: &mut Pair) {
    pair.older.machine.handle_stop(pair.now);
}

#[test]
fn a_stop_before_any_handoff_is_told_once() {
    let mut pair = Pair::serving(1);
    stop(&mut pair);
    stop(&mut pair);
    pair.settle();
    assert_eq!(pair.older.events, [Event::Stopped]);
    assert_eq!(pair.older.machine.phase(), Phase::Stopped);
}

#[test]
fn a_stop_before_the_token_moves_ends_the_handoff() {
    for phase in [Phase::Greeting, Phase::Transferring, Phase::Preparing, Phase::Committing] {
        let mut pair = reached(phase);
        stop(&mut pair);
        pair.pass(seconds(10));
        assert_eq!(pair.older.machine.phase(), Phase::Stopped, "{phase}");
        assert_eq!(pair.older.events.last(), Some(&Event::Stopped));
        assert!(!pair.older.application_frozen);
        let failure = pair.younger().failure();
        assert!(
            matches!(failure, Failure::PeerAborted(abort) if abort.reason == AbortReason::Stopping),
            "{failure}"
        );
    }
}

#[test]
fn a_stopped_service_is_not_taken_for_orphaned() {
    let mut pair = reached(Phase::Preparing);
    pair.younger().ready = None;
    pair.settle();
    pair.younger().frozen = true;
    stop(&mut pair);
    pair.settle();
    pair.kill_older();
    pair.younger().frozen = false;
    pair.pass(seconds(10));
    assert_eq!(pair.owners(), []);
}

#[test]
fn a_stopped_service_is_not_taken_for_orphaned_even_if_the_word_is_lost() {
    let mut pair = reached(Phase::Preparing);
    pair.younger().ready = None;
    pair.settle();
    pair.younger().frozen = true;
    stop(&mut pair);
    pair.settle();
    pair.kill_older();
    pair.younger().link.to_younger.clear();
    pair.younger().frozen = false;
    pair.pass(seconds(10));
    assert_eq!(pair.owners(), []);
    let superseded = Failure::Superseded { attempt: 1, latest: 2 };
    assert_eq!(pair.younger().failure(), &superseded);
}

#[test]
fn a_stop_while_the_token_moves_waits_for_the_new_owner() {
    let mut pair = reached(Phase::Releasing);
    stop(&mut pair);
    pair.pass(seconds(1));
    pair.assert_younger_owns();
    assert_eq!(pair.older.machine.phase(), Phase::Draining);
    assert!(!pair.older.events.contains(&Event::Stopped));
}

#[test]
fn a_stop_while_the_token_moves_is_kept_if_the_token_comes_back() {
    let mut pair = reached(Phase::Releasing);
    stop(&mut pair);
    pair.kill_younger(0);
    pair.pass(seconds(10));
    assert_eq!(pair.older.machine.phase(), Phase::Stopped);
    assert_eq!(pair.older.events.last(), Some(&Event::Stopped));
    assert_eq!(pair.kernel.holder(), Some(Who::Older));
}

#[test]
fn a_stop_after_the_handoff_changes_nothing() {
    let mut pair = reached(Phase::Draining);
    stop(&mut pair);
    pair.settle();
    assert_eq!(pair.older.machine.phase(), Phase::Draining);
    pair.assert_younger_owns();
}
