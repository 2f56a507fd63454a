//! Handoffs in which nothing goes wrong, or nothing that matters.

use heirloom_proto::limits::{MAX_IN_FLIGHT, WELCOME_DESCRIPTORS};
use heirloom_proto::predecessor::{ConnectionId, Elder, Event as OlderEvent};
use heirloom_proto::successor::Event;
use heirloom_proto::{
    DrainingGeneration, Failure, InvalidMessage, Message, Name, PeerMisbehaved, Phase, Predecessor,
};

use crate::support::samples::batch;
use crate::support::{Pair, SECRET, entry, hello, seconds, settings, spawned_hello};

#[track_caller]
fn hand_over(entries: usize, batches: usize) -> Pair {
    let mut pair = Pair::connected(entries);
    pair.pass(seconds(1));
    pair.assert_younger_owns();
    assert_eq!(pair.older.machine.phase(), Phase::Draining);
    assert_eq!(pair.younger().inherited, entries);
    assert_eq!(pair.younger().batches, batches);
    pair
}

#[test]
fn nothing_is_handed_over_in_one_empty_batch() {
    hand_over(0, 1);
}

#[test]
fn one_entry_is_handed_over_in_one_batch() {
    hand_over(1, 1);
}

#[test]
fn as_many_entries_as_fit_one_frame_are_handed_over_in_one_batch() {
    hand_over(250, 1);
}

#[test]
fn one_entry_more_than_fits_a_frame_makes_a_second_batch() {
    hand_over(251, 2);
}

#[test]
fn two_thousand_entries_never_have_more_than_a_thousand_in_flight() {
    let pair = hand_over(2_000, 8);
    assert!(pair.older.most_in_flight <= MAX_IN_FLIGHT + WELCOME_DESCRIPTORS);
}

#[test]
fn a_successor_that_reads_nothing_is_sent_a_thousand_descriptors_and_no_more() {
    let mut pair = Pair::connected(2_000);
    pair.run_until(|pair| pair.older.machine.phase() == Phase::Transferring);
    pair.younger().frozen = true;
    pair.settle();
    let on_their_way = pair.younger().link.to_younger.iter();
    let entries: usize = on_their_way.map(|parcel| parcel.descriptors).sum();
    assert_eq!(entries, MAX_IN_FLIGHT + WELCOME_DESCRIPTORS);
    pair.younger().frozen = false;
    pair.pass(seconds(1));
    pair.assert_younger_owns();
}

#[test]
fn a_full_queue_only_slows_the_manifest_down() {
    let mut pair = Pair::connected(2_000);
    pair.younger().link.room = 1;
    pair.pass(seconds(1));
    pair.assert_younger_owns();
}

#[test]
fn a_spawned_successor_is_known_by_its_secret() {
    let mut pair = Pair::serving(3);
    pair.older.machine.handle_upgrade(SECRET, pair.now).unwrap();
    pair.settle();
    assert_eq!(pair.older.spawns, 1);
    assert_eq!(pair.older.machine.phase(), Phase::Spawning);
    pair.connect(spawned_hello());
    pair.pass(seconds(1));
    pair.assert_younger_owns();
    assert_eq!(pair.older.condemned, 0);
}

#[test]
fn the_owner_tells_what_happens_in_order() {
    let mut pair = Pair::connected(1);
    pair.younger().ready = Some(vec![Name::new("file-0").unwrap()]);
    pair.settle();
    let (build, took) = ("1.1".into(), seconds(0));
    let expected = [
        OlderEvent::Began { pid: 200, build, took },
        OlderEvent::SuccessorReady { pid: 200, strays: 1, took },
        OlderEvent::Owned { pid: 200, generation: 2, took },
    ];
    assert_eq!(pair.older.events, expected);
}

#[test]
fn the_late_state_reaches_the_new_owner() {
    let mut pair = Pair::connected(1);
    pair.older.late_state = Some(Ok(b"last words".to_vec()));
    pair.settle();
    let expected = Event::Owned {
        orphaned: false,
        leaked: false,
        trouble: None,
        late_state: b"last words".to_vec(),
    };
    assert_eq!(pair.younger().events.last(), Some(&expected));
}

#[test]
fn a_late_state_that_fits_no_frame_is_an_error_and_changes_nothing() {
    let mut pair = Pair::connected(1);
    pair.older.late_state = Some(Ok(vec![0; 48 * 1_024 + 1]));
    pair.settle();
    pair.assert_older_owns();
    let text = format!("{:?}", pair.older.events);
    assert!(text.contains("has 49153 bytes, at most 49152"), "{text}");
}

#[test]
fn the_longest_late_state_is_passed_on() {
    let mut pair = Pair::connected(1);
    pair.older.late_state = Some(Ok(vec![1; 48 * 1_024]));
    pair.settle();
    pair.assert_younger_owns();
}

#[test]
fn more_stray_names_than_fit_a_frame_are_counted_all_the_same() {
    let mut pair = Pair::connected(1);
    let names = (0..1_000).map(|index| Name::new(format!("{index:0>250}")).unwrap());
    pair.younger().ready = Some(names.collect());
    pair.settle();
    pair.assert_younger_owns();
    let strays = OlderEvent::SuccessorReady { pid: 200, strays: 1_000, took: seconds(0) };
    assert!(pair.older.events.contains(&strays));
}

