//! What happened while a service was under load.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::load::{Answered, Sample};
use crate::peer::Peer;
use crate::percentile::percentile;
use crate::points::{failed, points};
use crate::record::{Latency, Seen, micros, seconds};

/// A stretch of it, with one service. All times are since it began.
pub(crate) struct Slice {
    /// In the order in which they were due.
    pub(crate) samples: Vec<Sample>,
    /// When each upgrade was asked for.
    pub(crate) upgrades: Vec<Duration>,
    pub(crate) length: Duration,
}

impl Slice {
    /// Each generation must have answered somebody: else the load went elsewhere.
    pub(crate) fn check(&self) -> Result<(), String> {
        let processes: BTreeSet<_> = self.answers().map(|answered| answered.by).collect();
        let generations = self.upgrades.len() + 1;
        match processes.len() == generations {
            true => Ok(()),
            false => Err(format!("{} of {generations} generations have answered", processes.len())),
        }
    }

    /// Between two answers, whoever was given them.
    fn longest_gap(&self) -> Duration {
        let mut at: Vec<_> = self.answers().map(|answered| answered.at).collect();
        at.sort_unstable();
        let gaps = at.iter().zip(at.iter().skip(1)).map(|(before, after)| *after - *before);
        gaps.max().unwrap_or_default()
    }

    fn answers(&self) -> impl Iterator<Item = Answered> + '_ {
        self.samples.iter().filter_map(|sample| sample.outcome.ok())
    }
}

/// All slices, as if they had followed each other at once.
#[derive(Default)]
pub(crate) struct Course {
    samples: Vec<Sample>,
    upgrades: Vec<Duration>,
    length: Duration,
    longest_gap: Duration,
}

impl Course {
    pub(crate) fn append(&mut self, slice: Slice) {
        self.longest_gap = self.longest_gap.max(slice.longest_gap());
        let before = self.length;
        self.samples.extend(slice.samples.iter().map(|sample| sample.later(before)));
        self.upgrades.extend(slice.upgrades.iter().map(|asked| *asked + before));
        self.length += slice.length;
    }

    /// How many there were.
    pub(crate) fn upgrades(&self) -> usize {
        self.upgrades.len()
    }

    pub(crate) fn seen(&self) -> Seen {
        let mut latencies: Vec<_> = self.samples.iter().filter_map(Sample::latency).collect();
        latencies.sort_unstable();
        let mut failures = BTreeMap::new();
        for kind in self.samples.iter().filter_map(|sample| sample.outcome.err()) {
            *failures.entry(kind).or_default() += 1;
        }
        let share = |share| micros(percentile(&latencies, share));
        Seen {
            requests: self.samples.len(),
            failed: failures.values().sum(),
            failures,
            p50_us: share(0.5),
            p99_us: share(0.99),
            p999_us: share(0.999),
            longest_gap_us: micros(self.longest_gap),
        }
    }

    pub(crate) fn latency(&self, peer: Peer) -> Latency {
        Latency {
            peer: peer.name(),
            points: points(&self.samples),
            failed: failed(&self.samples),
            upgrades: self.upgrades.iter().copied().map(seconds).collect(),
        }
    }
}
