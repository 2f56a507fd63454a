//! What is told, as JSON: a record on each line, known by its `what`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

#[derive(Debug, Serialize)]
#[serde(tag = "what", rename_all = "lowercase")]
pub(crate) enum Record<'a> {
    Machine(&'a Machine),
    Upgrade(&'a Upgrade),
    Load(&'a Load),
    Latency(&'a Latency),
    Budget(&'a Budget),
}

/// Where it was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    pub(crate) cores: usize,
    pub(crate) kernel: String,
    pub(crate) cpu: String,
    /// How many a process may have open.
    pub(crate) descriptors: u64,
    pub(crate) date: String,
}

/// How long a peer takes to upgrade a service with so many listeners.
#[derive(Debug, Serialize)]
pub(crate) struct Upgrade {
    pub(crate) peer: &'static str,
    pub(crate) listeners: usize,
    #[serde(flatten)]
    pub(crate) outcome: Outcome<Took>,
    /// What was measured instead of what was asked for, or how many runs have failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) note: Option<String>,
}

/// A measurement, or why there is none.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Outcome<T> {
    Measured(T),
    Cannot { cannot: String },
}

#[derive(Debug, Serialize)]
pub(crate) struct Took {
    pub(crate) runs: usize,
    pub(crate) median_us: u64,
    pub(crate) p95_us: u64,
    /// Of the median to heirloom's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ratio: Option<f64>,
}

/// What the clients of a peer saw while it was upgraded so many times: none is calm.
#[derive(Debug, Serialize)]
pub(crate) struct Load {
    pub(crate) peer: &'static str,
    pub(crate) upgrades: usize,
    #[serde(flatten)]
    pub(crate) outcome: Outcome<Seen>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) note: Option<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Seen {
    pub(crate) requests: usize,
    pub(crate) failed: usize,
    pub(crate) failures: BTreeMap<&'static str, usize>,
    pub(crate) p50_us: u64,
    pub(crate) p99_us: u64,
    pub(crate) p999_us: u64,
    pub(crate) longest_gap_us: u64,
}

/// The course of a load with upgrades. All times are seconds since it began.
#[derive(Debug, Serialize)]
pub(crate) struct Latency {
    pub(crate) peer: &'static str,
    /// When a request was due, and how many microseconds later it was answered.
    pub(crate) points: Vec<(f64, u64)>,
    /// When those were due that have failed.
    pub(crate) failed: Vec<f64>,
    /// When an upgrade was asked for.
    pub(crate) upgrades: Vec<f64>,
}

/// Whether heirloom does what it promises.
#[derive(Debug, Serialize)]
pub(crate) struct Budget {
    pub(crate) peer: &'static str,
    pub(crate) upgrades: usize,
    pub(crate) failed: usize,
    /// Of the 99th percentile to the calm one.
    pub(crate) p99_ratio: f64,
    pub(crate) kept: bool,
}

pub(crate) fn micros(time: Duration) -> u64 {
    time.as_micros().try_into().unwrap_or(u64::MAX)
}

/// To the precision of a microsecond.
pub(crate) fn seconds(time: Duration) -> f64 {
    micros(time) as f64 / 1e6
}

/// To three decimals.
pub(crate) fn ratio(of: u64, to: u64) -> f64 {
    (1e3 * of as f64 / to.max(1) as f64).round() / 1e3
}
