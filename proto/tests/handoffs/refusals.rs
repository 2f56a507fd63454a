//! Who is not let in, and what he is told.

use heirloom_proto::limits::{MAX_PENDING, PENDING_TIMEOUT};
use heirloom_proto::predecessor::{ConnectionId, Elder};
use heirloom_proto::{
    DrainingGeneration, Failure, Hello, Message, Phase, Predecessor, Refuse, RefuseReason, Secret,
};

use crate::support::{Pair, SECRET, hello, seconds, settings, spawned_hello};

#[track_caller]
fn refused(pair: &mut Pair, hello: Hello) -> Refuse {
    pair.connect(hello);
    pair.settle();
    match pair.younger().failure() {
        Failure::Refused(refuse) => refuse.clone(),
        other => panic!("not refused: {other:?}"),
    }
}

#[track_caller]
fn assert_refused(mut pair: Pair, reason: RefuseReason) -> Refuse {
    let refuse = refused(&mut pair, hello());
    assert_eq!(refuse.reason, reason, "{refuse}");
    let upgrade = pair.older.machine.handle_upgrade(SECRET, pair.now);
    assert!(
        matches!(&upgrade, Err(Failure::Refused(refuse)) if refuse.reason == reason),
        "{upgrade:?}"
    );
    refuse
}

#[test]
fn a_second_successor_is_told_that_another_is_there_and_for_how_long() {
    let mut pair = Pair::connected(1);
    pair.younger().ready = None;
    pair.pass(seconds(3));
    let refuse = assert_refused(pair, RefuseReason::Busy);
    assert_eq!(refuse.phase, Phase::Preparing);
    assert_eq!((refuse.generation, refuse.age_ms), (1, 3_000));
    let expected = "generation 1 is busy: waiting for the successor to become ready for 3000 ms";
    assert_eq!(refuse.text, expected);
}

#[test]
fn the_running_handoff_does_not_notice_who_is_refused() {
    let mut pair = Pair::connected(1);
    pair.younger().ready = None;
    pair.settle();
    refused(&mut pair, hello());
    let now = pair.now;
    pair.youngers[0].machine.handle_ready(Vec::new(), now);
    pair.settle();
    assert!(pair.youngers[0].owns());
}

#[test]
fn nobody_succeeds_a_process_that_is_not_ready_itself() {
    let mut pair = Pair::serving(1);
    pair.older.machine = Predecessor::new(settings(), Vec::new(), pair.now);
    assert_refused(pair, RefuseReason::NotReady);
}

#[test]
fn nobody_succeeds_a_process_that_is_being_stopped() {
    let mut pair = Pair::serving(1);
    pair.older.machine.handle_stop(pair.now);
    let refuse = assert_refused(pair, RefuseReason::Stopping);
    assert_eq!(refuse.phase, Phase::Stopped);
}

#[test]
fn nobody_succeeds_a_process_that_has_handed_over() {
    let mut pair = Pair::connected(1);
    pair.settle();
    let refuse = assert_refused(pair, RefuseReason::Busy);
    assert_eq!(refuse.phase, Phase::Draining);
}

#[test]
fn too_many_draining_generations_hold_the_next_one_up() {
    let elder = |number| Elder {
        connection: ConnectionId(40 + number),
        generation: DrainingGeneration { generation: number, pid: 1, open: None },
        drains: true,
    };
    let mut pair = Pair::serving(1);
    pair.older.machine = Predecessor::new(settings(), (1..=3).map(elder).collect(), pair.now);
    pair.older.machine.handle_ready(pair.now);
    let refuse = assert_refused(pair.clone(), RefuseReason::DrainingCap);
    assert!(refuse.text.contains("3 older generations"), "{refuse}");
    assert!(refuse.text.contains("at most 2"), "{refuse}");
    pair.older.machine.handle_closed(ConnectionId(41), pair.now);
    pair.connect(hello());
    pair.settle();
    pair.assert_younger_owns();
}

#[test]
fn another_service_is_sent_away() {
    let service = "ohce".into();
    let refuse = refused(&mut Pair::serving(1), Hello { service, ..hello() });
    assert_eq!(refuse.reason, RefuseReason::Service);
    assert!(refuse.text.contains("`echo`, not `ohce`"), "{refuse}");
}

