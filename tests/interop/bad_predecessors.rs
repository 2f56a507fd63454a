//! Strangers that misbehave as predecessors: a real successor tells what was wrong and takes nothing
//! over that it must not.

use serde_json::Value;

use crate::stage::{Stage, connect_and_say, read_line};
use crate::stranger::Stranger;
use crate::support::{Way, both_ways};

/// A predecessor that misbehaves, and what a successor says of it: `start` or `ready`, kind, text.
type Case = (&'static str, &'static str, &'static str);

/// A stranger that serves and will misbehave, and where it serves.
fn start(stage: &mut Stage, kind: &str) -> (Stranger, Value) {
    stage.set("MODE", "blocking").set("TAKEOVER", "require").set("MANY", "600");
    let mut first = stage.start_stranger(&["--commit-ms", "300", "--misbehave", kind]);
    let serving = first.expect("serving");
    (first, serving)
}

/// The stranger still serves.
fn expect_serves(first: &mut Stranger, serving: &Value) {
    let client = connect_and_say(serving["listeners"]["service"].as_str().unwrap(), "who\n");
    first.order("serve service");
    assert_eq!(read_line(client), "stranger 1");
}

/// Each is met by a real process, which ends and leaves the service where it is.
fn refuse(way: Way, cases: &[Case]) {
    crate::support::at_once(cases, |(kind, error, fault)| {
        eprintln!("{kind}");
        let mut stage = Stage::new();
        let (mut first, serving) = start(&mut stage, kind);
        let second = stage.succeed_by_real(&mut first, way);
        let failed = stage.expect_like(second, "failed", error);
        assert!(failed.details.contains(fault), "{kind}: {failed}");
        stage.expect_end(second);
        first.expect_one_of(&["handoff-failed", "taken-back"]);
        stage.expect_told_owner(first.pid, 1);
        expect_serves(&mut first, &serving);
        stage.expect_only(&[first.pid]);
    });
}

both_ways! {
    fn stranger_that_hands_over_in_the_wrong_order_is_given_up(way: Way) {
        refuse(way, &[("manifest-first", "start Protocol ", "Manifest came while greeting")]);
    }

    fn stranger_that_counts_its_descriptors_wrongly_is_given_up(way: Way) {
        let count = "descriptors came with a message that calls for";
        refuse(way, &[
            ("one-less", "start Protocol ", count),
            ("one-more", "start Protocol ", count),
            ("wrong-total", "start Protocol ", "entries came, 605 were announced"),
        ]);
    }

    fn stranger_that_hands_over_something_else_than_it_says_is_given_up(way: Way) {
        refuse(way, &[("wrong-identity", "start Mismatch ", "was announced as")]);
    }

    fn stranger_that_closes_early_is_given_up(way: Way) {
        let fault = "closed the connection while";
        refuse(way, &[
            ("close-after-welcome", "start DiedMidway ", fault),
            ("close-after-manifest", "ready NotOwner ", "keeps the token"),
            ("close-after-ready", "ready NotOwner ", "keeps the token"),
        ]);
    }

    fn stranger_that_is_stopped_is_not_gone_on_for(way: Way) {
        let mut stage = Stage::new();
        let (mut first, _) = start(&mut stage, "stopping");
        let second = stage.succeed_by_real(&mut first, way);
        // It may hear of it while it starts.
        let failed = stage.expect(second, "failed");
        assert_eq!(failed.word(1), "Stopping", "{failed}");
        stage.expect_only(&[]);
    }

    fn stranger_that_lets_the_token_go_without_a_word_is_succeeded(way: Way) {
        let mut stage = Stage::new();
        let (mut first, _) = start(&mut stage, "released-first");
        let second = stage.succeed_by_real(&mut first, way);
        assert_eq!(stage.expect(second, "ready").generation, 2);
        first.expect("handed-over");
        let service = stage.expect_bound(second).0;
        stage.expect_owner(second, 2, &service);
    }
}
