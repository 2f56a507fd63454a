//! Strangers that misbehave as successors: a real process tells what was wrong, keeps nothing of
//! them, and serves on.

use crate::stage::Stage;
use crate::support::{Clients, Way, both_ways};

/// A successor that misbehaves.
struct Case {
    kind: &'static str,
    /// What it tells in the end.
    hears: &'static [&'static str],
    /// What the owner says is wrong, in one word or another. Nothing if no handoff has even begun.
    faults: &'static [&'static str],
}

/// The kinds of error that a successor's misbehaviour makes of an upgrade.
const KINDS: [&str; 3] = ["Protocol", "SuccessorExited", "NotOwner"];

/// Lets each come to the same real process, while clients come all the time; then one that behaves.
fn endure(way: Way, cases: &[Case]) {
    let mut stage = Stage::new();
    stage.set("MANY", "600");
    let (first, service, _) = stage.start_real();
    let before = stage.count_descriptors(first);
    for case in cases {
        eprintln!("{}", case.kind);
        let clients = Clients::start(&service);
        endure_one(&mut stage, first, way, case);
        let tally = clients.stop();
        tally.expect_whole();
        assert_eq!(tally.answered.into_keys().collect::<Vec<_>>(), [1]);
        stage.expect_owner(first, 1, &service);
        stage.expect_descriptors(first, before);
        stage.expect_only(&[first]);
    }
    let mut last = stage.succeed_by_stranger(first, way, &[]);
    assert_eq!(last.expect("owned")["generation"], 2);
    stage.expect_end(first);
    stage.expect_told_owner(last.pid, 2);
}

fn endure_one(stage: &mut Stage, first: u32, way: Way, case: &Case) {
    let mut second = stage.succeed_by_stranger(first, way, &["--misbehave", case.kind]);
    let heard = second.expect_one_of(&["aborted", "closed", "refused", "went-on"]);
    let name = heard["event"].as_str().unwrap();
    assert!(case.hears.contains(&name), "{}: {heard}", case.kind);
    if name == "aborted" {
        let text = heard["text"].as_str().unwrap();
        assert!(case.names_fault(text), "{}: {text}", case.kind);
    }
    stage.expect_end(second.pid);
    if !case.faults.is_empty() {
        stage.expect_where(&format!("one of {:?} in the log", case.faults), |event| {
            let is = event.pid == first && event.name == "fields";
            is && event.details.contains("took_ms=") && case.names_fault(&event.details)
        });
    }
    if way == Way::Spawned {
        let failed = stage.expect_like(first, "failed", "upgrade ");
        assert!(KINDS.contains(&failed.word(1)), "{failed}");
        assert!(case.names_fault(&failed.details), "{failed}");
    }
}

impl Case {
    fn names_fault(&self, text: &str) -> bool {
        self.faults.is_empty() || self.faults.iter().any(|fault| text.contains(fault))
    }
}

both_ways! {
    fn stranger_that_speaks_in_the_wrong_order_is_told_so_and_the_service_goes_on(way: Way) {
        let aborted = &["aborted"];
        endure(way, &[
            Case { kind: "ready-first", hears: aborted, faults: &["Ready came while"] },
            Case { kind: "ready-early", hears: aborted, faults: &["Ready came while transferring"] },
        ]);
    }

    fn stranger_that_counts_wrongly_is_told_so_and_the_service_goes_on(way: Way) {
        let aborted = &["aborted"];
        endure(way, &[
            Case { kind: "received-too-many", hears: aborted, faults: &["entries were acknowledged"] },
            Case { kind: "received-again", hears: aborted, faults: &["entries were acknowledged"] },
        ]);
    }

    fn stranger_that_closes_early_leaves_the_service_where_it_is(way: Way) {
        let closed = &["closed"];
        // A process that ends with it may be seen to end first.
        let faults = &["closed the connection while", "process ended (exit status: 0) while"];
        endure(way, &[
            Case { kind: "close-after-hello", hears: closed, faults },
            Case { kind: "close-after-welcome", hears: closed, faults },
            Case { kind: "close-after-manifest", hears: closed, faults },
            Case { kind: "close-after-ready", hears: closed, faults },
        ]);
    }

    fn stranger_that_sends_what_nobody_may_is_not_listened_to_and_the_service_goes_on(way: Way) {
        let ended = &["aborted", "closed"];
        endure(way, &[
            Case { kind: "descriptors", hears: ended, faults: &[] },
            Case { kind: "unknown-must", hears: ended, faults: &["is unknown and must not be skipped"] },
        ]);
    }
}

both_ways! {
    fn stranger_that_says_it_owns_before_it_may_is_not_believed(way: Way) {
        let faults = &["Owned"];
        let case = Case { kind: "owned-first", hears: &["aborted"], faults };
        endure(way, &[case]);
    }
}
