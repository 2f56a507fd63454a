//! Every point of a handoff x every fault x either process x either way: who owns the service then,
//! and what its clients got.

mod case;
mod outcome;
mod verdict;

use std::collections::BTreeSet;
use std::panic::{self, AssertUnwindSafe};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use crate::support::open_loop::OpenLoop;
use crate::support::{Event, Family, Way, process};
use crate::{FAILED, expect_owner};
use case::{Case, Course, Victim};
use verdict::{Calm, HEAD, Verdict};

/// Most cases at once: they mostly wait.
const AT_ONCE: usize = 10;

#[test]
fn whatever_befalls_whom_wherever_the_service_goes_on() {
    let rows = outcome::rows();
    let (spawned, external) = (record(Way::Spawned), record(Way::External));
    let listed: BTreeSet<_> = rows.iter().map(|row| (row.victim, row.point.clone())).collect();
    for recording in [&spawned, &external] {
        assert_eq!(listed, recording.points, "docs/faults.md has other points than a handoff");
    }
    let cases: Vec<Case> = rows.iter().flat_map(outcome::Row::cases).filter(is_wanted).collect();
    let mut undisturbed = Family::new();
    let (_, address) = undisturbed.start_service();
    let (begun, clients) = (Instant::now(), OpenLoop::start(&address));
    let courses = run_all(&cases, |case| match case.way {
        Way::Spawned => case.run(spawned.descriptors),
        Way::External => case.run(external.descriptors),
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

/// A handoff that nothing befalls.
struct Recording {
    /// Every point that either process comes to, up to the end of the first.
    points: BTreeSet<(Victim, String)>,
    /// How many descriptors the second has open then.
    descriptors: usize,
}

fn record(way: Way) -> Recording {
    let mut family = Family::new();
    family.set("RECORD", "yes").set("PROGRESS", "warming up");
    let (first, address) = family.start_service();
    let second = family.succeed(first, way);
    family.expect(second, "ready");
    family.expect_end(first);
    family.expect_where("the end of the first", |event| {
        event.pid == second && event.details == "predecessor.after.receive-retired"
    });
    expect_owner(&family, second, 2, &address);
    let mut points: BTreeSet<_> = family
        .take_all(first, "step")
        .into_iter()
        .map(|step| (Victim::First, step.details))
        .collect();
    let seconds = family.take_all(second, "step").into_iter().map(|step| step.details);
    // What `expect_owner` asks is no part of the handoff.
    let seconds = seconds.filter(|point| !point.contains("-status"));
    points.extend(seconds.map(|point| (Victim::Second, point)));
    points.insert((Victim::Second, "predecessor.after.receive-retired".into()));
    points.extend(record_abort(way));
    Recording { points, descriptors: process::descriptors(second) }
}

/// The points of the word with which a successor gives up.
fn record_abort(way: Way) -> Vec<(Victim, String)> {
    let mut family = Family::new();
    let (first, _) = family.set("RECORD", "yes").start_service();
    family.set_next("PREPARE", "manual");
    let second = family.succeed(first, way);
    family.expect(second, "prepared");
    family.tell(second, "stop");
    family.expect_end(second);
    family.expect_like(first, "log", FAILED);
    let of = |victim| move |step: Event| (victim, step.details);
    let first = family.take_all(first, "step").into_iter().map(of(Victim::First));
    let second = family.take_all(second, "step").into_iter().map(of(Victim::Second));
    first.chain(second).filter(|(_, point)| point.ends_with("abort")).collect()
}
