//! Every state of both machines meets every kind of message: the tables tell what becomes of it.
//!
//! | code | what the machine does |
//! |---|---|
//! | `.` | ignores it |
//! | `+` | takes it and stays where it is |
//! | `>` | takes it and goes on to the state in the next column |
//! | `a` | answers, and the connection stays |
//! | `r` | refuses and closes |
//! | `x` | closes |
//! | `!` | calls it a breach of the protocol and gives up |
//! | `*` | gives up because the peer has |
//! | `?` | asks the kernel who holds the token |
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use heirloom_proto::predecessor::{self, ConnectionId, Elder};
use heirloom_proto::{
    DrainingGeneration, Failure, Lock, Message, MessageKind, Phase, Predecessor, Successor,
    successor,
};
use support::samples::{batch, samples};
use support::{entry, hello, settings};

const NOW: Duration = Duration::from_secs(1);
const PEER: ConnectionId = ConnectionId(1);
const ELDER: ConnectionId = ConnectionId(2);

/// The states of the owner in the order in which a handoff passes them; the first ones and the last
/// have no handoff, and the message comes from a visitor or from an older generation.
const OLDER_STATES: [&str; 16] = [
    "a visitor while starting",
    "a visitor while serving",
    "an older generation",
    "a visitor while stopped",
    "a visitor while draining",
    "Spawning",
    "Settling",
    "Counting",
    "Transferring",
    "Preparing",
    "Freezing",
    "Committing",
    "Releasing",
    "Draining",
    "Releasing, fenced",
    "Releasing, lost",
];

const OLDER: [(&str, &str); 21] = [
    ("Hello", "r>.rr>!!!!!!?..?"),
    ("Welcome", "xx.xxx!!!!!!?..?"),
    ("Refuse", "xx.xxx!!!!!!?..?"),
    ("Manifest", "xx.xxx!!!!!!?..?"),
    ("Received", "xx.xxx!!>!!!?..?"),
    ("Progress", "xx.xxx!!!+!!?..?"),
    ("Ready", "xx.xxx!!!>!!?..?"),
    ("Commit", "xx.xxx!!!!!!?..?"),
    ("Released", "xx.xxx!!!!!!?..?"),
    ("Owned", "xx.xxx!!!!!!?..?"),
    ("Retired", "xxxxxx!!!!!!?..?"),
    ("Abort", "xx.xxx******?.??"),
    ("Status", "aa.aaa!!!!!!?..?"),
    ("StatusReport", "xx.xxx!!!!!!?..?"),
    ("Upgrade", "a+.aaa!!!!!!?..?"),
    ("Outcome", "xx.xxx!!!!!!?..?"),
    ("Draining", "xx+xxx!!!!!!?..?"),
    ("Open", "xx.xxx!!!!!!?..?"),
    ("Watch", "aa.aaa!!!!!!?..?"),
    ("Happened", "xx.xxx!!!!!!?..?"),
    ("Unknown", "................"),
];

const YOUNGER_STATES: [&str; 11] = [
    "AwaitingWelcome",
    "AwaitingManifest",
    "Verifying",
    "Preparing",
    "AwaitingCommit",
    "AwaitingReleased",
    "Seizing",
    "Emptying",
    "Publishing",
    "Owning",
    "Failed",
];

const YOUNGER: [(&str, &str); 21] = [
    ("Hello", "!!!????...."),
    ("Welcome", ">!!????...."),
    ("Refuse", "*!!????...."),
    ("Manifest", "!>!????...."),
    ("Received", "!!!????...."),
    ("Progress", "!!!????...."),
    ("Ready", "!!!????...."),
    ("Commit", "!!!?>?++..."),
    ("Released", "!!!????...."),
    ("Owned", "!!!????...."),
    ("Retired", "!!!????...."),
    ("Abort", "***????...."),
    ("Status", "!!!????...."),
    ("StatusReport", "!!!????...."),
    ("Upgrade", "!!!????...."),
    ("Outcome", "!!!????...."),
    ("Draining", "!!!????...."),
    ("Open", "!!!????...."),
    ("Watch", "!!!????...."),
    ("Happened", "!!!????...."),
    ("Unknown", "..........."),
];

/// What takes a machine to its next state.
type Move<'a, M> = &'a dyn Fn(&mut M);

#[test]
fn the_owner_does_with_every_message_what_the_table_says() {
    for (kind, row) in OLDER {
        let found: String = (0..OLDER_STATES.len()).map(|state| older_cell(state, kind)).collect();
        assert_eq!(found, row, "{kind}");
    }
}

#[test]
fn the_successor_does_with_every_message_what_the_table_says() {
    for (kind, row) in YOUNGER {
        let states = 0..YOUNGER_STATES.len();
        let found: String = states.map(|state| younger_cell(state, kind)).collect();
        assert_eq!(found, row, "{kind}");
    }
}

#[test]
fn every_kind_of_message_has_its_row() {
    let all = MessageKind::ALL.iter().map(|kind| kind.to_string());
    let all: Vec<_> = all.chain(["Unknown".into()]).collect();
    for table in [OLDER, YOUNGER] {
        let rows: Vec<_> = table.iter().map(|(kind, _)| *kind).collect();
        assert_eq!(rows, all);
    }
}