#[test]
fn retired_is_the_last_word_and_is_said_once() {
    let mut pair = hand_over(1, 1);
    pair.older.machine.handle_drained();
    pair.older.machine.handle_drained();
    let queue = |pair: &Pair| pair.youngers[0].link.to_younger.len();
    pair.run_until(|pair| queue(pair) == 1);
    let frame = pair.younger().link.to_younger[0].frame.clone();
    assert_eq!(Message::decode(&frame), Ok(Message::Retired));
    pair.settle();
    assert!(pair.younger().link.older_closed);
    assert_eq!(pair.older.closed, [ConnectionId(0)]);
    pair.assert_younger_owns();
}

#[test]
fn an_older_generation_that_says_retired_is_counted_no_more() {
    let generation = DrainingGeneration { generation: 1, pid: 99, open: None };
    let elder = Elder { connection: ConnectionId(40), generation, drains: false };
    let mut pair = Pair::serving(0);
    pair.older.machine = Predecessor::new(settings(), vec![elder], pair.now);
    let retired = Message::Retired.encode().unwrap();
    pair.older.machine.handle_frame(ConnectionId(40), &retired, pair.now);
    pair.older.machine.handle_closed(ConnectionId(41), pair.now);
    pair.settle();
    assert_eq!(pair.older.events, [OlderEvent::Retired { generation: 1, pid: 99 }]);
    assert_eq!(pair.older.closed, [ConnectionId(40)]); // of the other it has not heard
    assert!(pair.older.machine.elders().is_empty());
}

#[test]
fn a_kind_that_may_be_skipped_is_skipped_by_both() {
    let mut pair = Pair::connected(251);
    let unknown = Message::Unknown(0x7abc).encode().unwrap();
    pair.younger().link.to_older.push_back(unknown.clone());
    pair.run_until(|pair| pair.younger_phase() == Phase::Transferring);
    let now = pair.now;
    pair.younger().machine.handle_frame(&unknown, Vec::new(), now);
    pair.settle();
    pair.assert_younger_owns();
}

#[test]
fn a_kind_that_must_be_understood_and_is_not_ends_the_handoff() {
    let mut pair = Pair::connected(251);
    pair.run_until(|pair| pair.younger_phase() == Phase::Transferring);
    let mut unknown = Message::Unknown(0x7abc).encode().unwrap();
    unknown[7] |= 0x80;
    let now = pair.now;
    pair.younger().machine.handle_frame(&unknown, Vec::new(), now);
    pair.settle();
    let kind = 0xfabc;
    let invalid = Failure::Invalid(InvalidMessage::UnknownKind { kind });
    assert_eq!(pair.younger().failure(), &invalid);
    pair.assert_older_owns();
}

#[test]
fn a_descriptor_that_is_not_what_its_entry_says_ends_the_handoff() {
    let mut pair = Pair::connected(3);
    pair.younger().verdict = Err("file-1: another inode".into());
    pair.settle();
    pair.assert_older_owns();
    let text = format!("{:?}", pair.older.events.last());
    assert!(text.contains("Mismatch") && text.contains("file-1: another inode"), "{text}");
}

#[test]
fn fewer_descriptors_than_entries_end_the_handoff() {
    let mut pair = Pair::connected(3);
    let waits = |pair: &Pair| pair.youngers[0].link.to_younger.iter().any(|p| p.descriptors == 3);
    assert!(pair.run_until(waits));
    let parcel = pair.younger().link.to_younger.back_mut().unwrap();
    parcel.descriptors = 2;
    pair.settle();
    let count = InvalidMessage::DescriptorCount { entries: 3, descriptors: 2 };
    assert_eq!(pair.younger().failure(), &Failure::Invalid(count));
    pair.assert_older_owns();
}

#[test]
fn other_entries_than_announced_end_the_handoff() {
    for (entries, last, found) in [(0, false, 0), (3, true, 3), (4, false, 4), (5, true, 5)] {
        let mut pair = Pair::connected(4);
        let is_welcomed = |pair: &Pair| pair.youngers[0].machine.welcome().is_some();
        assert!(pair.run_until(is_welcomed));
        let batch = batch((0..entries).map(entry).collect(), last).encode().unwrap();
        let now = pair.now;
        pair.younger().machine.handle_frame(&batch, vec![(); entries], now);
        pair.settle();
        let total = PeerMisbehaved::Total { told: 4, found };
        assert_eq!(pair.younger().failure(), &Failure::Misbehaved(total));
        pair.assert_older_owns();
    }
}

#[test]
fn after_a_failed_handoff_the_next_one_succeeds() {
    let mut pair = Pair::connected(3);
    pair.younger().verdict = Err("wrong".into());
    pair.settle();
    pair.connect(hello());
    pair.settle();
    pair.assert_younger_owns();
    assert_eq!(pair.younger().machine.welcome().unwrap().attempt, 2);
    assert_eq!(pair.younger().machine.welcome().unwrap().generation, 2);
}
