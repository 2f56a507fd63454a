//! Whoever is killed or silent, somebody goes on, whichever side is the stranger.

use crate::stage::{MANY, Stage, connect_and_say, expect_same};
use crate::support::{Way, ask, both_ways};

/// What the library logs when the token was let go and taken back.
const TAKEN_BACK: &str = "the service was taken back from a successor";

/// A stranger ends at a step of its handoff: the real process goes on with what it has got.
fn adopts_from(misbehaviour: &str, way: Way) {
    let mut stage = Stage::with_many();
    stage.set("MODE", "blocking").set("TAKEOVER", "require");
    let mut first = stage.start_stranger(&["--misbehave", misbehaviour]);
    let serving = first.expect("serving");
    let service = serving["listeners"]["service"].as_str().unwrap().to_owned();
    let waiting = connect_and_say(&service, "who\n");
    let second = stage.succeed_by_real(&mut first, way);
    assert_eq!(stage.expect_bound(second).0, service);
    assert_eq!(stage.expect(second, "ready").generation, 2);
    stage.expect_end(first.pid);
    let answer = crate::support::clients::read_answer(waiting).unwrap();
    assert_eq!(answer, (second, 2), "who waited is answered");
    stage.expect_owner(second, 2, &service);
    assert_eq!(stage.list(second).len(), MANY + 4);
    stage.expect_only(&[second]);
}

both_ways! {
    fn real_process_goes_on_for_a_stranger_that_ends_when_it_has_passed_everything(way: Way) {
        adopts_from("exit-after-manifest", way);
    }

    fn real_process_goes_on_for_a_stranger_that_ends_when_it_has_committed(way: Way) {
        adopts_from("exit-after-commit", way);
    }

    fn stranger_goes_on_for_a_real_process_that_is_killed_before_it_was_ready(way: Way) {
        let mut stage = Stage::new();
        let (first, service, _) = stage.start_real();
        let mut second = stage.succeed_by_stranger(first, way, &["--hold"]);
        second.expect("inherited");
        stage.kill(first);
        let owned = second.expect("owned");
        assert_eq!((&owned["generation"], &owned["adopted"]), (&2.into(), &true.into()));
        let early = stage.succeed_by_real(&mut second, Way::External);
        let failed = stage.expect_like(early, "failed", "start ");
        assert!(failed.details.contains("not ready"), "{failed}");
        assert_eq!(second.expect("refusing")["reason"], "not ready");
        stage.expect_end(early);
        second.order("ready");
        second.expect("serving");
        stage.expect_told_owner(second.pid, 2);
        let new = connect_and_say(&service, "who\n");
        second.order("serve service");
        assert_eq!(crate::stage::read_line(new), "stranger 2");
        let third = stage.succeed_by_real(&mut second, way);
        assert_eq!(stage.expect(third, "ready").generation, 3);
    }

    fn stranger_goes_on_for_a_real_process_that_is_killed_while_the_token_moves(way: Way) {
        let steps = [
            "predecessor.after.receive-ready",
            "predecessor.after.send-commit",
            "predecessor.after.unlock",
            "predecessor.after.send-released",
        ];
        crate::support::at_once(&steps, |step| {
            eprintln!("{step}");
            let mut stage = Stage::new();
            let (first, ..) = stage.start_real();
            stage.hold(first, step);
            let mut second = stage.succeed_by_stranger(first, way, &[]);
            stage.expect_like(first, "held", step);
            stage.kill(first);
            assert_eq!(second.expect("owned")["generation"], 2);
            stage.expect_told_owner(second.pid, 2);
        });
    }

    fn real_process_ends_a_stranger_that_keeps_the_token_in_silence_and_takes_it_back(way: Way) {
        let mut stage = Stage::new();
        stage.set("COMMIT_MS", "300");
        let (first, service, _) = stage.start_real();
        let list = stage.list(first);
        let second = stage.succeed_by_stranger(first, way, &["--misbehave", "silent-owner"]);
        stage.expect_like(first, "log", TAKEN_BACK);
        stage.expect_end(second.pid);
        stage.expect_owner(first, 1, &service);
        if way == Way::Spawned {
            stage.expect_like(first, "failed", "upgrade ");
        }
        expect_same(&stage.list(first), &list);
        let mut third = stage.succeed_by_stranger(first, way, &[]);
        assert_eq!(third.expect("owned")["generation"], 2);
        stage.expect_end(first);
        stage.expect_told_owner(third.pid, 2);
    }

    fn stranger_goes_on_when_a_real_successor_is_killed(way: Way) {
        let steps = [
            "successor.after.send-received",
            "successor.after.send-ready",
            "successor.before.lock",
            "successor.after.lock",
            "successor.before.send-owned",
        ];
        crate::support::at_once(&steps, |step| {
            eprintln!("{step}");
            let mut stage = Stage::new();
            stage.set("MODE", "blocking").hold_next(step);
            let mut first = stage.start_stranger(&[]);
            first.expect("serving");
            let second = stage.succeed_by_real(&mut first, way);
            stage.expect_like(second, "held", step);
            stage.kill(second);
            first.expect_one_of(&["handoff-failed", "taken-back"]);
            stage.expect_told_owner(first.pid, 1);
            let third = stage.succeed_by_real(&mut first, way);
            stage.expect(third, "ready");
            first.expect("handed-over");
            let service = ask(&stage.expect_bound(third).0).unwrap();
            assert_eq!(service, (third, 2));
        });
    }
}
