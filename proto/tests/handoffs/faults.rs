//! The fault table: what becomes of the service when a side is killed or frozen at each stage.

use heirloom_proto::{Failure, Phase};

use crate::support::{Pair, Who, seconds};

/// How far a handoff has come.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Stage {
    BeforeLastManifest,
    UpToReady,
    CommitSent,
    Released,
    Locked,
    Owned,
}

use Stage::{BeforeLastManifest, CommitSent, Locked, Owned, Released, UpToReady};

impl Stage {
    fn is_reached(self, pair: &Pair) -> bool {
        let older = pair.older.machine.phase();
        let younger = &pair.youngers[0];
        match self {
            BeforeLastManifest => younger.batches == 1,
            UpToReady => younger.machine.phase() == Phase::Committing,
            CommitSent => older == Phase::Releasing && pair.kernel.holder() == Some(Who::Older),
            Released => older == Phase::Releasing && pair.kernel.holder().is_none(),
            Locked => pair.kernel.holder() == Some(Who::Younger(0)) && !younger.owns(),
            Owned => younger.owns() && !younger.link.to_older.is_empty(),
        }
    }
}

/// A handoff of more entries than may be in flight, with late state, that has come just so far.
#[track_caller]
fn at(stage: Stage) -> Pair {
    let mut pair = Pair::connected(2_000);
    pair.older.late_state = Some(Ok(b"late".to_vec()));
    assert!(pair.run_until(|pair| stage.is_reached(pair)));
    pair
}

fn killed_older(stage: Stage) -> Pair {
    let mut pair = at(stage);
    pair.kill_older();
    pair.pass(seconds(120));
    pair
}

fn killed_younger(stage: Stage) -> Pair {
    let mut pair = at(stage);
    pair.kill_younger(0);
    pair.pass(seconds(120));
    pair
}

fn frozen_older(stage: Stage) -> Pair {
    let mut pair = at(stage);
    pair.older.frozen = true;
    pair.pass(seconds(120));
    pair.older.frozen = false;
    pair.pass(seconds(120));
    pair
}

/// What there is while the successor is stopped, and what when it has come to itself.
fn frozen_younger(stage: Stage) -> (Pair, Pair) {
    let mut pair = at(stage);
    pair.younger().frozen = true;
    pair.pass(seconds(120));
    let meanwhile = pair.clone();
    pair.younger().frozen = false;
    pair.pass(seconds(120));
    (meanwhile, pair)
}

#[track_caller]
fn assert_late_state(pair: &Pair) {
    let text = format!("{:?}", pair.youngers[0].events);
    let expected = format!("late_state: {:?}", b"late");
    assert!(text.contains(&expected), "{text}");
}

#[track_caller]
fn assert_goes_on(pair: &Pair) {
    pair.assert_older_owns();
    assert_eq!(pair.older.machine.successor(), None);
    assert_eq!(pair.older.machine.poll_deadline(), None);
}

#[test]
fn predecessor_killed_before_the_last_manifest_makes_the_successor_fail() {
    let mut pair = killed_older(BeforeLastManifest);
    assert!(matches!(pair.younger().failure(), Failure::Closed { .. }));
}

#[test]
fn predecessor_killed_before_commit_is_succeeded() {
    let pair = killed_older(UpToReady);
    pair.assert_younger_owns();
}

#[test]
fn predecessor_killed_after_commit_is_succeeded_with_the_late_state() {
    let pair = killed_older(CommitSent);
    pair.assert_younger_owns();
    assert_late_state(&pair);
}

#[test]
fn predecessor_killed_right_after_unlocking_is_succeeded_with_the_late_state() {
    let mut pair = at(Released);
    let link = &mut pair.younger().link;
    link.to_younger.retain(|parcel| parcel.frame[6] != 0x09);
    link.to_send.clear();
    pair.kill_older();
    pair.pass(seconds(120));
    pair.assert_younger_owns();
    assert_late_state(&pair);
}

#[test]
fn the_end_of_the_predecessor_told_before_its_last_frames_loses_no_late_state() {
    for stage in [CommitSent, Released] {
        let mut pair = at(stage);
        pair.kill_older();
        let now = pair.now;
        pair.younger().machine.handle_peer_died(now);
        pair.pass(seconds(120));
        pair.assert_younger_owns();
        assert_late_state(&pair);
    }
}

