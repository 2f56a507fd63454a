//! How long an upgrade takes, by the number of listeners.

use std::error::Error;
use std::process;
use std::time::{Duration, Instant};

use tempfile::tempdir;

use crate::options::Options;
use crate::peer::Peer;
use crate::percentile::percentile;
use crate::record::{Outcome, Took, Upgrade, micros, ratio};
use crate::report::Report;
use crate::service::Service;

/// Measures all peers, run by run: one that meets a noisy moment does so beside the others.
pub(crate) fn measure(options: &Options, report: &mut Report) {
    for &listeners in options.listeners.iter().filter(|_| options.runs > 0) {
        let series = |&peer| Series { peer, listeners, took: Vec::new(), troubles: Vec::new() };
        let mut all: Vec<_> = options.peers.iter().map(series).collect();
        for run in 0..options.runs {
            report.progress(format_args!(
                "{listeners} listeners, run {} of {}",
                run + 1,
                options.runs
            ));
            all.iter_mut().for_each(|series| series.run(run));
        }
        report.upgrades(listeners, &records(&mut all));
    }
}

/// What one peer took for so many listeners.
struct Series {
    peer: Peer,
    listeners: usize,
    took: Vec<Duration>,
    troubles: Vec<String>,
}

impl Series {
    /// A fresh service is upgraded once, as most are in their lives. One that fails from the first is not
    /// asked again.
    fn run(&mut self, run: usize) {
        if self.took.is_empty() && !self.troubles.is_empty() {
            return;
        }
        match upgrade(self.peer, self.listeners, run) {
            Ok(took) => self.took.push(took),
            Err(trouble) => self.troubles.push(trouble.to_string()),
        }
    }

    fn median(&self) -> Option<Duration> {
        (!self.took.is_empty()).then(|| percentile(&self.took, 0.5))
    }

    fn record(&self, baseline: Option<Duration>) -> Upgrade {
        let (peer, listeners) = (self.peer.name(), self.listeners);
        Upgrade { peer, listeners, outcome: self.outcome(baseline), note: self.note() }
    }

    fn outcome(&self, baseline: Option<Duration>) -> Outcome<Took> {
        let Some(median) = self.median().map(micros) else {
            return Outcome::Cannot { cannot: self.troubles.concat() };
        };
        Outcome::Measured(Took {
            runs: self.took.len(),
            median_us: median,
            p95_us: micros(percentile(&self.took, 0.95)),
            ratio: baseline.map(|baseline| ratio(median, micros(baseline))),
        })
    }

    fn note(&self) -> Option<String> {
        let makeshift = self.peer.makeshift().map(|makeshift| makeshift.note.to_owned());
        let failed = match (self.took.is_empty(), self.troubles.last()) {
            (false, Some(last)) => Some(format!("{} failed: {last}", self.troubles.len())),
            _ => None,
        };
        let notes: Vec<_> = makeshift.into_iter().chain(failed).collect();
        (!notes.is_empty()).then(|| notes.join("; "))
    }
}

fn records(all: &mut [Series]) -> Vec<Upgrade> {
    all.iter_mut().for_each(|series| series.took.sort_unstable());
    let heirloom = all.iter().find(|series| series.peer == Peer::Heirloom);
    let baseline = heirloom.and_then(Series::median);
    all.iter().map(|series| series.record(baseline)).collect()
}

/// Starts a service with so many listeners, upgrades it, and ends it: only the upgrade is on the clock.
fn upgrade(peer: Peer, listeners: usize, run: usize) -> Result<Duration, Box<dyn Error>> {
    let folder = tempdir()?; // gone with its sockets in the end
    let prefix = match peer.makeshift() {
        Some(makeshift) if makeshift.paths => format!("{}/", folder.path().display()),
        _ => format!("@peers-{}-{}-{run}-", process::id(), peer.name()),
    };
    let arguments = ["hold", &prefix, &listeners.to_string()];
    let mut service = Service::start(&peer.program()?, &arguments)?;
    service.watch(Instant::now() + SETTLE)?;
    service.upgrade()
}

/// From being ready to the upgrade. What a service does right after it has told is not on the clock, and
/// tableflip refuses an upgrade in the moment after `Ready`: "process is not ready yet".
const SETTLE: Duration = Duration::from_millis(20);
