//! An owner begins no handoff of its own while its predecessor may yet take the service back, whoever of
//! them is the stranger.

use heirloom_proto::Phase;
use nix::sys::signal::Signal;

use crate::stage::Stage;
use crate::stranger::Stranger;
use crate::support::control::status;
use crate::support::{Way, at_once, both_ways, wait_until};

/// Here a predecessor has let the token go and has not read `Owned`.
const RELEASED: &str = "predecessor.after.send-released";

/// A stranger that misbehaves in a way, the real process that succeeds it, and where that serves.
fn succeed_stranger(stage: &mut Stage, misbehaviour: &str, way: Way) -> (Stranger, u32, String) {
    stage.set("MODE", "blocking");
    let mut first = stage.start_stranger(&["--misbehave", misbehaviour]);
    first.expect("serving");
    let second = stage.succeed_by_real(&mut first, way);
    let service = stage.expect_bound(second).0;
    assert_eq!(stage.expect(second, "ready").generation, 2);
    (first, second, service)
}

/// A stranger that has succeeded a real process, which is held before it reads that.
fn succeed_held(stage: &mut Stage, way: Way) -> (u32, Stranger) {
    let (first, ..) = stage.start_real();
    stage.hold(first, RELEASED);
    let mut second = stage.succeed_by_stranger(first, way, &[]);
    stage.expect_like(first, "held", RELEASED);
    assert_eq!(second.expect("owned")["generation"], 2);
    (first, second)
}

/// The owner has read a `Hello` and has not answered it.
fn expect_greeting(stage: &Stage) {
    let is = || status(stage.setting("HANDOFF")).unwrap().phase == Phase::Greeting;
    wait_until(is, || "nobody is kept waiting".into());
}

/// The real process has handed over to the stranger, by everything that tells.
fn expect_handed_over(stage: &mut Stage, second: u32, third: &mut Stranger) {
    assert_eq!(third.expect("owned")["generation"], 3);
    assert_eq!(third.expect("draining")["generation"], 2);
    stage.expect_end(second);
    stage.expect_told_owner(third.pid, 3);
}

both_ways! {
    fn successor_is_refused_while_the_stranger_before_does_not_say_that_it_drains(way: Way) {
        at_once(&["draining", "drained", "end"], |last_word| {
            eprintln!("{last_word}");
            let mut stage = Stage::new();
            let (mut first, second, service) = succeed_stranger(&mut stage, "withholds-draining", way);
            first.expect("handed-over");
            let mut third = stage.succeed_by_stranger(second, way, &[]);
            assert_eq!(third.expect("refused")["reason"], "busy");
            stage.expect_end(third.pid);
            if way == Way::Spawned {
                stage.expect_like(second, "failed", "upgrade ");
            }
            stage.expect_owner(second, 2, &service);
            first.order(last_word);
            let mut fourth = stage.succeed_by_stranger(second, way, &[]);
            expect_handed_over(&mut stage, second, &mut fourth);
        });
    }

    fn successor_is_kept_waiting_until_the_stranger_before_says_that_it_drains(way: Way) {
        at_once(&["draining", "drained", "end"], |last_word| {
            eprintln!("{last_word}");
            let mut stage = Stage::new();
            let (mut first, second, _) = succeed_stranger(&mut stage, "withholds-draining", way);
            first.expect("handed-over");
            let mut third = stage.succeed_by_stranger(second, way, &[]);
            expect_greeting(&stage);
            first.order(last_word);
            expect_handed_over(&mut stage, second, &mut third);
        });
    }

    fn stranger_that_has_not_heard_of_a_dead_owner_takes_the_service_back(way: Way) {
        let mut stage = Stage::new();
        let kind = "freezes-after-released";
        let (mut first, second, _) = succeed_stranger(&mut stage, kind, way);
        let mut third = stage.succeed_by_stranger(second, way, &[]);
        expect_greeting(&stage);
        stage.kill(second);
        stage.signal(first.pid, Signal::SIGCONT);
        first.expect("taken-back");
        // The owner's end has closed its connection, so it asks the next.
        assert_eq!(third.expect("owned")["generation"], 2);
        stage.expect_told_owner(third.pid, 2);
    }

    fn stranger_keeps_a_successor_waiting_until_the_real_process_before_drains(way: Way) {
        let mut stage = Stage::new();
        let (first, mut second) = succeed_held(&mut stage, way);
        let third = stage.succeed_by_real(&mut second, way);
        second.expect("keeps-waiting");
        stage.tell(first, "resume");
        let heard = second.expect_one_of(&["draining", "retired", "passed"]);
        assert_eq!((&heard["event"], &heard["generation"]), (&"draining".into(), &1.into()));
        assert_eq!(stage.expect(third, "ready").generation, 3);
        second.expect("handed-over");
    }

    fn stranger_keeps_a_successor_waiting_until_the_real_process_before_is_dead(way: Way) {
        let mut stage = Stage::new();
        let (first, mut second) = succeed_held(&mut stage, way);
        let third = stage.succeed_by_real(&mut second, way);
        second.expect("keeps-waiting");
        stage.kill(first);
        let heard = second.expect_one_of(&["draining", "retired", "passed"]);
        assert_eq!((&heard["event"], &heard["generation"]), (&"retired".into(), &1.into()));
        assert_eq!(stage.expect(third, "ready").generation, 3);
        second.expect("handed-over");
    }

    fn stranger_refuses_a_successor_while_the_real_process_before_is_silent(way: Way) {
        let mut stage = Stage::new();
        let (first, mut second) = succeed_held(&mut stage, way);
        let third = stage.succeed_by_real(&mut second, way);
        assert_eq!(second.expect("refusing")["reason"], "busy");
        stage.expect_like(third, "failed", "start Busy ");
        stage.expect_end(third);
        second.expect("handoff-failed");
        stage.expect_told_owner(second.pid, 2);
        stage.tell(first, "resume");
        let fourth = stage.succeed_by_real(&mut second, way);
        assert_eq!(stage.expect(fourth, "ready").generation, 3);
        second.expect("handed-over");
    }

    fn real_process_that_has_not_heard_of_a_dead_owner_takes_the_service_back(way: Way) {
        let mut stage = Stage::new();
        let (first, mut second) = succeed_held(&mut stage, way);
        let third = stage.succeed_by_real(&mut second, way);
        second.expect("keeps-waiting");
        second.order("end");
        stage.expect_end(second.pid);
        stage.tell(first, "resume");
        stage.expect_like(first, "log", "the service was taken back from a successor");
        assert_eq!(stage.expect(third, "ready").generation, 2);
        let service = stage.expect_bound(third).0;
        stage.expect_end(first);
        stage.expect_owner(third, 2, &service);
    }

    fn stranger_hears_that_a_real_process_drains_before_it_retires(way: Way) {
        let mut stage = Stage::new();
        stage.set_next("DRAIN", "manual");
        let (first, ..) = stage.start_real();
        let mut second = stage.succeed_by_stranger(first, way, &[]);
        let heard = second.expect_one_of(&["draining", "retired"]);
        assert_eq!((&heard["event"], &heard["generation"]), (&"draining".into(), &1.into()));
        stage.expect(first, "exit");
        stage.tell(first, "drain");
        assert_eq!(second.expect("retired")["generation"], 1);
        stage.expect_only(&[second.pid]);
    }
}
