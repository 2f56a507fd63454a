//! Strangers that are newer than this crate: what may be skipped is skipped, what must not be ends
//! the handoff and nothing else.

use crate::stage::Stage;
use crate::support::{Way, at_once, both_ways};

both_ways! {
    fn newer_successor_that_speaks_the_old_version_too_takes_over(way: Way) {
        at_once(&["versions-1-to-9", "longer-hello", "unknown-skippable"], |kind| {
            eprintln!("{kind}");
            let mut stage = Stage::new();
            let (first, ..) = stage.start_real();
            let mut second = stage.succeed_by_stranger(first, way, &["--misbehave", kind]);
            assert_eq!(second.expect("owned")["generation"], 2);
            stage.expect_end(first);
            stage.expect_told_owner(second.pid, 2);
        });
    }

    fn newer_predecessor_that_speaks_the_old_version_too_is_succeeded(way: Way) {
        at_once(&["longer-welcome", "unknown-skippable"], |kind| {
            eprintln!("{kind}");
            let mut stage = Stage::new();
            stage.set("MODE", "blocking").set("TAKEOVER", "require");
            let mut first = stage.start_stranger(&["--misbehave", kind]);
            first.expect("serving");
            let second = stage.succeed_by_real(&mut first, way);
            assert_eq!(stage.expect(second, "ready").generation, 2);
            first.expect("handed-over");
            let service = stage.expect_bound(second).0;
            stage.expect_owner(second, 2, &service);
        });
    }

    fn successor_that_is_too_new_is_refused_with_the_numbers(way: Way) {
        let mut stage = Stage::new();
        let (first, service, _) = stage.start_real();
        let mut second = stage.succeed_by_stranger(first, way, &["--misbehave", "version-9"]);
        let refused = second.expect("refused");
        let text = refused["text"].as_str().unwrap();
        assert!(text.contains("speaks version 1, the successor 9 to 12"), "{refused}");
        stage.expect_end(second.pid);
        if way == Way::Spawned {
            stage.expect_like(first, "failed", "upgrade ");
        }
        stage.expect_owner(first, 1, &service);
    }

    fn predecessor_that_is_too_new_is_named_with_the_numbers_and_serves_on(way: Way) {
        let mut stage = Stage::new();
        stage.set("MODE", "blocking").set("TAKEOVER", "require");
        let mut first = stage.start_stranger(&["--misbehave", "version-9"]);
        first.expect("serving");
        let second = stage.succeed_by_real(&mut first, way);
        let failed = stage.expect_like(second, "failed", "start Incompatible");
        assert!(failed.details.contains("version 9, this process 1 to 1"), "{failed}");
        stage.expect_end(second);
        first.expect("handoff-failed");
        stage.expect_told_owner(first.pid, 1);
    }

    fn predecessor_that_says_what_must_be_understood_and_is_not_is_given_up(way: Way) {
        let mut stage = Stage::new();
        stage.set("MODE", "blocking").set("TAKEOVER", "require");
        let mut first = stage.start_stranger(&["--misbehave", "unknown-must"]);
        first.expect("serving");
        let second = stage.succeed_by_real(&mut first, way);
        let failed = stage.expect_like(second, "failed", "start Protocol");
        assert!(failed.details.contains("is unknown and must not be skipped"), "{failed}");
        stage.expect_end(second);
        first.expect("handoff-failed");
        stage.expect_told_owner(first.pid, 1);
    }
}

#[test]
fn upgrade_whose_successor_is_too_new_tells_so() {
    let mut stage = Stage::new();
    let (first, ..) = stage.start_real();
    let _second = stage.succeed_by_stranger(first, Way::Spawned, &["--misbehave", "version-9"]);
    let failed = stage.expect_like(first, "failed", "upgrade Incompatible ");
    assert!(failed.details.contains("9 to 12"), "{failed}");
}
