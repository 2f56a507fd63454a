//! The number of the attempt in the token: whose it is, and who may write it.

use heirloom_proto::predecessor::Settings;
use heirloom_proto::{Failure, Phase};

use super::token::{holds_token, is_free, reached, stale};
use crate::support::{Pair, Who, hello, seconds, settings};

#[test]
fn a_stale_successor_that_gets_the_lock_gives_it_back() {
    let mut pair = stale();
    pair.connect(hello());
    reached(&mut pair, is_free);
    pair.youngers[1].frozen = true;
    pair.youngers[0].frozen = false;
    pair.pass(seconds(1));
    let superseded = Failure::Superseded { attempt: 1, latest: 2 };
    assert_eq!(pair.youngers[0].failure(), &superseded);
    assert!(is_free(&pair));
    pair.youngers[1].frozen = false;
    pair.pass(seconds(1));
    pair.assert_younger_owns();
}

#[test]
fn a_stale_successor_takes_no_lock_of_a_later_owner_for_leaked() {
    for deaf in [false, true] {
        let mut pair = stale();
        pair.connect(hello());
        pair.settle();
        pair.assert_younger_owns();
        pair.kill_older();
        pair.youngers[0].frozen = false;
        if deaf {
            pair.youngers[0].link.cut();
        }
        let now = pair.now;
        pair.youngers[0].machine.handle_peer_died(now);
        pair.pass(seconds(10));
        pair.assert_younger_owns();
        assert!(matches!(pair.youngers[0].failure(), Failure::Superseded { .. }));
    }
}

#[test]
fn a_predecessor_that_wakes_after_two_more_generations_has_handed_over() {
    for held in [false, true] {
        let mut pair = Pair::connected(1);
        reached(&mut pair, holds_token);
        pair.older.frozen = true;
        pair.settle();
        // The new owner has begun an attempt of its own and is gone.
        pair.kernel.write_attempt(0, 2);
        pair.kill_younger(0);
        if held {
            pair.kernel.try_lock(Who::Stranger, 0);
        }
        pair.older.frozen = false;
        pair.pass(seconds(10));
        assert_eq!(pair.older.machine.phase(), Phase::Draining);
        assert!(!pair.kernel.holds(Who::Older, 0));
    }
}

/// A successor that is not the owner writes into the token.
fn written(held: bool) -> Pair {
    let mut pair = Pair::connected(1);
    reached(&mut pair, is_free);
    pair.younger().frozen = true;
    pair.kernel.write_attempt(0, 99);
    if held {
        pair.kernel.try_lock(Who::Younger(0), 0);
    }
    pair
}

#[test]
fn a_number_written_by_one_who_never_owned_moves_nothing() {
    let mut pair = written(false);
    pair.kill_younger(0);
    pair.settle();
    pair.assert_older_owns();
    assert_eq!(pair.kernel.attempt(0), 1, "and is put right");
    pair.connect(hello());
    pair.settle();
    pair.assert_younger_owns();
}

#[test]
fn a_number_written_by_one_who_holds_the_token_in_silence_does_not_save_it() {
    let mut pair = written(true);
    pair.pass(seconds(3));
    assert_eq!(pair.older.fenced, 1);
    pair.assert_older_owns();
    assert_eq!(pair.kernel.attempt(0), 1);
}

#[test]
fn a_number_written_by_somebody_else_fails_the_handoff_and_no_more() {
    let mut pair = Pair::connected(1);
    reached(&mut pair, is_free);
    pair.kernel.write_attempt(0, 99);
    pair.pass(seconds(3));
    assert_eq!(pair.younger().failure(), &Failure::Superseded { attempt: 1, latest: 99 });
    pair.assert_older_owns();
}

#[test]
fn numbers_from_whoever_was_the_predecessor_may_be_as_high_as_they_get() {
    let settings = Settings { generation: u64::MAX, attempt: u64::MAX, ..settings() };
    let mut pair = Pair::with(1, settings);
    pair.connect(hello());
    pair.settle();
    pair.assert_younger_owns();
    assert_eq!(pair.younger().machine.welcome().unwrap().attempt, 0, "none but the latest counts");
}

#[test]
fn an_owner_is_stopped_whatever_the_number_of_its_attempt() {
    let mut pair = Pair::with(1, Settings { attempt: u64::MAX, ..settings() });
    pair.older.machine.handle_stop(pair.now);
    pair.settle();
    assert_eq!(pair.older.machine.phase(), Phase::Stopped);
}
