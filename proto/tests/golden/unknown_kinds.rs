//! Kinds of message that this release does not know, in every state in which a peer may send.

use std::collections::BTreeSet;
use std::time::Duration;

use heirloom_proto::predecessor::{self, ConnectionId};
use heirloom_proto::{Failure, InvalidMessage, Phase, Predecessor, successor};

use crate::cases::{MUST_UNDERSTAND, SKIPPABLE};
use crate::files;
use crate::journeys::{At, at_every_step, go, step};
use crate::release::PEER;
use crate::support::{Pair, Who, seconds};
use crate::twin::Twin;

/// Somebody who has connected and says nothing that this release knows.
const STRANGER: ConnectionId = ConnectionId(77);

#[test]
fn a_kind_that_may_be_skipped_changes_nothing_in_any_state() {
    let frame = files::frame(SKIPPABLE);
    at_every_step(|at| {
        let mut pair = at.pair.clone();
        pair.visit(STRANGER);
        let before = format!("{pair:?}");
        // Somebody who only says what is skipped gets no time for it.
        let now = pair.now + seconds(1);
        pair.older.machine.handle_frame(PEER, &frame, now);
        pair.older.machine.handle_frame(STRANGER, &frame, now);
        pair.younger().machine.handle_frame(&frame, Vec::new(), now);
        assert_eq!(format!("{pair:?}"), before);
    });
}

#[test]
fn a_kind_that_must_be_understood_is_garbage_in_every_state_of_the_predecessor() {
    let frame = files::frame(MUST_UNDERSTAND);
    garbage_for_the_predecessor(|machine, connection, now| {
        machine.handle_frame(connection, &frame, now);
    });
}

/// Its machine is given no descriptors: a driver that sees any hands in no frame.
#[test]
fn a_kind_that_may_be_skipped_is_garbage_with_a_descriptor_in_every_state_of_the_predecessor() {
    let count = InvalidMessage::DescriptorCount { entries: 0, descriptors: 1 };
    garbage_for_the_predecessor(|machine, connection, now| {
        machine.handle_garbage(connection, Failure::Invalid(count.clone()), now);
    });
}

fn garbage_for_the_predecessor(hand_in: impl Fn(&mut Predecessor, ConnectionId, Duration)) {
    at_every_step(|at| {
        let mut machine = at.pair.older.machine.clone();
        machine.handle_connected(STRANGER, 7, at.pair.now);
        drop(outputs(&mut machine));
        for connection in [PEER, STRANGER] {
            let mut machine = machine.clone();
            let expected = answer_of_predecessor(at, &machine, connection);
            hand_in(&mut machine, connection, at.pair.now);
            assert_eq!(consequence(connection, outputs(&mut machine)), expected, "{machine:?}");
        }
    });
}

#[test]
fn a_kind_that_must_be_understood_is_garbage_in_every_state_of_the_successor() {
    let failure = Failure::Invalid(InvalidMessage::UnknownKind { kind: 0x8021 });
    garbage_for_the_successor(&files::frame(MUST_UNDERSTAND), 0, &failure);
}

#[test]
fn a_kind_that_may_be_skipped_is_garbage_with_a_descriptor_in_every_state_of_the_successor() {
    let count = InvalidMessage::DescriptorCount { entries: 0, descriptors: 1 };
    garbage_for_the_successor(&files::frame(SKIPPABLE), 1, &Failure::Invalid(count));
}

