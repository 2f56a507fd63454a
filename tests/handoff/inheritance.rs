//! A process inherits what it is handed, and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use heirloom_proto::Message;

use crate::support::control::Tool;
use crate::support::{Family, Way, wait_until};

/// What a process holds open above its standard streams, by what the kernel calls it.
fn held(pid: u32) -> BTreeMap<String, usize> {
    let mut held = BTreeMap::new();
    for entry in fs::read_dir(format!("/proc/{pid}/fd")).unwrap() {
        let entry = entry.unwrap();
        let number: u32 = entry.file_name().to_str().unwrap().parse().unwrap();
        let Ok(target) = fs::read_link(entry.path()) else {
            continue; // closed since
        };
        let target = target.to_str().unwrap();
        let kind = match target.split_once(':') {
            Some(("anon_inode", kind)) => kind,
            Some((kind @ ("socket" | "pipe"), _)) => kind,
            _ => target,
        };
        if number > 2 {
            *held.entry(kind.to_owned()).or_default() += 1;
        }
    }
    held
}

#[test]
fn spawned_successor_begins_with_its_standard_streams_only() {
    let mut family = Family::new();
    let (first, _) = family.set("CARELESS", "yes").start_service();
    assert!(held(first).contains_key("/dev/null"), "{:?}", held(first));
    let second = family.succeed(first, Way::Spawned);
    family.expect(second, "ready");
    assert_eq!(family.expect(second, "inherits").details, "0 1 2");
}

#[test]
fn spawned_successor_gets_the_environment_and_two_variables_more() {
    let environment = |pid: u32| {
        let text = fs::read_to_string(format!("/proc/{pid}/environ")).unwrap();
        let variables = text.split_terminator('\0').map(String::from);
        variables.collect::<BTreeSet<_>>()
    };
    let mut family = Family::new();
    let (first, _) = family.start_service();
    let before = environment(first);
    let second = family.succeed(first, Way::Spawned);
    family.expect(second, "ready");
    let after = environment(second);
    assert!(before.is_subset(&after));
    let more = after.difference(&before).map(|variable| variable.split_once('=').unwrap().0);
    assert_eq!(more.collect::<Vec<_>>(), ["HEIRLOOM_SECRET", "HEIRLOOM_SOCKET"]);
}

/// Lets a successor take over, and tells it and what it holds once its predecessor has ended.
fn succeed(family: &mut Family, owner: u32) -> (u32, BTreeMap<String, usize>) {
    let successor = family.succeed(owner, Way::Spawned);
    family.expect(successor, "ready");
    family.expect_like(successor, "log", "an older generation has retired");
    family.expect_end(owner);
    family.tell(successor, "await 20000");
    family.expect(successor, "awaited");
    // Whatever its driver was at before it answers is over when it does.
    let mut tool = Tool::connect(family.setting("HANDOFF")).unwrap();
    tool.send(&Message::Status).unwrap();
    tool.receive().unwrap();
    (successor, held(successor))
}

#[test]
fn successor_holds_what_it_was_handed_and_what_the_library_needs() {
    let mut family = Family::new();
    let (first, _) = family.unset("PID_FILE").start_service();
    let (_, held) = succeed(&mut family, first);
    let expected = [
        ("/memfd:heirloom-token (deleted)", 1),
        // Mailbox, exit.
        ("[eventfd]", 2),
        // The test's tool.
        ("[pidfd]", 1),
        // The listener as registered, as claimed and as served; the control listener; the role's
        // orders; the test's tool.
        ("socket", 6),
    ];
    assert_eq!(held, expected.map(|(kind, count)| (kind.into(), count)).into());
}

#[test]
fn tenth_generation_holds_no_more_than_the_second() {
    let mut family = Family::new();
    let (first, _) = family.start_service();
    let (mut owner, second) = succeed(&mut family, first);
    for generation in 3..=10 {
        let (successor, held) = succeed(&mut family, owner);
        assert_eq!(held, second, "generation {generation}");
        owner = successor;
    }
}

#[test]
fn predecessor_that_drains_holds_what_the_application_holds_and_its_word_to_the_successor() {
    let mut family = Family::new();
    let (first, _) = family.start_service();
    family.set_next("DRAIN", "manual").set_next("PID_FILE", "");
    // One that was spawned holds nothing of whoever runs this test.
    let (second, _) = succeed(&mut family, first);
    let third = family.succeed(second, Way::Spawned);
    family.expect(third, "ready");
    family.expect(second, "exit");
    family.tell(second, "upgrade");
    // Its driver has let go before it answers.
    family.expect_like(second, "failed", "upgrade AlreadyUpgraded ");
    let expected = [
        // Mailbox, exit.
        ("[eventfd]", 2),
        // The child, and the peer.
        ("[pidfd]", 2),
        // The listener as bound, the role's orders, the connection to the successor.
        ("socket", 3),
    ];
    let expected = expected.map(|(kind, count)| (kind.into(), count)).into();
    // The thread that has served closes its own copy of the listener when its turn comes.
    wait_until(|| held(second) == expected, || format!("{:?}", held(second)));
}
