//! A new owner hands nothing on before its predecessor has heard that it is the owner: until then
//! that one may find it dead, and goes by the attempt in the token.

use heirloom_proto::limits::SETTLE_TIMEOUT;
use heirloom_proto::predecessor::{ConnectionId, Elder, Settings};
use heirloom_proto::{
    Abort, AbortReason, Cause, DrainingGeneration, Failure, Message, Outcome, Phase, Predecessor,
    RefuseReason, Timeouts,
};

use crate::support::{Pair, SECRET, hello, kind_of, settings, spawned_hello};

const ELDER: ConnectionId = ConnectionId(40);
const TOOL: ConnectionId = ConnectionId(41);

/// An owner whose predecessor has said nothing since.
fn unsettled() -> Pair {
    let generation = DrainingGeneration { generation: 1, pid: 99, open: None };
    let elder = Elder { connection: ELDER, generation, drains: false };
    let mut pair = Pair::serving(1);
    pair.older.machine = Predecessor::new(settings(), vec![elder], pair.now);
    pair.older.machine.handle_ready(pair.now);
    pair
}

/// The same, with a successor that has introduced itself.
fn kept_waiting() -> Pair {
    let mut pair = unsettled();
    pair.connect(hello());
    pair.settle();
    assert_eq!(pair.younger_phase(), Phase::Greeting);
    assert_eq!(pair.older.machine.phase(), Phase::Greeting);
    assert_eq!(pair.kernel.attempt(0), 0, "an attempt has begun");
    pair
}

fn elder_says(pair: &mut Pair, message: &Message) {
    let frame = message.encode().unwrap();
    pair.older.machine.handle_frame(ELDER, &frame, pair.now);
}

#[test]
fn a_successor_waits_until_the_generation_before_drains() {
    let mut pair = kept_waiting();
    elder_says(&mut pair, &Message::Draining);
    pair.settle();
    pair.assert_younger_owns();
    assert_eq!(pair.kernel.attempt(0), 1);
}

#[test]
fn a_generation_before_that_is_gone_holds_nobody_up() {
    let ends: [fn(&mut Pair); 3] = [
        |pair| elder_says(pair, &Message::Retired),
        |pair| pair.older.machine.handle_closed(ELDER, pair.now),
        |pair| pair.older.machine.handle_peer_died(ELDER, None, pair.now),
    ];
    for end in ends {
        let mut pair = kept_waiting();
        end(&mut pair);
        pair.settle();
        pair.assert_younger_owns();
    }
}

#[test]
fn what_else_the_generation_before_says_settles_nothing() {
    let mut pair = kept_waiting();
    let abort = Abort::new(AbortReason::TakenBack, "");
    for message in [Message::Owned, Message::Released, Message::Abort(abort)] {
        elder_says(&mut pair, &message);
    }
    elder_says(&mut pair, &Message::Unknown(0x7abc));
    pair.older.machine.handle_frame(ELDER, b"garbage", pair.now);
    pair.settle();
    assert_eq!(pair.younger_phase(), Phase::Greeting);
    elder_says(&mut pair, &Message::Draining);
    pair.settle();
    pair.assert_younger_owns();
}

#[test]
fn a_service_that_is_stopped_gives_up_a_successor_that_waits() {
    let mut pair = kept_waiting();
    pair.older.machine.handle_stop(pair.now);
    pair.settle();
    let failure = pair.younger().failure();
    assert!(
        matches!(failure, Failure::PeerAborted(abort) if abort.reason == AbortReason::Stopping),
        "{failure}"
    );
    elder_says(&mut pair, &Message::Draining);
    pair.settle();
    assert_eq!(pair.older.machine.phase(), Phase::Stopped);
}

#[test]
fn a_cap_on_the_whole_handoff_holds_while_a_successor_waits() {
    let mut pair = unsettled();
    let cap = SETTLE_TIMEOUT / 2;
    let timeouts = Timeouts { ready_cap: cap, ..settings().timeouts };
    let elders = pair.older.machine.elders().to_vec();
    let settings = Settings { timeouts, ..settings() };
    pair.older.machine = Predecessor::new(settings, elders, pair.now);
    pair.older.machine.handle_ready(pair.now);
    pair.connect(hello());
    pair.pass(cap);
    let failed = Failure::TimedOut { phase: Phase::Greeting, allowed: cap, took: cap };
    assert_eq!(pair.older.failure(), Some(&failed));
}