fn garbage_for_the_successor(frame: &[u8], descriptors: usize, failure: &Failure) {
    at_every_step(|at| {
        let younger = &at.pair.youngers[0];
        if !younger.alive {
            return;
        }
        let mut machine = younger.machine.clone();
        while machine.poll_output().is_some() {}
        let expected = answer_of_successor(&at.pair, machine.phase());
        machine.handle_frame(frame, vec![(); descriptors], at.pair.now);
        let mut found = Answer::Nothing;
        while let Some(output) = machine.poll_output() {
            match output {
                successor::Output::Send(frame) => found = abort(&frame),
                successor::Output::TryLock => found = Answer::TriesToken,
                successor::Output::Event(successor::Event::Failed(why)) => {
                    assert_eq!(&why, failure)
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(found, expected, "{machine:?}");
    });
}

#[test]
fn whenever_it_comes_a_handoff_ends_with_one_owner() {
    for (name, owner) in [(SKIPPABLE, Some(Who::Younger(0))), (MUST_UNDERSTAND, None)] {
        let frame = files::frame(name);
        go(&mut Pair::connected(251), &mut |at| {
            for to_older in [false, true] {
                let mut pair = at.pair.clone();
                let now = pair.now;
                match to_older {
                    true => pair.older.machine.handle_frame(PEER, &frame, now),
                    false => pair.younger().machine.handle_frame(&frame, Vec::new(), now),
                }
                pair.pass(seconds(100));
                assert_eq!(pair.owners().len(), 1, "{name} while {:?}", at.pair);
                assert!(owner.is_none_or(|owner| pair.owners() == [owner]), "{:?}", at.pair);
            }
        });
    }
}

#[test]
fn the_journeys_pass_every_state() {
    let (mut older, mut younger) = (BTreeSet::new(), BTreeSet::new());
    at_every_step(|at| {
        older.insert(step(&at.pair.older.machine));
        younger.insert(step(&at.pair.youngers[0].machine));
        older.insert(format!("{}", at.pair.older.machine.phase()));
    });
    for name in [
        "Spawning",
        "Counting",
        "Transferring",
        "Preparing",
        "Freezing",
        "Committing",
        "Releasing",
        "starting",
        "serving",
        "ending a silent successor",
        "draining",
        "stopping",
    ] {
        assert!(older.contains(name), "{name}: {older:?}");
    }
    for name in [
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
    ] {
        assert!(younger.contains(name), "{name}: {younger:?}");
    }
}

/// What a frame that is garbage leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Nothing,
    /// `Abort`, for this reason.
    Aborts(u8),
    AbortsAndCloses(u8),
    TriesToken,
}

/// The reason that says that the protocol is broken.
const PROTOCOL: u8 = 2;

/// Section 8: before `Commit` is sent, `Abort`; after that the token; and nothing once it is over.
fn answer_of_predecessor(at: &At, machine: &Predecessor, connection: ConnectionId) -> Answer {
    let pending = connection == STRANGER || !at.introduced;
    let handoff = machine.successor() == Some(connection);
    match machine.phase() {
        _ if pending => Answer::AbortsAndCloses(PROTOCOL),
        Phase::Releasing | Phase::Fencing if handoff => Answer::TriesToken,
        _ if handoff => Answer::AbortsAndCloses(PROTOCOL),
        _ => Answer::Nothing,
    }
}

/// Section 8: before it has every descriptor, `Abort`; after that the token; and nothing once it holds
/// that, or has given up.
fn answer_of_successor(pair: &Pair, phase: Phase) -> Answer {
    match phase {
        Phase::Greeting | Phase::Transferring => Answer::Aborts(PROTOCOL),
        Phase::Preparing | Phase::Committing | Phase::Releasing => Answer::TriesToken,
        Phase::Reclaiming if !pair.kernel.holds(Who::Younger(0), 0) => Answer::TriesToken,
        _ => Answer::Nothing,
    }
}

fn consequence(connection: ConnectionId, outputs: Vec<predecessor::Output>) -> Answer {
    let mut answer = Answer::Nothing;
    for output in outputs {
        answer = match (output, answer) {
            (predecessor::Output::Send { connection: to, frame, .. }, _) if to == connection => {
                abort(&frame)
            }
            (predecessor::Output::Close(closed), Answer::Aborts(reason))
                if closed == connection =>
            {
                Answer::AbortsAndCloses(reason)
            }
            (predecessor::Output::TryLock, _) => Answer::TriesToken,
            (_, answer) => answer,
        };
    }
    answer
}

#[track_caller]
fn abort(frame: &[u8]) -> Answer {
    assert_eq!(Twin::of(frame).unwrap().name, Some("Abort"));
    Answer::Aborts(frame[12])
}

fn outputs(machine: &mut Predecessor) -> Vec<predecessor::Output> {
    std::iter::from_fn(|| machine.poll_output()).collect()
}
