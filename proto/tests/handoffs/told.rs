//! What a predecessor tells its successor, and what that makes of it.

use std::time::Duration;

use heirloom_proto::limits::{MAX_COMMIT_TIMEOUT, MAX_READY_TIMEOUT};
use heirloom_proto::successor::{Event, Output};
use heirloom_proto::{
    Entry, Failure, Kind, Lock, Manifest, Message, PeerMisbehaved, Phase, Successor, Timeouts,
    Welcome,
};

use crate::support::{entry, hello, samples, seconds};

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

/// What a successor makes of two batches of entries, every one of them true.
fn outcome_of(first: Vec<Entry>, last: Vec<Entry>) -> Option<Failure> {
    let entries = (first.len() + last.len()) as u64;
    let mut machine = welcomed(Welcome { entries, ..samples::welcome() });
    for (entries, last) in [(first, false), (last, true)] {
        let descriptors = entries.len();
        let entries = entries.into_iter().map(|entry| (entry, ())).collect();
        hear(&mut machine, &Message::Manifest(Manifest { entries, last }), descriptors);
        machine.handle_verified(Ok(()), seconds(1));
    }
    std::iter::from_fn(|| machine.poll_output()).find_map(|output| match output {
        Output::Event(Event::Failed(failure)) => Some(failure),
        _ => None,
    })
}

fn of(kind: Kind, number: usize) -> Entry {
    Entry { kind, ..entry(number) }
}

#[test]
fn entries_that_differ_in_kind_or_name_are_taken_in_any_order() {
    let first = vec![of(Kind::File, 2), of(Kind::File, 1)];
    assert_eq!(outcome_of(first, vec![of(Kind::Descriptor, 1), of(Kind::File, 0)]), None);
    // Nobody claims an older generation by its name.
    let elder = || of(Kind::Draining, 1);
    assert_eq!(outcome_of(vec![elder()], vec![elder()]), None);
}

fn in_schema(kind: Kind, schema: &str) -> Entry {
    Entry { opaque: schema.as_bytes().to_vec().try_into().unwrap(), ..of(kind, 1) }
}

#[test]
fn a_state_may_come_in_several_schemas_and_not_twice_in_one() {
    for kind in [Kind::State, Kind::LastWords] {
        let (old, new) = (in_schema(kind, "v1"), in_schema(kind, "v2"));
        assert_eq!(outcome_of(vec![new.clone()], vec![old.clone()]), None);
        let name = old.name.clone();
        let expected = Failure::Misbehaved(PeerMisbehaved::Duplicate { kind, name });
        assert_eq!(outcome_of(vec![old.clone()], vec![new, old]), Some(expected));
    }
    // What travels with any other entry tells none from another.
    let twice = outcome_of(vec![in_schema(Kind::File, "v1")], vec![in_schema(Kind::File, "v2")]);
    assert!(matches!(twice, Some(Failure::Misbehaved(PeerMisbehaved::Duplicate { .. }))));
}

#[test]
fn two_entries_of_one_kind_and_name_are_a_breach_of_the_protocol() {
    let (one, other) = (of(Kind::File, 1), of(Kind::File, 2));
    for (first, last) in [
        (vec![other.clone()], vec![one.clone(), one.clone()]),
        (vec![one.clone()], vec![other.clone(), one.clone()]),
        (vec![one.clone(), one.clone()], vec![other]),
    ] {
        let (kind, name) = (one.kind, one.name.clone());
        let expected = Failure::Misbehaved(PeerMisbehaved::Duplicate { kind, name });
        assert_eq!(outcome_of(first, last), Some(expected));
    }
}
