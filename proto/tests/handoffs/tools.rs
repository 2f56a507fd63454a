//! What tools ask, and what they are told.

use heirloom_proto::predecessor::{ConnectionId, Event};
use heirloom_proto::{Cause, Message, Outcome, Phase};

use crate::support::{Pair, SECRET, hello, seconds, spawned_hello};

const TOOL: ConnectionId = ConnectionId(900);

fn ask(pair: &mut Pair, message: &Message) {
    pair.visit(TOOL);
    let frame = message.encode().unwrap();
    pair.older.machine.handle_frame(TOOL, &frame, pair.now);
    pair.settle();
}

/// A tool's upgrade whose successor is awaited.
fn asked() -> Pair {
    let mut pair = Pair::serving(1);
    ask(&mut pair, &Message::Upgrade);
    assert_eq!(pair.older.events, [Event::UpgradeAsked { tool: TOOL }]);
    let now = pair.now;
    pair.older.machine.handle_asked_upgrade(TOOL, SECRET, now);
    pair.settle();
    assert_eq!(pair.older.spawns, 1);
    pair
}

#[track_caller]
fn assert_told(pair: &Pair, outcome: Outcome) {
    assert_eq!(pair.older.said, [(TOOL, Message::Outcome(outcome))]);
}

#[test]
fn status_tells_how_things_stand_as_often_as_it_is_asked() {
    let mut pair = Pair::serving(1);
    pair.older.machine.handle_entries(17);
    pair.pass(seconds(4));
    pair.visit(TOOL);
    for _ in 0..3 {
        let report = pair.status(TOOL);
        assert_eq!((report.generation, report.pid), (1, 100));
        assert_eq!((report.service.as_str(), report.build.as_str()), ("echo", "1.0"));
        assert_eq!((report.phase, report.entries), (Phase::Serving, 17));
        assert_eq!(report.age_ms, report.uptime_ms);
        pair.pass(seconds(1));
    }
    assert_eq!(pair.older.closed, []);
    pair.pass(seconds(2));
    assert_eq!(pair.older.closed, [TOOL]);
}

#[test]
fn a_tool_is_told_who_owns_the_service_after_its_upgrade() {
    let mut pair = asked();
    pair.connect(spawned_hello());
    pair.settle();
    pair.assert_younger_owns();
    let generation = 2;
    assert_told(&pair, Outcome::Committed { pid: 200, generation });
    assert!(pair.older.closed.contains(&TOOL));
}

#[test]
fn a_tool_is_told_why_its_upgrade_failed() {
    let mut pair = asked();
    pair.connect(spawned_hello());
    pair.younger().verdict = Err("file-0: another inode".into());
    pair.settle();
    let text = "the peer gave up: descriptor mismatch: file-0: another inode".into();
    assert_told(&pair, Outcome::Failed { cause: Cause::GivenUp, text });
}

#[test]
fn a_tool_is_told_that_an_upgrade_cannot_begin() {
    let mut pair = Pair::connected(1);
    pair.younger().ready = None;
    pair.settle();
    ask(&mut pair, &Message::Upgrade);
    let text = "generation 1 is busy: waiting for the successor to become ready for 0 ms".into();
    assert_told(&pair, Outcome::Failed { cause: Cause::Refused, text });
}

#[test]
fn a_tool_whose_turn_another_took_is_told_so() {
    let mut pair = Pair::serving(1);
    ask(&mut pair, &Message::Upgrade);
    pair.connect(hello());
    pair.younger().ready = None;
    pair.settle();
    let now = pair.now;
    pair.older.machine.handle_asked_upgrade(TOOL, SECRET, now);
    pair.settle();
    assert_eq!(pair.older.spawns, 0);
    let text = "generation 1 is busy: waiting for the successor to become ready for 0 ms".into();
    assert_told(&pair, Outcome::Failed { cause: Cause::Refused, text });
}

#[test]
fn a_tool_that_goes_away_is_told_nothing_and_stops_nothing() {
    let mut pair = asked();
    pair.older.machine.handle_closed(TOOL, pair.now);
    pair.connect(spawned_hello());
    pair.settle();
    pair.assert_younger_owns();
    assert_eq!(pair.older.said, []);
}

#[test]
fn whoever_waits_when_the_service_is_handed_over_is_closed_and_comes_again() {
    let mut pair = Pair::connected(1);
    pair.visit(TOOL);
    pair.settle();
    pair.assert_younger_owns();
    assert_eq!(pair.older.said, []);
    assert!(pair.older.closed.contains(&TOOL));
}

#[test]
fn whoever_waits_when_the_control_socket_moves_is_closed_and_comes_again() {
    let mut pair = Pair::serving(1);
    pair.visit(TOOL);
    pair.older.machine.handle_moved();
    pair.settle();
    assert!(pair.older.closed.contains(&TOOL));
}
