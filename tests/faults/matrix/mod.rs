//! Every point of a handoff x every fault x either process x either way: who owns the service then,
//! and what its clients got.

mod case;
mod gave_up;
mod outcome;
mod results;
mod scenario;
mod verdict;

use std::collections::BTreeSet;
use std::panic::{self, AssertUnwindSafe};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use heirloom_proto::Message;

use crate::support::control::Tool;
use crate::support::{Family, Way, process};
use case::Case;
use outcome::Row;
use scenario::Scenario;
use verdict::{HEAD, Verdict};

/// Most cases at once: they mostly wait.
const AT_ONCE: usize = 10;

/// How often a case is run at most: noise alone may make one late, and not three times in a row.
const TRIES: usize = 3;

/// With this in the environment only the cases that it names are run.
const PART: &str = "HEIRLOOM_MATRIX";

/// Most cases at once of those that are run again, so that it is quieter.
const AGAIN_AT_ONCE: usize = 3;

#[test]
fn whatever_befalls_whom_wherever_the_service_goes_on() {
    let rows = outcome::rows();
    expect_complete(&rows);
    let all: Vec<Case> = rows.iter().flat_map(Row::cases).collect();
    let said = format!("after each of {} faults", all.len());
    assert!(include_str!("../../../README.md").contains(&said), "the README does not say: {said}");
    let cases: Vec<Case> = all.into_iter().filter(is_wanted).collect();
    let begun = Instant::now();
    let verdicts = run_patiently(&cases);
    let seconds = begun.elapsed().as_secs();
    println!("{} cases in {seconds} s\n{HEAD}", cases.len());
    // Every one is shown.
    let bad =
        cases.iter().zip(&verdicts).filter(|(case, verdict)| !is_good(case, verdict.as_ref()));
    assert_eq!(bad.count(), 0, "the cases that are bad or have failed stand above");
    results::write(&verdicts.into_iter().flatten().collect::<Vec<_>>(), seconds);
}

/// Shows what came of a case. Tells whether it is as it must be.
fn is_good(case: &Case, verdict: Option<&Verdict>) -> bool {
    let Some(verdict) = verdict else {
        println!("{case:?} FAILED");
        return false;
    };
    println!("{verdict}{}", if verdict.is_good() { "" } else { " BAD" });
    verdict.is_good()
}

/// All of them, unless the environment asks for a part: for working on it.
fn is_wanted(case: &Case) -> bool {
    let Ok(wanted) = std::env::var(PART) else {
        return true;
    };
    format!("{case:?}").contains(&wanted)
}

/// Runs every case, and those again in which somebody was served and only too late. Nothing comes of one
/// that has failed.
fn run_patiently(cases: &[Case]) -> Vec<Option<Verdict>> {
    let (spawned, external) = (undisturbed(Way::Spawned), undisturbed(Way::External));
    let run = |case: &Case| {
        let descriptors = if case.way == Way::Spawned { spawned } else { external };
        Verdict::new(case.clone(), &case.run(descriptors))
    };
    let mut verdicts = run_all(cases, AT_ONCE, run);
    for _ in 1..TRIES {
        let is_late = |index: &usize| verdicts[*index].as_ref().is_some_and(Verdict::is_late_only);
        let late: Vec<usize> = (0..cases.len()).filter(is_late).collect();
        let again: Vec<Case> = late.iter().map(|index| cases[*index].clone()).collect();
        for (index, verdict) in late.into_iter().zip(run_all(&again, AGAIN_AT_ONCE, run)) {
            verdicts[index] = verdict;
        }
    }
    verdicts
}

fn run_all<T: Send + Sync>(
    cases: &[Case],
    at_once: usize,
    run: impl Fn(&Case) -> T + Sync,
) -> Vec<Option<T>> {
    let done: Vec<OnceLock<T>> = cases.iter().map(|_| OnceLock::new()).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        let indices = std::iter::repeat_with(|| next.fetch_add(1, Ordering::Relaxed));
        for index in indices.take_while(|index| *index < cases.len()) {
            let case = &cases[index];
            match panic::catch_unwind(AssertUnwindSafe(|| run(case))) {
                Ok(verdict) => drop(done[index].set(verdict)),
                Err(_) => eprintln!("in {case:?}"),
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(work);
        }
    });
    done.into_iter().map(OnceLock::into_inner).collect()
}

/// The points in the tables are those that the scenarios come to when nothing befalls them.
fn expect_complete(rows: &[Row]) {
    let courses =
        Scenario::ALL.into_iter().flat_map(|it| it.ways().iter().map(move |way| (it, *way)));
    thread::scope(|scope| {
        for (scenario, way) in courses {
            let of = |row: &&Row| row.scenario == scenario;
            let listed: BTreeSet<_> =
                rows.iter().filter(of).map(|row| (row.victim, row.point.clone())).collect();
            scope.spawn(move || {
                let recorded = scenario.record(way, &listed);
                assert_eq!(listed, recorded, "the points of {scenario:?} in docs/faults.md");
            });
        }
    });
}

/// How many descriptors a successor has open that owns the service.
fn undisturbed(way: Way) -> usize {
    let mut family = Family::new();
    let (first, _) = family.start_service();
    let alone = process::own_descriptors(first);
    let of_a_tool = beside_a_tool(&family, first) - alone;
    let second = family.succeed(first, way);
    family.expect(second, "ready");
    family.expect_end(first);
    beside_a_tool(&family, second) - of_a_tool
}

/// How many an owner has open that has handled whatever was closed before: it has answered a tool since,
/// and looked for everything that has happened in between.
fn beside_a_tool(family: &Family, owner: u32) -> usize {
    let mut tool = Tool::connect(family.setting("HANDOFF")).unwrap();
    for _ in 0..2 {
        tool.send(&Message::Status).unwrap();
        tool.receive().unwrap();
    }
    process::own_descriptors(owner)
}
