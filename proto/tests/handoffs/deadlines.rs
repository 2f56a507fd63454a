//! What each side does when the other takes too long.

use std::time::Duration;

use heirloom_proto::predecessor::{ConnectionId, Event};
use heirloom_proto::{Failure, Message, Phase, Received, Timeouts};

use crate::support::{Pair, SECRET, seconds, settings};

/// A handoff whose successor holds everything and whose application is not ready yet.
#[track_caller]
fn preparing() -> Pair {
    let mut pair = Pair::connected(1);
    pair.younger().ready = None;
    pair.settle();
    assert_eq!(pair.older.machine.phase(), Phase::Preparing);
    pair
}

#[track_caller]
fn assert_timed_out(pair: &Pair, phase: Phase, allowed: Duration) {
    let failure = Failure::TimedOut { phase, allowed, took: allowed };
    assert_eq!(pair.older.failure(), Some(&failure));
    pair.assert_older_owns();
}

#[test]
fn a_successor_that_is_not_ready_in_time_is_given_up() {
    let mut pair = preparing();
    pair.pass(seconds(59));
    assert_eq!(pair.older.machine.phase(), Phase::Preparing);
    pair.pass(seconds(1));
    assert_timed_out(&pair, Phase::Preparing, seconds(60));
    assert!(matches!(pair.younger().failure(), Failure::PeerAborted(_)));
}

#[test]
fn a_deadline_that_is_noticed_late_tells_how_long_it_took() {
    let mut pair = preparing();
    pair.now += seconds(70);
    pair.older.machine.handle_timeout(pair.now);
    pair.settle();
    let (allowed, took) = (seconds(60), seconds(70));
    let failure = Failure::TimedOut { phase: Phase::Preparing, allowed, took };
    assert_eq!(pair.older.failure(), Some(&failure));
}

#[test]
fn progress_gives_the_successor_its_time_anew() {
    let mut pair = preparing();
    for _ in 0..3 {
        pair.pass(seconds(50));
        pair.younger().machine.handle_progress("reading the cache");
    }
    pair.pass(seconds(59));
    assert_eq!(pair.older.machine.phase(), Phase::Preparing);
    let text = "reading the cache";
    let told = pair.older.events.last();
    assert!(matches!(told, Some(Event::Progress { text: told, .. }) if *told == text));
    pair.pass(seconds(1));
    assert_timed_out(&pair, Phase::Preparing, seconds(60));
}

#[test]
fn progress_extends_the_ready_deadline_up_to_the_cap() {
    let mut pair = preparing();
    for _ in 0..20 {
        pair.younger().machine.handle_progress("still at it");
        pair.pass(Duration::from_millis(29_999));
    }
    assert_eq!(pair.older.machine.phase(), Phase::Preparing);
    pair.pass(seconds(1));
    assert_timed_out(&pair, Phase::Preparing, seconds(600));
}

#[test]
fn a_manifest_that_nobody_reads_is_given_up() {
    let mut pair = Pair::connected(1);
    pair.run_until(|pair| pair.older.machine.phase() == Phase::Transferring);
    pair.younger().frozen = true;
    pair.pass(seconds(5));
    assert_timed_out(&pair, Phase::Transferring, seconds(5));
}

#[test]
fn a_manifest_that_cannot_be_sent_is_given_up() {
    let mut pair = Pair::connected(1);
    pair.younger().link.room = 0;
    pair.pass(Duration::from_millis(4_999));
    assert_eq!(pair.older.machine.phase(), Phase::Transferring);
    pair.pass(Duration::from_millis(1));
    pair.assert_older_owns();
    assert!(matches!(pair.younger().failure(), Failure::TimedOut { .. }));
}

#[test]
fn an_acknowledgement_that_tells_nothing_new_wins_no_time() {
    let mut pair = Pair::connected(251);
    pair.run_until(|pair| pair.older.machine.phase() == Phase::Transferring);
    pair.younger().frozen = true;
    pair.settle();
    let received = Message::Received(Received { count: 0 });
    pair.younger().link.to_older.push_back(received.encode().unwrap());
    pair.settle();
    pair.assert_older_owns();
    assert!(matches!(pair.older.failure(), Some(Failure::Misbehaved(_))));
}

