//! What only a newer release says.

use std::sync::Arc;

use heirloom_proto::predecessor;
use heirloom_proto::{
    Abort, AbortReason, Entry, Failure, Kind, Message, PeerIncompatible, Phase, Predecessor,
    RefuseReason, Successor, successor,
};

use crate::files;
use crate::release::{Host, NEWER, PEER, Visitor, names};
use crate::support::{hello, seconds, settings};

#[test]
fn a_successor_that_speaks_newer_versions_only_is_told_the_numbers() {
    let mut visitor = Visitor::of(NEWER);
    let heard = visitor.says("hello-versions-2-to-3");
    assert_eq!(names(&heard), ["Refuse"]);
    let refuse = &heard[0].frame[12..];
    assert_eq!(refuse[..2], [3, 0], "version");
    assert_eq!(refuse[19..27], 1_u64.to_le_bytes(), "the version spoken");
    assert_eq!(refuse[27..35], 3_u64.to_le_bytes(), "the highest offered");
    assert_eq!(visitor.pair.older.closed, [PEER]);
    visitor.pair.assert_older_owns();
}

#[test]
fn a_predecessor_that_picks_a_version_that_was_not_offered_is_told_so() {
    let mut host = Host::of(NEWER);
    let heard = host.says("welcome-version-2");
    assert_eq!(names(&heard), ["Abort"]);
    assert_eq!(heard[0].frame[12..14], [2, 0], "protocol broken");
    let version = PeerIncompatible::Version { version: 2, lowest: 1, highest: 1 };
    assert_eq!(host.pair.younger().failure(), &Failure::Incompatible(version));
}

#[test]
fn a_reason_to_refuse_that_is_unknown_is_shown_as_its_number() {
    let mut host = Host::of(NEWER);
    assert_eq!(names(&host.says("refuse-unknown-reason")), [""; 0]);
    let Failure::Refused(refuse) = host.pair.younger().failure() else {
        panic!("not refused: {:?}", host.pair.younger().events)
    };
    assert_eq!((refuse.reason, refuse.phase), (RefuseReason::Other(900), Phase::Other(77)));
    assert!(refuse.reason.to_string().contains("900"), "{}", refuse.reason);
    assert_eq!(refuse.phase.to_string(), "phase 77");
    assert_eq!(refuse.text, "the moon is full");
}

#[test]
fn a_reason_to_give_up_that_is_unknown_is_shown_as_its_number() {
    let abort = Abort::new(AbortReason::Other(901), "the moon is new");
    let failure = Failure::PeerAborted(abort);
    assert!(failure.to_string().contains("901"), "{failure}");

    let mut host = Host::of(NEWER);
    host.goes_on_to("welcome");
    assert_eq!(names(&host.says("abort-unknown-reason")), [""; 0]);
    assert_eq!(host.pair.younger().failure(), &failure);

    let mut visitor = Visitor::of(NEWER);
    visitor.goes_on_to("received");
    visitor.says("abort-unknown-reason");
    assert_eq!(visitor.pair.older.failure(), Some(&failure));
    visitor.pair.assert_older_owns();
}

#[test]
fn an_unknown_reason_to_give_up_after_commit_leaves_it_to_the_token() {
    let mut host = Host::of(NEWER);
    host.goes_on_to("commit");
    host.unlocks();
    assert_eq!(names(&host.says("abort-unknown-reason")), ["Owned"]);
    host.pair.assert_younger_owns();

    let mut visitor = Visitor::of(NEWER);
    visitor.goes_on_to("ready");
    visitor.locks();
    visitor.says("abort-unknown-reason");
    assert_eq!(visitor.pair.older.machine.phase(), Phase::Releasing);
    visitor.says("owned");
    visitor.pair.pass(seconds(10));
    assert_eq!(visitor.pair.older.machine.phase(), Phase::Draining);
}

#[test]
fn a_phase_that_is_unknown_is_shown_as_its_number() {
    let Ok(Message::StatusReport(report)) = Message::decode(&NEWER.frame("status-report")) else {
        panic!("not read")
    };
    assert_eq!(report.phase, Phase::Other(77));
    assert_eq!(report.phase.to_string(), "phase 77");
}

/// The one of a kind that no release knows yet, and the one before it.
#[test]
fn entries_of_an_unknown_kind_are_handed_on_as_they_came() {
    let came = NEWER.frame("manifest");
    let entries = inherited(&came);
    assert_eq!(entries[1].kind, Kind::Other(60_000));
    assert_eq!(entries[1].kind.to_string(), "kind 60000");
    let sent = manifest_of(entries);
    assert_eq!(sent[12..], came[12..sent.len()], "all that version 1 knows of it");
}

/// The entries that today's successor is told to verify and to keep.
fn inherited(manifest: &[u8]) -> Vec<Arc<Entry>> {
    let mut machine = Successor::new(hello(), seconds(0));
    machine.handle_frame(&NEWER.frame("welcome"), vec![(); 2], seconds(0));
    machine.handle_frame(manifest, vec![(); 2], seconds(0));
    let outputs = std::iter::from_fn(|| machine.poll_output());
    let verify = outputs.filter_map(|output| match output {
        successor::Output::Verify(entries) => Some(entries),
        _ => None,
    });
    verify.flatten().map(|(entry, ())| Arc::new(entry)).collect()
}

/// The frame in which today's predecessor hands them on.
fn manifest_of(entries: Vec<Arc<Entry>>) -> Vec<u8> {
    let mut machine = Predecessor::new(settings(), Vec::new(), seconds(0));
    machine.handle_ready(seconds(0));
    machine.handle_connected(PEER, 7, seconds(0));
    machine.handle_frame(PEER, &files::frame("hello"), seconds(0));
    machine.handle_snapshot(entries, seconds(0));
    machine.handle_sent(PEER, seconds(0));
    let outputs = std::iter::from_fn(|| machine.poll_output());
    let sent = outputs.filter_map(|output| match output {
        predecessor::Output::Send { frame, .. } => Some(frame),
        _ => None,
    });
    sent.last().unwrap()
}
