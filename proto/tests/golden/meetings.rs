//! Today's machines and another release, in both roles and as tools.

use heirloom_proto::predecessor::{Elder, Event};
use heirloom_proto::{
    AbortReason, DrainingGeneration, Failure, Lock, Phase, Predecessor, RefuseReason, successor,
};

use crate::cases::MUST_UNDERSTAND;
use crate::files;
use crate::release::{Host, NEWER, OLDER, PEER, Release, Visitor, names};
use crate::support::{SECRET, seconds, settings, spawned_hello};

#[test]
fn an_older_successor_takes_the_service_over() {
    take_over(OLDER, "");
}

#[test]
fn a_newer_successor_takes_the_service_over() {
    take_over(NEWER, "9.0 β");
}

#[track_caller]
fn take_over(release: Release, build: &str) {
    let mut visitor = Visitor::of(release);
    let heard = visitor.says("hello");
    assert_eq!(names(&heard), ["Welcome", "Manifest"]);
    assert_eq!(heard[0].frame[12..14], [1, 0], "the version spoken from here on");
    assert_eq!(names(&visitor.says("received")), [""; 0]);
    assert_eq!(names(&visitor.says("progress")), [""; 0]);
    assert_eq!(visitor.locks(), Lock::Held { attempt: 1 });
    assert_eq!(names(&visitor.says("ready")), ["Commit", "Released"]);
    assert_eq!(visitor.locks(), Lock::Got { attempt: 1 });
    assert_eq!(names(&visitor.says("owned")), ["Draining"]);
    let older = &mut visitor.pair.older;
    let took = seconds(0);
    let expected = [
        Event::Began { pid: 200, build: build.into(), took },
        Event::Progress { pid: 200, text: "warming up".into(), took },
        Event::SuccessorReady { pid: 200, strays: 0, took },
        Event::Owned { pid: 200, generation: 2, took },
    ];
    assert_eq!(older.events, expected);
    older.machine.handle_drained();
    assert_eq!(names(&visitor.hears()), ["Retired"]);
}

#[test]
fn an_older_predecessor_hands_the_service_over() {
    hand_over(OLDER);
}

#[test]
fn a_newer_predecessor_hands_the_service_over() {
    hand_over(NEWER);
}

#[track_caller]
fn hand_over(release: Release) {
    let mut host = Host::of(release);
    assert_eq!(names(&host.says("welcome")), [""; 0]);
    assert_eq!(names(&host.says("manifest")), ["Received", "Ready"]);
    assert_eq!(host.pair.younger().inherited, 2);
    assert_eq!(names(&host.says("commit")), [""; 0]);
    assert_eq!(host.pair.younger_phase(), Phase::Releasing);
    host.unlocks();
    assert_eq!(names(&host.says("released")), ["Owned"]);
    host.pair.assert_younger_owns();
    let owned = successor::Event::Owned {
        orphaned: false,
        leaked: false,
        trouble: None,
        late_state: b"late".to_vec(),
    };
    assert_eq!(host.pair.younger().events, [successor::Event::Inherited, owned]);
    assert_eq!(names(&host.says("draining")), [""; 0]);
    assert_eq!(names(&host.says("retired")), [""; 0]);
    host.pair.assert_younger_owns();
}

#[test]
fn progress_of_todays_successor_is_read_by_every_release() {
    for release in [OLDER, NEWER] {
        let mut host = Host::of(release);
        host.pair.younger().ready = None;
        host.goes_on_to("manifest");
        host.pair.younger().machine.handle_progress("größe: 4 %");
        let now = host.pair.now;
        host.pair.younger().machine.handle_ready(Vec::new(), now);
        let heard = host.hears();
        assert_eq!(names(&heard), ["Progress", "Ready"]);
    }
}

#[test]
fn an_older_release_that_refuses_or_gives_up_is_understood() {
    be_refused_and_given_up(OLDER);
}

#[test]
fn a_newer_release_that_refuses_or_gives_up_is_understood() {
    be_refused_and_given_up(NEWER);
}

