//! A stranger watches a real service, and what is open in a stranger that drains is told by real owners.

use heirloom_proto::DrainingGeneration;

use crate::stage::Stage;
use crate::stranger::Stranger;
use crate::support::control::status;
use crate::support::{Way, both_ways, wait_until};

/// The generations that drain, as the owner tells them.
fn draining(stage: &Stage) -> Vec<DrainingGeneration> {
    status(stage.setting("HANDOFF")).unwrap().draining
}

/// The only generation that drains has told that so much is open there.
fn expect_open(stage: &Stage, generation: u64, pid: u32, open: u64) {
    let expected = [DrainingGeneration { generation, pid, open: Some(open) }];
    wait_until(|| draining(stage) == expected, || format!("{:?}", draining(stage)));
}

/// A stranger that has handed over to a real process and drains.
fn succeed_stranger(stage: &mut Stage, way: Way) -> (Stranger, u32) {
    stage.set("MODE", "blocking");
    let mut first = stage.start_stranger(&[]);
    first.expect("serving");
    let second = stage.succeed_by_real(&mut first, way);
    stage.expect(second, "ready");
    first.expect("handed-over");
    (first, second)
}

both_ways! {
    fn stranger_that_watches_is_told_of_an_upgrade_step_by_step(way: Way) {
        let mut stage = Stage::new();
        let (first, ..) = stage.start_real();
        let mut watcher = stage.watch_by_stranger();
        let report = watcher.expect("report");
        assert_eq!((&report["pid"], &report["phase"]), (&first.into(), &"serving".into()));
        assert!(report["listed"].to_string().contains("service"), "{report}");
        let second = stage.succeed_by_stranger(first, way, &[]);
        let began = watcher.expect("began");
        assert_eq!((&began["pid"], &began["text"]), (&second.pid.into(), &"stranger".into()));
        assert_eq!(watcher.expect("ready")["number"], 0);
        let owned = watcher.expect("owned");
        assert_eq!((&owned["pid"], &owned["generation"]), (&second.pid.into(), &2.into()));
        watcher.expect("closed");
    }

    fn what_is_open_in_a_stranger_that_drains_is_known_to_two_real_owners(way: Way) {
        let mut stage = Stage::new();
        let (mut first, second) = succeed_stranger(&mut stage, way);
        assert_eq!(draining(&stage)[0].open, None);
        for open in [7, 0, 3] {
            first.order(&format!("open {open}"));
            expect_open(&stage, 1, first.pid, open);
        }
        let third = stage.succeed(second, Way::External);
        stage.expect(third, "ready");
        stage.expect_end(second);
        wait_until(|| draining(&stage).len() == 1, || "the second still drains".into());
        expect_open(&stage, 1, first.pid, 3);
        first.order("open 2");
        expect_open(&stage, 1, first.pid, 2);
    }
}

#[test]
fn stranger_that_watches_is_told_of_a_refusal_by_its_number() {
    let mut stage = Stage::new();
    stage.start_real();
    let mut watcher = stage.watch_by_stranger();
    watcher.expect("report");
    stage.set("SERVICE", "another");
    let second = stage.start();
    stage.expect_like(second, "failed", "start");
    let refused = watcher.expect("refused");
    assert_eq!(refused["number"], "another service");
    assert_eq!(refused["pid"], second);
}
