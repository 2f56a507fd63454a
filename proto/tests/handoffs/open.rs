//! What a generation that drains tells of what is open there.

use std::time::Duration;

use heirloom_proto::limits::OPEN_INTERVAL;
use heirloom_proto::predecessor::{ConnectionId, Elder};
use heirloom_proto::{DrainingGeneration, Message, MessageKind, Open, Predecessor};

use crate::support::{Pair, kind_of, seconds, settings};

const ELDER: ConnectionId = ConnectionId(7);

/// An owner that has handed over, and its successor, which has read everything.
fn draining() -> Pair {
    let mut pair = Pair::connected(1);
    pair.settle();
    pair.assert_younger_owns();
    pair.younger().frozen = true;
    pair
}

/// What the owner was told since.
fn told(pair: &mut Pair) -> Vec<u64> {
    let parcels = pair.younger().link.to_younger.drain(..);
    let open = parcels.map(|parcel| match Message::decode(&parcel.frame) {
        Ok(Message::Open(told)) => told.open,
        other => panic!("{other:?}"),
    });
    open.collect()
}

fn changes(pair: &mut Pair, open: u64) {
    pair.older.open = Some(open);
    pair.older.machine.handle_open_changed(pair.now);
    pair.settle();
}

#[test]
fn the_owner_is_told_at_once_and_then_at_most_every_200_ms() {
    let mut pair = draining();
    changes(&mut pair, 3);
    assert_eq!(told(&mut pair), [3]);
    changes(&mut pair, 2);
    changes(&mut pair, 1);
    assert_eq!(told(&mut pair), []);
    pair.pass(OPEN_INTERVAL - Duration::from_millis(1));
    assert_eq!(told(&mut pair), []);
    pair.pass(Duration::from_millis(1));
    assert_eq!(told(&mut pair), [1], "the latest, and no other");
}

#[test]
fn what_does_not_change_costs_nothing() {
    let mut pair = draining();
    changes(&mut pair, 3);
    assert_eq!(pair.older.machine.poll_deadline(), None);
    pair.pass(seconds(100));
    assert_eq!(told(&mut pair), [3]);
}

#[test]
fn an_owner_that_does_not_read_is_not_told_over_and_over() {
    let mut pair = draining();
    pair.younger().link.room = 1;
    for open in (0..100).rev() {
        changes(&mut pair, open);
        pair.pass(seconds(1));
    }
    assert_eq!(pair.younger().link.to_send.len(), 1);
}

#[test]
fn nobody_counts_and_nobody_is_told() {
    let mut pair = draining();
    pair.older.machine.handle_open_changed(pair.now);
    pair.settle();
    assert_eq!(told(&mut pair), []);
    changes(&mut pair, 1);
    pair.pass(OPEN_INTERVAL);
    assert_eq!(told(&mut pair), [1]);
}

#[test]
fn whoever_owns_the_service_or_has_retired_tells_nothing() {
    let mut pair = Pair::serving(1);
    changes(&mut pair, 3);
    assert_eq!(pair.older.machine.poll_deadline(), None);

    let mut pair = draining();
    pair.older.machine.handle_drained();
    changes(&mut pair, 3);
    let kinds = pair.younger().link.to_younger.iter().map(|parcel| kind_of(&parcel.frame));
    assert_eq!(kinds.collect::<Vec<_>>(), [Some(MessageKind::Retired)]);
}

#[test]
fn the_owner_keeps_the_last_number_once_the_elder_drains() {
    let generation = DrainingGeneration { generation: 1, pid: 99, open: None };
    let elder = Elder { connection: ELDER, generation, drains: false };
    let mut machine = Predecessor::new(settings(), vec![elder], seconds(0));
    let mut says = |message: Message| {
        machine.handle_frame(ELDER, &message.encode().unwrap(), seconds(0));
        machine.report(seconds(0)).draining[0].open
    };
    assert_eq!(says(Message::Open(Open { open: 9 })), None, "it has not said Draining");
    assert_eq!(says(Message::Draining), None);
    assert_eq!(says(Message::Open(Open { open: 9 })), Some(9));
    assert_eq!(says(Message::Open(Open { open: 0 })), Some(0));
}