#[test]
fn a_version_that_is_not_spoken_is_refused_with_the_one_that_is() {
    for (lowest, highest) in [(2, 3), (0, 0)] {
        let mut pair = Pair::serving(1);
        let refuse = refused(&mut pair, Hello { lowest, highest, ..hello() });
        assert_eq!(refuse.reason, RefuseReason::Version);
        assert_eq!((refuse.needed, refuse.available), (1, highest.into()));
    }
}

#[test]
fn a_successor_that_speaks_more_versions_is_welcome() {
    let mut pair = Pair::serving(1);
    pair.connect(Hello { lowest: 0, highest: 9, ..hello() });
    pair.settle();
    pair.assert_younger_owns();
    assert_eq!(pair.younger().machine.welcome().unwrap().version, 1);
}

#[test]
fn too_few_descriptor_slots_are_refused_with_the_numbers() {
    let mut pair = Pair::serving(1_308);
    let refuse = refused(&mut pair, Hello { free_slots: 24, ..hello() });
    assert_eq!(refuse.reason, RefuseReason::Slots);
    assert_eq!((refuse.needed, refuse.available), (1_310, 24));
    let expected =
        "successor has 24 free descriptor slots, the handoff needs 1310: raise LimitNOFILE";
    assert_eq!(refuse.text, expected);
    pair.assert_older_owns();
    assert!(matches!(pair.older.failure(), Some(Failure::Refused(_))));
}

#[test]
fn one_descriptor_slot_too_few_is_too_few() {
    let refuse = refused(&mut Pair::serving(8), Hello { free_slots: 9, ..hello() });
    assert_eq!((refuse.needed, refuse.available), (10, 9));
}

#[test]
fn just_enough_descriptor_slots_are_enough() {
    let mut pair = Pair::serving(8);
    pair.connect(Hello { free_slots: 10, ..hello() });
    pair.settle();
    pair.assert_younger_owns();
}

#[test]
fn a_secret_is_worth_nothing_unless_it_is_expected() {
    let refuse = refused(&mut Pair::serving(1), spawned_hello());
    assert_eq!(refuse.reason, RefuseReason::Secret);
}

#[test]
fn a_wrong_secret_and_none_are_refused_while_another_is_expected() {
    let mut pair = Pair::serving(1);
    pair.older.machine.handle_upgrade(SECRET, pair.now).unwrap();
    let secret = Some(Secret([8; 32]));
    let refuse = refused(&mut pair, Hello { secret, ..hello() });
    assert_eq!(refuse.reason, RefuseReason::Secret);
    assert_eq!(refused(&mut pair, hello()).reason, RefuseReason::Busy);
    pair.connect(spawned_hello());
    pair.settle();
    pair.assert_younger_owns();
}

#[test]
fn a_secret_is_good_for_one_handoff() {
    let mut pair = Pair::serving(1);
    pair.older.machine.handle_upgrade(SECRET, pair.now).unwrap();
    pair.connect(spawned_hello());
    pair.younger().verdict = Err("wrong".into());
    pair.settle();
    assert_eq!(pair.older.condemned, 1);
    assert_eq!(refused(&mut pair, spawned_hello()).reason, RefuseReason::Secret);
}

#[test]
fn a_process_that_is_handed_over_to_hears_so_when_it_tells_its_secret_again() {
    let mut pair = Pair::serving(1);
    pair.older.machine.handle_upgrade(SECRET, pair.now).unwrap();
    pair.connect(spawned_hello());
    pair.younger().ready = None;
    pair.settle();
    let hello = Message::Hello(spawned_hello()).encode().unwrap();
    for (pid, reason) in [(200, RefuseReason::SecretUsed), (9, RefuseReason::Secret)] {
        let visitor = ConnectionId(40 + u64::from(pid));
        pair.older.machine.handle_connected(visitor, pid, pair.now);
        pair.older.machine.handle_frame(visitor, &hello, pair.now);
        pair.settle();
        let said = pair.older.said.last();
        assert!(
            matches!(said, Some((to, Message::Refuse(refuse)))
                if (*to, refuse.reason) == (visitor, reason)),
            "{said:?}"
        );
    }
    assert_eq!(pair.older.machine.phase(), Phase::Preparing);
}