#[test]
fn predecessor_killed_after_released_is_succeeded() {
    let pair = killed_older(Released);
    pair.assert_younger_owns();
    assert_late_state(&pair);
}

#[test]
fn predecessor_killed_after_the_token_is_locked_is_succeeded() {
    let pair = killed_older(Locked);
    pair.assert_younger_owns();
    assert_late_state(&pair);
}

#[test]
fn predecessor_killed_after_owned_is_missed_by_nobody() {
    let pair = killed_older(Owned);
    pair.assert_younger_owns();
}

#[test]
fn successor_killed_before_the_last_manifest_leaves_predecessor_serving() {
    assert_goes_on(&killed_younger(BeforeLastManifest));
}

#[test]
fn successor_killed_before_commit_leaves_predecessor_serving() {
    assert_goes_on(&killed_younger(UpToReady));
}

#[test]
fn successor_killed_after_commit_leaves_predecessor_serving() {
    let pair = killed_younger(CommitSent);
    assert_goes_on(&pair);
    assert!(pair.kernel.holds(Who::Older, 0));
}

#[test]
fn successor_killed_after_released_gives_the_token_back() {
    assert_goes_on(&killed_younger(Released));
}

#[test]
fn successor_killed_after_it_locked_the_token_gives_it_back() {
    assert_goes_on(&killed_younger(Locked));
}

#[test]
fn successor_killed_after_owned_is_for_the_supervisor() {
    let mut pair = at(Owned);
    pair.settle();
    pair.kill_younger(0);
    pair.pass(seconds(120));
    assert_eq!(pair.older.machine.phase(), Phase::Draining);
}

#[test]
fn predecessor_frozen_before_the_last_manifest_stays_owner() {
    let mut pair = frozen_older(BeforeLastManifest);
    assert!(matches!(pair.younger().failure(), Failure::TimedOut { .. }));
    assert_goes_on(&pair);
}

#[test]
fn predecessor_frozen_before_commit_stays_owner() {
    let mut pair = frozen_older(UpToReady);
    assert_eq!(pair.younger().failure(), &Failure::TokenHeld);
    assert_goes_on(&pair);
}

#[test]
fn predecessor_frozen_after_commit_stays_owner_while_it_holds_the_token() {
    let mut pair = frozen_older(CommitSent);
    assert_eq!(pair.younger().failure(), &Failure::TokenHeld);
    assert_goes_on(&pair);
}

#[test]
fn predecessor_frozen_after_it_let_the_token_go_is_succeeded() {
    for stage in [Released, Locked, Owned] {
        let pair = frozen_older(stage);
        pair.assert_younger_owns();
        assert_eq!(pair.older.machine.phase(), Phase::Draining, "{stage:?}");
        assert_late_state(&pair);
    }
}

#[test]
fn successor_frozen_before_the_token_moves_is_given_up() {
    for stage in [BeforeLastManifest, UpToReady, CommitSent] {
        let (meanwhile, after) = frozen_younger(stage);
        assert_goes_on(&meanwhile);
        assert_goes_on(&after);
        assert!(matches!(after.youngers[0].failure(), Failure::PeerAborted(_)), "{stage:?}");
    }
}

#[test]
fn successor_frozen_before_it_locks_the_token_loses_it() {
    let (meanwhile, after) = frozen_younger(Released);
    assert_goes_on(&meanwhile);
    assert_eq!(meanwhile.older.fenced, 0);
    assert_goes_on(&after);
    assert!(matches!(after.youngers[0].failure(), Failure::PeerAborted(_)));
}

#[test]
fn successor_frozen_with_the_token_is_ended_and_the_token_taken_back() {
    let (meanwhile, after) = frozen_younger(Locked);
    assert_eq!(meanwhile.older.fenced, 1);
    assert!(!meanwhile.youngers[0].alive);
    assert_goes_on(&after);
}

#[test]
fn successor_frozen_after_owned_stays_owner() {
    let (meanwhile, after) = frozen_younger(Owned);
    assert_eq!(meanwhile.owners(), [Who::Younger(0)]);
    after.assert_younger_owns();
    assert_eq!(after.older.machine.phase(), Phase::Draining);
}