#[test]
fn every_state_has_its_column() {
    for (state, name) in OLDER_STATES.iter().enumerate() {
        let shown = format!("{:?}", older(state));
        let expected = name.split(',').next().unwrap();
        let named = shown.contains(&format!("step: {expected}"));
        assert!(named || shown.contains("handoff: None"), "{expected}: {shown}");
    }
    for (state, name) in YOUNGER_STATES.iter().enumerate() {
        let shown = format!("{:?}", younger(state));
        assert!(shown.contains(&format!("step: {name}")), "{name}: {shown}");
    }
}

#[test]
fn every_state_that_a_handoff_passes_is_in_a_table() {
    let mut passed = BTreeSet::new();
    for fault in 0..3 {
        let mut pair = support::Pair::connected(251);
        while pair.step() {
            steps(&pair.older.machine, &mut passed);
            steps(&pair.younger().machine, &mut passed);
            match (fault, pair.older.machine.phase()) {
                (1, Phase::Releasing) => pair.kill_older(),
                (2, Phase::Releasing) => pair.kill_younger(0),
                _ => {}
            }
        }
        pair.pass(Duration::from_secs(100));
    }
    let known: BTreeSet<_> = OLDER_STATES.iter().chain(&YOUNGER_STATES).copied().collect();
    assert!(passed.len() >= 15, "{passed:?}");
    for step in passed {
        assert!(known.contains(step.as_str()), "{step} is in no table");
    }
}

#[test]
fn every_phase_is_one_of_a_state_in_the_tables() {
    let older = (0..OLDER_STATES.len()).map(|state| older(state).phase());
    let younger = (0..YOUNGER_STATES.len()).map(|state| younger(state).phase());
    let found: BTreeSet<u8> = older.chain(younger).map(u8::from).collect();
    let all = Phase::ALL.iter().map(|phase| u8::from(*phase)).collect();
    assert_eq!(found, all);
}

/// The names of the steps that a machine shows itself in.
fn steps(machine: &impl Debug, into: &mut BTreeSet<String>) {
    let shown = format!("{machine:?}");
    let Some((_, step)) = shown.split_once(" step: ") else {
        return;
    };
    let name = step.chars().take_while(char::is_ascii_alphabetic);
    into.insert(name.collect());
}

/// A message of this kind that is in order wherever its kind is.
fn message(kind: &str) -> Message {
    match kind {
        "Manifest" => batch(vec![entry(0)], true),
        "Received" => Message::Received(heirloom_proto::Received { count: 1 }),
        "Welcome" => {
            Message::Welcome(heirloom_proto::Welcome { entries: 1, ..support::samples::welcome() })
        }
        "Unknown" => Message::Unknown(0x7fff),
        kind => {
            let is_it = |message: &Message| message.kind().is_some_and(|k| k.to_string() == kind);
            let mut samples = samples().into_iter().map(|(_, message)| message);
            samples.find(is_it).unwrap_or_else(|| panic!("no sample of {kind}"))
        }
    }
}

fn frame(kind: &str) -> Vec<u8> {
    message(kind).encode().unwrap()
}

/// An owner in this state.
fn older(state: usize) -> Predecessor {
    let generation = DrainingGeneration { generation: 0, pid: 9, open: None };
    let name = OLDER_STATES[state];
    let drains = !matches!(name, "Settling" | "an older generation");
    let elder = Elder { connection: ELDER, generation, drains };
    let mut machine = Predecessor::new(settings(), vec![elder], NOW);
    machine.handle_connected(PEER, 7, NOW);
    if name == "a visitor while starting" {
        return machine;
    }
    machine.handle_ready(NOW);
    match name {
        "a visitor while serving" | "an older generation" => {}
        "a visitor while stopped" => machine.handle_stop(NOW),
        "Spawning" => machine.handle_upgrade(support::SECRET, NOW).unwrap(),
        "a visitor while draining" => {
            hand_over(&mut machine, "Draining");
            machine.handle_connected(PEER, 7, NOW);
        }
        "Settling" => hand_over(&mut machine, "Counting"),
        name => hand_over(&mut machine, name),
    }
    drain(&mut machine);
    machine
}