#[track_caller]
fn be_refused_and_given_up(release: Release) {
    let mut host = Host::of(release);
    assert_eq!(names(&host.says("refuse")), [""; 0]);
    let failure = host.pair.younger().failure();
    let busy = matches!(failure, Failure::Refused(refuse) if refuse.reason == RefuseReason::Busy);
    assert!(busy, "{failure:?}");

    let gave_up = |failure: &Failure| match failure {
        Failure::PeerAborted(abort) => {
            abort.reason == AbortReason::Application && abort.text == "no configuration"
        }
        _ => false,
    };
    let mut host = Host::of(release);
    host.goes_on_to("welcome");
    assert_eq!(names(&host.says("abort")), [""; 0]);
    assert!(gave_up(host.pair.younger().failure()), "{:?}", host.pair.younger().events);

    for last in ["hello", "received", "progress"] {
        let mut visitor = Visitor::of(release);
        visitor.goes_on_to(last);
        visitor.says("abort");
        visitor.pair.assert_older_owns();
        let event = visitor.pair.older.events.last();
        assert!(
            matches!(event, Some(Event::Failed(ended)) if gave_up(&ended.failure)),
            "{event:?}"
        );
    }
}

#[test]
fn a_release_that_gives_up_after_commit_leaves_it_to_the_token() {
    for release in [OLDER, NEWER] {
        let mut visitor = Visitor::of(release);
        visitor.goes_on_to("ready");
        assert_eq!(names(&visitor.says("abort")), ["Abort"]);
        visitor.pair.assert_older_owns();
        let event = visitor.pair.older.events.last();
        assert!(matches!(event, Some(Event::TakenBack { leaked: false, .. })), "{event:?}");

        let mut host = Host::of(release);
        host.goes_on_to("commit");
        host.unlocks();
        assert_eq!(names(&host.says("abort")), ["Owned"]);
        host.pair.assert_younger_owns();
    }
}

#[test]
fn an_older_tool_is_answered_in_a_layout_that_it_reads() {
    be_asked(OLDER);
}

#[test]
fn a_newer_tool_is_answered_in_a_layout_that_it_reads() {
    be_asked(NEWER);
}

#[track_caller]
fn be_asked(release: Release) {
    let mut visitor = Visitor::of(release);
    assert_eq!(names(&visitor.says("status")), ["StatusReport"]);
    assert_eq!(names(&visitor.says("upgrade")), [""; 0]);
    visitor.pair.older.machine.handle_asked_upgrade(PEER, SECRET, visitor.pair.now);
    visitor.pair.settle();
    visitor.pair.connect(spawned_hello());
    let heard = visitor.hears();
    visitor.pair.assert_younger_owns();
    assert_eq!(names(&heard), ["Outcome"]);
    assert_eq!(heard[0].frame[12..16], [0; 4], "committed");

    let mut visitor = Visitor::of(release);
    visitor.pair.older.machine.handle_stop(visitor.pair.now);
    let heard = visitor.says("upgrade");
    assert_eq!(names(&heard), ["Outcome"]);
    assert_eq!(heard[0].frame[12..16], [1, 0, 0, 0], "failed");
    assert_eq!(names(&visitor.says("status")), ["StatusReport"]);
}

#[test]
fn a_generation_of_another_release_that_has_drained_is_heard() {
    for release in [OLDER, NEWER] {
        let mut owner = owner_with_elder();
        for frame in release.says("draining") {
            owner.pair.older.machine.handle_frame(PEER, &frame, owner.pair.now);
        }
        assert!(owner.pair.older.machine.elders()[0].drains, "{release:?}");
        for frame in release.says("retired") {
            owner.pair.older.machine.handle_frame(PEER, &frame, owner.pair.now);
        }
        owner.pair.settle();
        assert_eq!(
            owner.pair.older.events,
            [Event::Retired { generation: 1, pid: 99 }],
            "{release:?}"
        );
    }
}

#[test]
fn a_draining_generation_that_must_be_understood_and_is_not_is_given_up() {
    let mut owner = owner_with_elder();
    owner.sends(&files::frame("draining"));
    assert_eq!(names(&owner.sends(&files::frame(MUST_UNDERSTAND))), [] as [&str; 0]);
    assert_eq!(owner.pair.older.closed, [PEER]);
    assert_eq!(owner.pair.older.events, [Event::Retired { generation: 1, pid: 99 }]);
}

/// Today's owner, after a generation of another release that has yet to say anything.
fn owner_with_elder() -> Visitor {
    let mut owner = Visitor::of(NEWER);
    let generation = DrainingGeneration { generation: 1, pid: 99, open: None };
    let elder = Elder { connection: PEER, generation, drains: false };
    owner.pair.older.machine = Predecessor::new(settings(), vec![elder], owner.pair.now);
    owner
}
