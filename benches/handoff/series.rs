//! What is measured, and in which order: the two sides of a ratio take turns.

use std::process::id;
use std::time::Duration;

use crate::bare::Sender;
use crate::descriptors::fits;
use crate::options::Options;
use crate::phases::PHASES;
use crate::process::Process;
use crate::report::{Line, Report};

const GROWTH_FROM: usize = 1_000;

pub(crate) fn measure(options: &Options) {
    let report = Report::new(options.json);
    report.add(&spawned_upgrade(options.rounds));
    let mut whole = Vec::new();
    for &count in &options.counts {
        let line = connect_to_owned("connect to owned", "successor", count, options.rounds);
        report.add(&line);
        whole.push(line);
        report.add(&asked(count, options.rounds));
        let mut noter = "noter";
        if fits(2 * count, options.limit) {
            noter = "claiming-noter";
            let what = "connect to owned, every entry claimed";
            report.add(&connect_to_owned(what, "claimer", count, options.rounds));
        } else {
            eprintln!("{count} are not claimed: that takes {} descriptors", 2 * count);
        }
        phases(noter, count, options.rounds).iter().for_each(|line| report.add(line));
    }
    growth(&whole).iter().for_each(|line| report.add(line));
}

/// From the call in the predecessor until it knows that its successor owns the service.
fn spawned_upgrade(rounds: usize) -> Line {
    let [spawned, bare] = ["spawned", "bare"].map(|name| format!("heirloom-bench-{}-{name}", id()));
    let mut service = started(&["upgrader", &spawned]);
    let mut parent = started(&["bare-parent", &bare]);
    let round = |process: &mut Process| {
        process.ask();
        process.told()
    };
    let took = (0..rounds).map(|_| (round(&mut service), round(&mut parent)));
    Line::compared("spawned upgrade", 1, took.unzip())
}

fn connect_to_owned(what: &str, role: &str, count: usize, rounds: usize) -> Line {
    let name = format!("heirloom-bench-{}-{role}-{count}", id());
    let sender = Sender::new(&format!("{name}-floor"), count);
    let mut chain = Chain::start(&name, count);
    let took = (0..rounds).map(|_| (chain.next(role).remove(0), sender.pass_to("receiver")));
    Line::compared(what, count, took.unzip())
}

fn asked(count: usize, rounds: usize) -> Line {
    let sender = Sender::new(&format!("heirloom-bench-{}-asked-{count}", id()), count);
    let took = (0..rounds).map(|_| (sender.pass_to("asker"), sender.pass_to("receiver")));
    Line::compared("bare, each asked for its number", count, took.unzip())
}

fn phases(role: &str, count: usize, rounds: usize) -> Vec<Line> {
    // As while the whole is measured.
    let _as_many = Sender::new(&format!("heirloom-bench-{}-beside-{role}-{count}", id()), count);
    let mut chain = Chain::start(&format!("heirloom-bench-{}-{role}-{count}", id()), count);
    let rounds: Vec<Vec<Duration>> = (0..rounds).map(|_| chain.next(role)).collect();
    let lines = PHASES.iter().enumerate().map(|(index, phase)| {
        let took = rounds.iter().filter_map(|round| round.get(index)).copied().collect();
        Line::alone(&format!("phase {phase}"), count, took)
    });
    lines.collect()
}

/// How much longer one descriptor takes with most of them than with a thousand.
fn growth(whole: &[Line]) -> Option<Line> {
    let few = whole.iter().find(|line| line.descriptors == GROWTH_FROM)?;
    let most = whole.last().filter(|line| line.descriptors > GROWTH_FROM)?;
    let what = format!("one descriptor, beside one of {GROWTH_FROM}");
    let floor_us = Some(few.per_descriptor());
    Some(Line { what, descriptors: most.descriptors, median_us: most.per_descriptor(), floor_us })
}

/// Generations, each of which takes over from the one before.
struct Chain {
    name: String,
    owner: Option<Process>,
}

impl Chain {
    fn start(name: &str, count: usize) -> Self {
        Self { name: name.into(), owner: Some(started(&["owner", name, &count.to_string()])) }
    }

    /// The times of the next generation.
    fn next(&mut self, role: &str) -> Vec<Duration> {
        let mut successor = Process::start(&[role, &self.name]);
        let took = successor.told_all();
        if let Some(before) = self.owner.replace(successor) {
            before.ended();
        }
        took
    }
}

/// A process that says when it is ready.
fn started(words: &[&str]) -> Process {
    let mut process = Process::start(words);
    process.told();
    process
}
