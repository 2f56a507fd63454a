//! Successors that an owner does not take, and what it tells them.

use heirloom::ErrorKind;
use heirloom_proto::{Hello, Message, Phase, Refuse, RefuseReason, Secret};

use super::peer::{Peer, hello};
use super::service::{Service, builder};

/// How a ready service of generation 1 refuses these first words.
fn refusal_of(hello: Hello) -> Refuse {
    let service = Service::new();
    let peer = Peer::connect(service.address());
    peer.say(&Message::Hello(hello));
    let Some(Message::Refuse(refuse)) = peer.hear() else {
        panic!("it was not refused");
    };
    peer.hear_end();
    assert_eq!(refuse.generation, 1);
    service.assert_untouched_and_hand_over();
    refuse
}

#[test]
fn another_service() {
    let refuse = refusal_of(Hello { service: "billing".into(), ..hello() });
    assert_eq!((refuse.reason, refuse.phase), (RefuseReason::Service, Phase::Serving));
    assert!(refuse.text.contains("service `bad-input`, not `billing`"), "{}", refuse.text);
    assert!(refuse.text.contains("give each service its own"), "{}", refuse.text);
}

#[test]
fn another_service_by_an_endless_name() {
    let refuse = refusal_of(Hello { service: "é".repeat(30_000), ..hello() });
    assert_eq!(refuse.reason, RefuseReason::Service);
    assert!(refuse.text.len() <= 1_024, "the answer fits whatever was asked");
}

#[test]
fn another_service_is_a_typed_error() {
    let service = Service::new();
    let error = builder(service.address()).service("billing").start().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OtherService);
    assert_eq!(error.phase(), Some(Phase::Serving));
    assert!(error.to_string().contains("service `bad-input`, not `billing`"), "{error}");
    service.assert_untouched_and_hand_over();
}

#[test]
fn a_wrong_secret() {
    let refuse = refusal_of(Hello { secret: Some(Secret([7; 32])), ..hello() });
    assert_eq!(refuse.reason, RefuseReason::Secret);
    assert!(refuse.text.contains("wrong or used up"), "{}", refuse.text);
}

#[test]
fn too_few_slots() {
    let refuse = refusal_of(Hello { free_slots: 2, ..hello() });
    assert_eq!(refuse.reason, RefuseReason::Slots);
    assert_eq!((refuse.needed, refuse.available), (3, 2));
    assert_eq!(
        refuse.text,
        "successor has 2 free descriptor slots, the handoff needs 3: raise LimitNOFILE"
    );
}

#[test]
fn just_enough_slots_are_enough() {
    let service = Service::new();
    let peer = Peer::connect(service.address());
    peer.say(&Message::Hello(Hello { free_slots: 3, ..hello() }));
    assert!(matches!(peer.hear(), Some(Message::Welcome(_))));
    drop(peer);
    service.assert_untouched_and_hand_over();
}

#[test]
fn versions_that_do_not_meet() {
    for (lowest, highest) in [(2, 9), (0, 0), (5, 0)] {
        let refuse = refusal_of(Hello { lowest, highest, ..hello() });
        assert_eq!(refuse.reason, RefuseReason::Version);
        assert_eq!((refuse.needed, refuse.available), (1, highest.into()));
        let expected = format!("speaks version 1, the successor {lowest} to {highest}");
        assert!(refuse.text.contains(&expected), "{}", refuse.text);
    }
}

#[test]
fn a_second_successor_at_once() {
    let service = Service::new();
    let first = Peer::greet(service.address());
    assert!(matches!(first.hear(), Some(Message::Welcome(_))));
    let second = Peer::greet(service.address());
    let Some(Message::Refuse(refuse)) = second.hear() else {
        panic!("it was not refused");
    };
    assert_eq!((refuse.reason, refuse.phase), (RefuseReason::Busy, Phase::Transferring));
    drop((first, second));
    service.assert_untouched_and_hand_over();
}
