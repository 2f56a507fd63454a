//! `heirloom watch`.

use super::command::Running;
use super::support::{Family, Way};

#[test]
fn watch_follows_the_service_from_owner_to_owner() {
    let mut family = Family::new();
    // None retires before the next owner is watched.
    family.set("DRAIN", "manual");
    let (mut owner, _) = family.start_service();
    let mut watch = Running::start(&family, &["watch", family.setting("HANDOFF"), "--json"]);
    let mut next = |text: &str| -> serde_json::Value {
        serde_json::from_str(&watch.expect_line(text)).unwrap()
    };
    assert_eq!(next("watching")["pid"], owner);
    for (generation, way) in [(2, Way::Spawned), (3, Way::External)] {
        family.set_next("PROGRESS", "half way");
        let successor = family.succeed(owner, way);
        assert_eq!(next("\"began\"")["pid"], successor);
        assert_eq!(next("half way")["event"], "progress");
        assert_eq!(next("\"ready\"")["pid"], successor);
        let owned = next("\"owned\"");
        assert_eq!((&owned["pid"], &owned["generation"]), (&successor.into(), &generation.into()));
        assert_eq!(next("watching")["generation"], generation);
        family.tell(owner, "drain");
        assert_eq!(next("\"retired\"")["generation"], generation - 1);
        owner = successor;
    }
    family.set_next("PREPARE", "exit");
    let failed = family.start();
    let told = next("\"failed\"");
    assert_eq!(
        (&told["pid"], &told["phase"]),
        (&failed.into(), &"waiting for the successor to become ready".into())
    );
    family.tell(owner, "stop");
    next("\"stopped\"");
    family.tell(owner, "drain");
    // Nobody is there any more.
    watch.expect_code(3);
}

#[test]
fn watch_sees_a_killed_owner_replaced() {
    let mut family = Family::new();
    let (first, _) = family.start_service();
    let mut watch = Running::start(&family, &["watch", family.setting("HANDOFF")]);
    watch.expect_line("generation 1");
    family.set_next("PREPARE", "manual");
    let second = family.start();
    watch.expect_line(&format!("to process {second}"));
    family.expect(second, "prepared");
    family.kill(first);
    family.tell(second, "ready");
    family.expect(second, "ready");
    watch.expect_line(&format!("generation 2, process {second}"));
}