#[test]
fn a_transfer_is_part_of_the_time_that_the_cap_bounds() {
    let timeouts = Timeouts { ready_cap: seconds(3), ..Timeouts::default() };
    let mut settings = settings();
    settings.timeouts = timeouts;
    let mut pair = Pair::with(1, settings);
    pair.connect(crate::support::hello());
    pair.run_until(|pair| pair.older.machine.phase() == Phase::Transferring);
    pair.younger().frozen = true;
    pair.pass(seconds(3));
    assert_timed_out(&pair, Phase::Transferring, seconds(3));
}

#[test]
fn a_commit_that_cannot_be_sent_is_given_up_and_the_application_goes_on() {
    let mut pair = preparing();
    let now = pair.now;
    pair.younger().machine.handle_ready(Vec::new(), now);
    pair.run_until(|pair| !pair.youngers[0].link.to_older.is_empty());
    pair.younger().frozen = true;
    pair.younger().link.room = 0;
    pair.settle();
    assert_eq!(pair.older.machine.phase(), Phase::Committing);
    assert!(pair.older.application_frozen);
    pair.pass(seconds(5));
    assert_timed_out(&pair, Phase::Committing, seconds(5));
}

#[test]
fn an_application_that_never_freezes_ends_the_handoff() {
    let mut pair = preparing();
    pair.older.late_state = None;
    let now = pair.now;
    pair.younger().machine.handle_ready(Vec::new(), now);
    pair.run_until(|pair| !pair.youngers[0].link.to_older.is_empty());
    pair.younger().frozen = true;
    pair.pass(seconds(5));
    assert_timed_out(&pair, Phase::Committing, seconds(5));
    pair.older.machine.handle_frozen(Ok(Vec::new()), now);
    pair.settle();
    pair.assert_older_owns();
}

#[test]
fn a_spawned_successor_that_never_speaks_is_given_up_and_condemned() {
    let mut pair = Pair::serving(0);
    pair.older.machine.handle_upgrade(SECRET, pair.now).unwrap();
    pair.pass(seconds(60));
    assert_timed_out(&pair, Phase::Spawning, seconds(60));
    assert_eq!(pair.older.condemned, 1);
}

#[test]
fn a_predecessor_that_never_answers_is_not_waited_for() {
    let mut pair = Pair::connected(0);
    pair.older.frozen = true;
    pair.pass(seconds(5));
    let expected =
        Failure::TimedOut { phase: Phase::Greeting, allowed: seconds(5), took: seconds(5) };
    assert_eq!(pair.younger().failure(), &expected);
}

#[test]
fn nothing_is_due_while_no_handoff_goes_on() {
    let mut pair = Pair::connected(3);
    pair.settle();
    pair.assert_younger_owns();
    assert_eq!(pair.next_deadline(), None);
}

#[test]
fn timeouts_without_end_are_no_overflow() {
    let mut settings = settings();
    settings.timeouts =
        Timeouts { ready: Duration::MAX, ready_cap: Duration::MAX, commit: Duration::MAX };
    let mut pair = Pair::with(1, settings);
    pair.now = seconds(1);
    pair.connect(crate::support::hello());
    pair.settle();
    pair.assert_younger_owns();
}

#[test]
fn the_age_of_a_phase_begins_with_the_phase() {
    let mut pair = preparing();
    pair.pass(seconds(7));
    let now = pair.now;
    pair.older.late_state = None;
    pair.younger().machine.handle_ready(Vec::new(), now);
    pair.run_until(|pair| pair.older.machine.phase() == Phase::Committing);
    pair.now += seconds(1);
    pair.visit(ConnectionId(50));
    let report = pair.status(ConnectionId(50));
    assert_eq!((report.phase, report.age_ms), (Phase::Committing, 1_000));
    assert_eq!(report.uptime_ms, 8_000);
}
