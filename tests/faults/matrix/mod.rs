//! Every point of a handoff x every fault x either process x either way: who owns the service then,
//! and what its clients got.

mod case;
mod outcome;
mod scenario;
mod verdict;

use std::collections::BTreeSet;
use std::panic::{self, AssertUnwindSafe};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use crate::expect_next_try_succeeds;
use crate::support::open_loop::OpenLoop;
use crate::support::{Family, Way, process};
use case::{Case, Course};
use outcome::Row;
use scenario::Scenario;
use verdict::{Calm, HEAD, Verdict};

/// Most cases at once: they mostly wait.
const AT_ONCE: usize = 10;

#[test]
fn whatever_befalls_whom_wherever_the_service_goes_on() {
    let rows = outcome::rows();
    expect_complete(&rows);
    let (spawned, external) = (undisturbed(Way::Spawned), undisturbed(Way::External));
    let cases: Vec<Case> = rows.iter().flat_map(Row::cases).filter(is_wanted).collect();
    let mut undisturbed = Family::new();
    let (_, address) = undisturbed.start_service();
    let (begun, clients) = (Instant::now(), OpenLoop::start(&address));
    let courses = run_all(&cases, |case| match case.way {
        Way::Spawned => case.run(spawned),
        Way::External => case.run(external),
    });
    println!("{} cases in {} s", cases.len(), begun.elapsed().as_secs());
    let calm = Calm::new(begun, &clients.stop());
    println!("{HEAD}");
    let judged = cases.into_iter().zip(courses).map(|(case, course)| judge(case, course, &calm));
    // Every one is shown.
    let bad = judged.filter(|good| !good).count();
    assert_eq!(bad, 0, "the cases that are bad or have failed stand above");
}

/// Shows what the clients of a case got. Tells whether they may have.
fn judge(case: Case, course: Option<Course>, calm: &Calm) -> bool {
    let Some(course) = course else {
        println!("{case:?} FAILED");
        return false;
    };
    let verdict = Verdict::new(case, &course, calm);
    println!("{verdict}{}", if verdict.is_good() { "" } else { " BAD" });
    verdict.is_good()
}

/// All of them, unless the environment asks for a part: for working on it.
fn is_wanted(case: &Case) -> bool {
    let Ok(wanted) = std::env::var("HEIRLOOM_MATRIX") else {
        return true;
    };
    format!("{case:?}").contains(&wanted)
}

/// Every case's course, unless it failed.
fn run_all(cases: &[Case], run: impl Fn(&Case) -> Course + Sync) -> Vec<Option<Course>> {
    let courses: Vec<OnceLock<Course>> = cases.iter().map(|_| OnceLock::new()).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        let indices = std::iter::repeat_with(|| next.fetch_add(1, Ordering::Relaxed));
        for index in indices.take_while(|index| *index < cases.len()) {
            let case = &cases[index];
            match panic::catch_unwind(AssertUnwindSafe(|| run(case))) {
                Ok(course) => drop(courses[index].set(course)),
                Err(_) => eprintln!("in {case:?}"),
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(work);
        }
    });
    courses.into_iter().map(OnceLock::into_inner).collect()
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

/// How many descriptors a successor has open that owns the service, without a client.
fn undisturbed(way: Way) -> usize {
    let mut family = Family::new();
    let (first, address) = family.start_service();
    let second = expect_next_try_succeeds(&mut family, first, &address, way);
    family.expect_like(second, "log", "an older generation has retired");
    process::descriptors(second)
}