#[test]
fn a_spawned_successor_of_another_version_ends_the_upgrade_and_one_of_another_service_does_not() {
    let mut pair = Pair::serving(1);
    pair.older.machine.handle_upgrade(SECRET, pair.now).unwrap();
    let other = Hello { service: "web".into(), ..spawned_hello() };
    assert_eq!(refused(&mut pair, other).reason, RefuseReason::Service);
    assert_eq!(pair.older.machine.phase(), Phase::Spawning);
    let newer = Hello { lowest: 2, highest: 3, ..spawned_hello() };
    let refuse = refused(&mut pair, newer);
    assert_eq!(refuse.reason, RefuseReason::Version);
    pair.assert_older_owns();
    assert_eq!(pair.older.failure(), Some(&Failure::Refused(refuse)));
    assert_eq!(pair.older.condemned, 1);
    // A stranger of another version changes nothing.
    pair.older.machine.handle_upgrade(SECRET, pair.now).unwrap();
    let stranger = Hello { secret: None, lowest: 2, highest: 3, ..hello() };
    assert_eq!(refused(&mut pair, stranger).reason, RefuseReason::Version);
    assert_eq!(pair.older.machine.phase(), Phase::Spawning);
}

#[test]
fn a_process_that_cannot_be_spawned_is_told_and_changes_nothing() {
    let mut pair = Pair::serving(1);
    pair.older.machine.handle_upgrade(SECRET, pair.now).unwrap();
    pair.settle();
    pair.older.machine.handle_spawn_failed("no such file".into(), pair.now);
    pair.settle();
    let failure = Failure::Spawn("no such file".into());
    assert_eq!(pair.older.failure(), Some(&failure));
    pair.assert_older_owns();
}

#[test]
fn a_spawned_process_that_ends_before_it_speaks_is_told_with_its_status() {
    let mut pair = Pair::serving(1);
    pair.older.machine.handle_upgrade(SECRET, pair.now).unwrap();
    pair.settle();
    pair.older.machine.handle_spawned_exited("exit status: 2".into(), pair.now);
    pair.settle();
    let text = format!("{:?}", pair.older.events);
    assert!(text.contains("exit status: 2"), "{text}");
    pair.assert_older_owns();
}

#[test]
fn one_connection_too_many_makes_the_one_that_was_silent_longest_go() {
    let mut pair = Pair::serving(1);
    let crowd = 100..100 + MAX_PENDING as u64;
    for number in crowd {
        pair.visit(ConnectionId(number));
    }
    pair.settle();
    assert_eq!(pair.older.closed, []);
    pair.status(ConnectionId(100));
    pair.visit(ConnectionId(200));
    pair.settle();
    assert_eq!(pair.older.closed, [ConnectionId(101)]);
}

#[test]
fn a_silent_crowd_of_one_process_makes_none_of_another_go() {
    let mut pair = Pair::serving(1);
    let (alone, crowd) = (ConnectionId(99), 100..100 + 2 * MAX_PENDING as u64);
    pair.older.machine.handle_connected(alone, 2, pair.now);
    for number in crowd {
        pair.visit(ConnectionId(number));
    }
    pair.settle();
    // One more than are kept, with the one that is alone.
    let gone = 100..=100 + MAX_PENDING as u64;
    assert_eq!(pair.older.closed, gone.map(ConnectionId).collect::<Vec<_>>());
}

#[test]
fn a_silent_crowd_delays_no_successor() {
    let mut pair = Pair::serving(1);
    for number in 100..200 {
        pair.visit(ConnectionId(number));
    }
    pair.connect(hello());
    pair.settle();
    pair.assert_younger_owns();
}

#[test]
fn a_silent_connection_is_closed_in_time() {
    let mut pair = Pair::serving(1);
    pair.visit(ConnectionId(100));
    pair.pass(seconds(1));
    pair.visit(ConnectionId(101));
    pair.pass(PENDING_TIMEOUT - seconds(1));
    assert_eq!(pair.older.closed, [ConnectionId(100)]);
    pair.pass(seconds(1));
    assert_eq!(pair.older.closed, [ConnectionId(100), ConnectionId(101)]);
    assert_eq!(pair.older.machine.poll_deadline(), None);
}

#[test]
fn a_connection_that_begins_with_nonsense_is_closed() {
    let mut pair = Pair::serving(1);
    pair.visit(ConnectionId(100));
    pair.older.machine.handle_frame(ConnectionId(100), b"GET / HTTP/1.1", pair.now);
    pair.settle();
    assert_eq!(pair.older.closed, [ConnectionId(100)]);
    let text = format!("{:?}", pair.older.said);
    assert!(text.contains("does not speak this protocol"), "{text}");
}