/// Goes through a handoff up to the state called for.
fn hand_over(machine: &mut Predecessor, until: &str) {
    let send = |machine: &mut Predecessor, kind| {
        machine.handle_frame(PEER, &frame(kind), NOW);
        drain(machine);
    };
    let (now, lost) = (NOW + Duration::from_secs(2), Failure::TokenHeld);
    let moves: [(&str, Move<'_, Predecessor>); 6] = [
        ("Counting", &|machine| send(machine, "Hello")),
        ("Transferring", &|machine| {
            machine.handle_snapshot(vec![Arc::new(entry(0))], NOW);
            machine.handle_sent(PEER, NOW);
            drain(machine);
        }),
        ("Preparing", &|machine| send(machine, "Received")),
        ("Freezing", &|machine| send(machine, "Ready")),
        ("Committing", &|machine| machine.handle_frozen(Ok(Vec::new()), NOW)),
        ("Releasing", &|machine| machine.handle_sent(PEER, NOW)),
    ];
    for (name, go) in moves {
        go(machine);
        if name == until {
            return;
        }
    }
    match until {
        "Draining" => {
            send(machine, "Owned");
            machine.handle_lock(Lock::Held { attempt: 1 }, NOW);
        }
        "Releasing, fenced" => machine.handle_lock(Lock::Held { attempt: 1 }, now),
        "Releasing, lost" => machine.handle_garbage(PEER, lost, NOW),
        other => panic!("no way to {other}"),
    }
}

fn drain(machine: &mut Predecessor) -> Vec<predecessor::Output> {
    std::iter::from_fn(|| machine.poll_output()).collect()
}

fn older_cell(state: usize, kind: &str) -> char {
    use predecessor::{Event, Output};
    let mut machine = older(state);
    let (before, shown) = (machine.phase(), format!("{machine:?}"));
    let elder = OLDER_STATES[state] == "an older generation";
    let mut sent = frame(kind);
    if OLDER_STATES[state] == "Spawning" && kind == "Hello" {
        sent = Message::Hello(support::spawned_hello()).encode().unwrap();
    }
    machine.handle_frame(if elder { ELDER } else { PEER }, &sent, NOW);
    let outputs = drain(&mut machine);
    let code = outputs.iter().find_map(|output| match output {
        Output::Event(Event::Failed(ended)) => match &ended.failure {
            Failure::Misbehaved(_) => Some('!'),
            Failure::PeerAborted(_) => Some('*'),
            _ => None,
        },
        Output::TryLock => Some('?'),
        Output::Event(Event::Owned { .. } | Event::Began { .. }) => Some('>'),
        Output::Event(Event::UpgradeAsked { .. } | Event::Progress { .. }) => Some('+'),
        _ => None,
    });
    let answer = outputs.iter().find_map(|output| match output {
        Output::Send { frame, .. } => Message::decode(frame).unwrap().kind(),
        Output::Report(_) => Some(MessageKind::StatusReport),
        _ => None,
    });
    let closes = outputs.iter().any(|output| matches!(output, Output::Close(_)));
    match (code, answer) {
        (Some(code), _) => code,
        (None, Some(MessageKind::Refuse)) => 'r',
        (None, Some(_)) => 'a',
        (None, None) if closes => 'x',
        (None, None) if machine.phase() != before => '>',
        (None, None) if format!("{machine:?}") != shown => '+',
        (None, None) => '.',
    }
}

/// A successor in this state.
fn younger(state: usize) -> Successor<()> {
    let mut machine = Successor::new(hello(), NOW);
    let take = |machine: &mut Successor<()>, kind, descriptors| {
        machine.handle_frame(&frame(kind), vec![(); descriptors], NOW);
    };
    let moves: [Move<'_, Successor<()>>; 9] = [
        &|machine| take(machine, "Welcome", 2),
        &|machine| take(machine, "Manifest", 1),
        &|machine| machine.handle_verified(Ok(()), NOW),
        &|machine| machine.handle_ready(Vec::new(), NOW),
        &|machine| take(machine, "Commit", 0),
        &|machine| take(machine, "Released", 0),
        &|machine| machine.handle_lock(Lock::Got { attempt: 1 }, NOW),
        &|machine| machine.handle_emptied(),
        &|machine| machine.handle_published(Ok(())),
    ];
    let reached = if YOUNGER_STATES[state] == "Failed" { 0 } else { state };
    for go in moves.into_iter().take(reached) {
        go(&mut machine);
    }
    if YOUNGER_STATES[state] == "Failed" {
        machine.handle_abandoned("no configuration");
    }
    while machine.poll_output().is_some() {}
    machine
}

fn younger_cell(state: usize, kind: &str) -> char {
    use successor::{Event, Output};
    let mut machine = younger(state);
    let (before, shown) = (machine.phase(), format!("{machine:?}"));
    let descriptors = match kind {
        "Welcome" => 2,
        "Manifest" => 1,
        _ => 0,
    };
    let sent = match kind {
        "Commit" => Message::Commit(heirloom_proto::Commit { late_state: b"later".to_vec() }),
        kind => message(kind),
    };
    machine.handle_frame(&sent.encode().unwrap(), vec![(); descriptors], NOW);
    let outputs: Vec<_> = std::iter::from_fn(|| machine.poll_output()).collect();
    let code = outputs.iter().find_map(|output| match output {
        Output::Event(Event::Failed(Failure::Misbehaved(_))) => Some('!'),
        Output::Event(Event::Failed(Failure::PeerAborted(_) | Failure::Refused(_))) => Some('*'),
        Output::TryLock => Some('?'),
        Output::Token { .. } | Output::Verify(_) => Some('>'),
        _ => None,
    });
    match code {
        Some(code) => code,
        None if machine.phase() != before => '>',
        None if format!("{machine:?}") != shown => '+',
        None => '.',
    }
}
