//! Messages that have no place where they come.

use std::time::Instant;

use heirloom_proto::{Abort, AbortReason, Commit, Message, Progress, Ready, Received, Refuse};
use heirloom_proto::{Phase, RefuseReason};

use super::peer::{Peer, hello};
use super::service::Service;
use crate::support::{DEADLINE, control::status};

fn ready() -> Message {
    Message::Ready(Ready { stray_count: 0, strays: Vec::new() })
}

fn received(count: u64) -> Message {
    Message::Received(Received { count })
}

fn refuse() -> Message {
    Message::Refuse(Refuse {
        reason: RefuseReason::Busy,
        generation: 1,
        phase: Phase::Serving,
        age_ms: 0,
        needed: 0,
        available: 0,
        text: String::new(),
    })
}

/// Every message that an owner hears from nobody who has not introduced himself.
fn never_first() -> Vec<Message> {
    vec![
        received(0),
        Message::Progress(Progress { text: "halfway".into() }),
        ready(),
        Message::Owned,
        Message::Draining,
        Message::Retired,
        Message::Released,
        Message::Commit(Commit { late_state: Vec::new() }),
        Message::Abort(Abort::new(AbortReason::System, "nothing")),
        refuse(),
    ]
}

/// A successor that has been sent everything.
fn transferring(service: &Service) -> Peer {
    let peer = Peer::greet(service.address());
    assert!(matches!(peer.hear(), Some(Message::Welcome(_))));
    assert!(matches!(peer.hear(), Some(Message::Manifest(_))));
    peer
}

/// A successor that holds everything.
pub(super) fn preparing(service: &Service) -> Peer {
    let peer = transferring(service);
    peer.say(&received(1));
    peer
}

#[test]
fn a_first_message_that_is_no_greeting() {
    let service = Service::new();
    for message in never_first() {
        let visitor = Peer::connect(service.address());
        visitor.say(&message);
        visitor.hear_end();
    }
    service.assert_untouched_and_hand_over();
}

/// What the owner says to a message that has no place, from a successor that `approach` has brought
/// into a handoff.
fn answer_to(message: &Message, approach: fn(&Service) -> Peer) -> String {
    let service = Service::new();
    let successor = approach(&service);
    successor.say(message);
    let answer = successor.hear_abort();
    service.assert_untouched_and_hand_over();
    answer
}

#[test]
fn a_second_greeting() {
    let answer = answer_to(&Message::Hello(hello()), transferring);
    assert_eq!(
        answer,
        "protocol broken: the peer broke the protocol: Hello came while transferring"
    );
}

#[test]
fn ready_before_everything_was_received() {
    let answer = answer_to(&ready(), transferring);
    assert!(answer.contains("Ready came while transferring"), "{answer}");
}

#[test]
fn owned_before_anything_was_let_go() {
    let answer = answer_to(&Message::Owned, preparing);
    assert!(answer.contains("Owned came while waiting for the successor"), "{answer}");
    let answer = answer_to(&Message::Owned, transferring);
    assert!(answer.contains("Owned came while transferring"), "{answer}");
}

#[test]
fn the_owners_own_words() {
    for message in [Message::Released, refuse(), Message::Draining, Message::Retired] {
        let answer = answer_to(&message, preparing);
        let kind = message.kind().unwrap().to_string();
        assert!(answer.contains(&format!("{kind} came while")), "{answer}");
    }
}

#[test]
fn a_tools_words_in_a_handoff() {
    for message in [Message::Status, Message::Upgrade] {
        let answer = answer_to(&message, preparing);
        let kind = message.kind().unwrap().to_string();
        assert!(answer.contains(&format!("{kind} came while")), "{answer}");
    }
}

#[test]
fn more_acknowledged_than_was_sent() {
    let answer = answer_to(&received(2), transferring);
    assert!(answer.contains("2 entries were acknowledged, 0 had been and 1 were sent"), "{answer}");
    let answer = answer_to(&received(u64::MAX), transferring);
    assert!(answer.contains("18446744073709551615 entries were acknowledged"), "{answer}");
}

#[test]
fn nothing_acknowledged_again_and_again() {
    let answer = answer_to(&received(0), transferring);
    assert!(answer.contains("0 entries were acknowledged"), "{answer}");
}

#[test]
fn a_successor_that_is_lost_while_the_service_changes_hands() {
    let service = Service::new();
    let successor = preparing(&service);
    successor.say(&ready());
    assert!(matches!(successor.hear(), Some(Message::Commit(_))));
    assert!(matches!(successor.hear(), Some(Message::Released)));
    // The service changes hands: nothing is registered meanwhile.
    let error = service.upgrader().fds().bind::<std::net::TcpListener>("127.0.0.1:0").unwrap_err();
    assert_eq!(error.kind(), heirloom::ErrorKind::Closed, "{error}");
    assert!(error.to_string().contains("while the service changes hands"), "{error}");
    // It gives up without ever having locked the token: the owner has it back at once.
    // Those who wait in its queue at that moment are closed, since they may have seen the
    // successor's credentials: they come again.
    drop(successor);
    let deadline = Instant::now() + DEADLINE;
    while status(service.address()).is_err() {
        assert!(Instant::now() < deadline, "it does not answer again");
    }
    service.assert_untouched_and_hand_over();
}