#[test]
fn one_that_settles_early_holds_nobody_up() {
    let mut pair = unsettled();
    elder_says(&mut pair, &Message::Draining);
    assert_eq!(pair.older.machine.elders().len(), 1, "it drains, it has not retired");
    pair.connect(hello());
    pair.settle();
    pair.assert_younger_owns();
}

#[test]
fn a_successor_that_has_waited_too_long_is_refused_and_told_who_is_to_blame() {
    let mut pair = kept_waiting();
    pair.pass(SETTLE_TIMEOUT);
    let Failure::Refused(refuse) = pair.younger().failure().clone() else {
        panic!("{:?}", pair.younger().events);
    };
    assert_eq!((refuse.reason, refuse.phase), (RefuseReason::Busy, Phase::Greeting));
    assert!(refuse.text.starts_with("generation 1 (pid 99) has not heard yet"), "{refuse}");
    assert_eq!(pair.older.failure(), Some(&Failure::Refused(refuse)));
    assert_eq!(pair.older.closed, [Pair::connection(0)]);
    assert_eq!(pair.kernel.attempt(0), 0, "an attempt has begun");
    pair.assert_older_owns();
}

#[test]
fn the_next_one_comes_in_once_the_generation_before_drains() {
    let mut pair = kept_waiting();
    pair.pass(SETTLE_TIMEOUT);
    elder_says(&mut pair, &Message::Draining);
    pair.connect(hello());
    pair.settle();
    pair.assert_younger_owns();
}

#[test]
fn a_successor_that_goes_while_it_waits_leaves_the_owner_serving() {
    let mut pair = kept_waiting();
    pair.kill_younger(0);
    pair.settle();
    pair.assert_older_owns();
    elder_says(&mut pair, &Message::Draining);
    pair.settle();
    assert_eq!(pair.kernel.attempt(0), 0, "an attempt without a successor");
}

#[test]
fn a_second_successor_is_refused_at_once_while_the_first_waits() {
    let mut pair = kept_waiting();
    pair.connect(hello());
    pair.settle();
    let failure = pair.younger().failure();
    assert!(
        matches!(failure, Failure::Refused(refuse) if refuse.reason == RefuseReason::Busy),
        "{failure}"
    );
    elder_says(&mut pair, &Message::Draining);
    pair.settle();
    assert!(pair.youngers[0].owns());
}

#[test]
fn a_tool_is_told_why_its_upgrade_was_turned_away() {
    let mut pair = unsettled();
    pair.visit(TOOL);
    let upgrade = Message::Upgrade.encode().unwrap();
    pair.older.machine.handle_frame(TOOL, &upgrade, pair.now);
    pair.settle();
    pair.older.machine.handle_asked_upgrade(TOOL, SECRET, pair.now);
    pair.settle();
    pair.connect(spawned_hello());
    pair.pass(SETTLE_TIMEOUT);
    let told = pair.older.said.last();
    assert!(
        matches!(told, Some((TOOL, Message::Outcome(Outcome::Failed { cause: Cause::Refused, text })))
            if text.contains("has not heard yet")),
        "{told:?}"
    );
    assert_eq!(pair.older.condemned, 1, "the process spawned for it is left");
}

#[test]
fn whoever_has_handed_over_says_so_once() {
    let mut pair = Pair::connected(1);
    let queue = |pair: &Pair| pair.youngers[0].link.to_younger.len();
    let drains = |pair: &Pair| pair.older.machine.phase() == Phase::Draining;
    assert!(pair.run_until(drains));
    pair.younger().frozen = true;
    pair.settle();
    assert_eq!(queue(&pair), 1);
    let said = kind_of(&pair.younger().link.to_younger[0].frame);
    assert_eq!(said, Message::Draining.kind());
}

#[test]
fn whoever_takes_the_service_back_does_not_drain() {
    let mut pair = Pair::connected(1);
    assert!(pair.run_until(|pair| pair.older.machine.phase() == Phase::Releasing));
    pair.younger().frozen = true;
    pair.pass(settings().timeouts.commit);
    pair.assert_older_owns();
    let said = pair.younger().link.to_younger.iter().map(|parcel| kind_of(&parcel.frame));
    assert!(!said.into_iter().any(|kind| kind == Message::Draining.kind()));
}
