//! What is frozen says its last words to a successor that owns, and is thawed for every other end.

use nix::sys::signal::Signal;

use crate::passing::{keepers, upgrade};
use crate::providers::expect_idle;
use crate::support::{Family, Way, ask, both_ways};

/// A family whose service freezes two things, one after the other, and has little patience.
fn frozen() -> Family {
    let mut family = keepers();
    family.set("FREEZE", "b:v1:text=late,a:v1:text=words").set("HEAR", "a:v1,b:v1");
    family.set("COMMIT_MS", "1000");
    family
}

/// Each of the two was thawed once, in the order in which it was frozen.
fn expect_thawed_once(family: &mut Family, pid: u32) {
    expect_idle(family, pid);
    let names = |events: Vec<crate::support::Event>| {
        events.into_iter().map(|event| event.details).collect::<Vec<_>>()
    };
    assert_eq!(names(family.take_all(pid, "froze")), ["b", "a"]);
    assert_eq!(names(family.take_all(pid, "thawed")), ["b", "a"]);
}

/// The service goes on where it was, and its next successor hears the last words.
fn expect_next(family: &mut Family, first: u32, address: &str) {
    assert_eq!(ask(address).unwrap(), (first, 1));
    let next = upgrade(family, first, Way::External);
    assert_eq!(family.expect(next, "heard").details, "a v1 words");
    assert_eq!(family.expect(next, "heard").details, "b v1 late");
    assert!(!family.has_come(first, "thawed"), "it was thawed though its successor owns");
}

both_ways! {
    fn last_words_are_heard_when_the_successor_owns(way: Way) {
        let mut family = frozen();
        family.set("DRAIN", "manual");
        let (first, _) = family.start_service();
        let second = family.succeed(first, way);
        family.expect(second, "ready");
        assert_eq!(family.expect(second, "heard").details, "a v1 words");
        assert_eq!(family.expect(second, "heard").details, "b v1 late");
        family.expect(first, "exit");
        expect_idle(&mut family, first);
        assert!(!family.has_come(first, "thawed"));
        // And they go on from there.
        let third = upgrade(&mut family, second, way);
        assert_eq!(family.expect(third, "heard").details, "a v1 words");
    }
}

#[test]
fn nothing_is_frozen_before_the_successor_is_ready() {
    let mut family = frozen();
    let (first, address) = family.start_service();
    family.set_next("PREPARE", "manual");
    let second = family.succeed(first, Way::External);
    family.expect(second, "prepared");
    family.kill(second);
    family.expect_like(first, "log", "the handoff has failed");
    assert!(!family.has_come(first, "freezing") && !family.has_come(first, "thawed"));
    expect_next(&mut family, first, &address);
}

#[test]
fn a_successor_killed_after_it_was_ready_has_everything_thawed() {
    let mut family = frozen();
    let (first, address) = family.start_service();
    family.hold_next("successor.after.send-ready");
    let second = family.succeed(first, Way::External);
    family.expect(second, "held");
    family.expect_like(first, "froze", "a");
    family.kill(second);
    // `Commit` may have been sent by then or not.
    family.expect_where("the end of the handoff", |event| {
        let failed = ["the service was taken back", "the handoff has failed"];
        let told = |text: &&str| event.details.starts_with(text);
        event.pid == first && event.name == "log" && failed.iter().any(told)
    });
    expect_idle(&mut family, first);
    assert_eq!(family.take_all(first, "thawed").len(), 2);
    family.take_all(first, "froze");
    expect_next(&mut family, first, &address);
}

#[test]
fn a_successor_killed_with_the_token_has_everything_thawed() {
    let mut family = frozen();
    let (first, address) = family.start_service();
    family.hold_next("successor.after.lock");
    let second = family.succeed(first, Way::External);
    family.expect(second, "held");
    family.kill(second);
    family.expect_like(first, "log", "the service was taken back");
    expect_thawed_once(&mut family, first);
    expect_next(&mut family, first, &address);
}

#[test]
fn a_successor_that_is_frozen_has_everything_thawed() {
    let mut family = frozen();
    let (first, address) = family.start_service();
    family.hold_next("successor.after.send-ready");
    let second = family.succeed(first, Way::External);
    family.expect(second, "held");
    family.freeze(second);
    family.expect_like(first, "log", "the service was taken back");
    expect_thawed_once(&mut family, first);
    assert_eq!(ask(&address).unwrap(), (first, 1));
    family.thaw(second);
    family.expect_like(second, "failed", "ready NotOwner");
    expect_next(&mut family, first, &address);
}

#[test]
fn a_successor_that_gives_up_has_everything_thawed() {
    let mut family = frozen();
    family.set_next("FREEZE", "b:v1:text=late,slow:v1:hang");
    let (first, address) = family.start_service();
    let second = family.succeed(first, Way::External);
    family.expect_like(first, "freezing", "slow");
    family.tell(second, "stop");
    family.expect_like(second, "failed", "ready Aborted");
    family.expect_like(first, "log", "the handoff has failed");
    assert!(!family.has_come(first, "thawed"), "one was thawed while another is being frozen");
    family.tell(first, "let-go");
    expect_idle(&mut family, first);
    let thawed = family.take_all(first, "thawed");
    let thawed: Vec<_> = thawed.iter().map(|event| event.details.as_str()).collect();
    assert_eq!(thawed, ["b", "slow"]);
    assert_eq!(ask(&address).unwrap(), (first, 1));
}

#[test]
fn one_that_hangs_is_named_and_all_are_thawed_when_it_comes_back() {
    let mut family = frozen();
    family.set_next("FREEZE", "a:v1:text=words,slow:v1:hang,never:v1:text=x");
    let (first, address) = family.start_service();
    family.tell(first, "upgrade");
    let text = family.expect_like(first, "failed", "upgrade Aborted").details;
    assert!(
        text.contains(
            "last words slow in schema v1 hangs: it has not answered, all together may take 1500 ms"
        ),
        "{text}"
    );
    assert_eq!(ask(&address).unwrap(), (first, 1));
    assert!(!family.has_come(first, "thawed"));
    family.tell(first, "upgrade");
    let text = family.expect_like(first, "failed", "upgrade Aborted").details;
    assert!(text.contains("last words slow in schema v1 still hangs"), "{text}");
    family.tell(first, "let-go");
    expect_idle(&mut family, first);
    let thawed = family.take_all(first, "thawed");
    let thawed: Vec<_> = thawed.iter().map(|event| event.details.as_str()).collect();
    assert_eq!(thawed, ["a", "slow", "never"]);
    let second = upgrade(&mut family, first, Way::External);
    assert_eq!(family.expect(second, "heard").details, "a v1 words");
}

#[test]
fn one_that_hangs_when_it_is_thawed_fails_the_next_handoff_by_name_until_it_comes_back() {
    let mut family = frozen();
    family.set_next("FREEZE", "slow:v1:stuck,bad:v1:fail");
    let (first, address) = family.start_service();
    family.tell(first, "upgrade");
    family.expect_like(first, "failed", "upgrade Aborted");
    family.expect(first, "sticking");
    // The first of them waits for it, the second knows.
    for _ in 0..2 {
        family.tell(first, "upgrade");
        let failed = family.expect_like(first, "failed", "upgrade Aborted").details;
        assert!(failed.contains("last words slow in schema v1 still hangs"), "{failed}");
        assert_eq!(ask(&address).unwrap(), (first, 1));
    }
    family.tell(first, "withdraw bad v1");
    family.expect(first, "withdrawn");
    family.tell(first, "let-go");
    expect_idle(&mut family, first);
    assert_eq!(family.take_all(first, "thawed").len(), 1);
    family.set_next("HEAR", "slow:v1");
    let second = upgrade(&mut family, first, Way::External);
    assert_eq!(family.expect(second, "heard").details, "slow v1 ");
}

#[test]
fn one_that_fails_or_panics_is_named_and_what_was_frozen_before_it_is_thawed() {
    for (what, expected) in
        [("fail", "the disk is on fire"), ("panic", "it panicked: as it was told")]
    {
        let mut family = frozen();
        // A panic may take its time to tell where it was.
        family.set("COMMIT_MS", "3000");
        family.set_next("FREEZE", &format!("b:v1:text=late,bad:v1:{what},a:v1:text=words"));
        let (first, address) = family.start_service();
        family.tell(first, "upgrade");
        let text = family.expect_like(first, "failed", "upgrade Aborted").details;
        assert!(text.contains(&format!("last words bad in schema v1: {expected}")), "{text}");
        expect_idle(&mut family, first);
        let thawed = family.take_all(first, "thawed");
        let thawed: Vec<_> = thawed.iter().map(|event| event.details.as_str()).collect();
        assert_eq!(thawed, ["b"]);
        let froze = family.take_all(first, "froze");
        assert_eq!(froze.len(), 1, "what comes behind the one that fails was frozen");
        assert_eq!(ask(&address).unwrap(), (first, 1));
        family.tell(first, "withdraw bad v1");
        family.expect(first, "withdrawn");
        expect_next(&mut family, first, &address);
    }
}

#[test]
fn more_last_words_than_commit_holds_fail_the_handoff_and_name_the_longest() {
    let mut family = frozen();
    family.set_next("FREEZE", "long:v1:size=49000,short:v1:size=200");
    let (first, address) = family.start_service();
    family.tell(first, "upgrade");
    let text = family.expect_like(first, "failed", "upgrade Aborted").details;
    assert!(text.contains("last words long in schema v1: 49000 bytes"), "{text}");
    assert!(text.contains("at most 49152 are allowed"), "{text}");
    expect_idle(&mut family, first);
    assert_eq!(family.take_all(first, "thawed").len(), 2);
    assert_eq!(ask(&address).unwrap(), (first, 1));
}

#[test]
fn a_predecessor_frozen_while_it_commits_thaws_what_it_froze() {
    let mut family = frozen();
    let (first, address) = family.start_service();
    family.hold(first, "predecessor.before.send-commit");
    let second = family.succeed(first, Way::External);
    family.expect_like(first, "held", "predecessor.before.send-commit");
    family.signal(first, Signal::SIGSTOP);
    family.expect_like(second, "failed", "ready NotOwner");
    family.expect_end(second);
    family.thaw(first);
    family.expect_like(first, "log", "the handoff has failed");
    expect_thawed_once(&mut family, first);
    expect_next(&mut family, first, &address);
}
