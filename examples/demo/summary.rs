//! What the whole run came to.

use std::fmt;
use std::time::Duration;

use serde_json::json;

use crate::statistics::{Failure, Quantiles};
use crate::timeline::short;
use crate::{Demo, PLAN, Step};

/// The figures of a run, and whether it is one to be proud of.
pub(crate) struct Summary {
    upgrades: usize,
    mishaps: usize,
    answers: usize,
    failures: Vec<Failure>,
    latency: Quantiles,
    handoff: Quantiles,
    /// What ended the run early.
    error: Option<String>,
}

impl Summary {
    pub(crate) fn of(demo: &Demo, error: Option<String>) -> Self {
        let answers = demo.statistics.all();
        Self {
            upgrades: demo.handoffs.len(),
            mishaps: demo.failed_on_purpose,
            answers: answers.len(),
            failures: demo.statistics.failures(),
            latency: answers.iter().map(|answer| answer.latency).collect(),
            handoff: demo.handoffs.iter().copied().collect(),
            error,
        }
    }

    /// Whether everything went as it must.
    pub(crate) fn is_good(&self) -> bool {
        let planned = |wanted: fn(&Step) -> bool| PLAN.iter().filter(|step| wanted(step)).count();
        self.error.is_none()
            && self.failures.is_empty()
            && self.upgrades == planned(|step| matches!(step, Step::Upgrade(_)))
            && self.mishaps == planned(|step| matches!(step, Step::Mishap(_)))
    }

    /// One object on one line.
    pub(crate) fn json(&self) -> String {
        json!({
            "upgrades_committed": self.upgrades,
            "upgrades_failed_on_purpose": self.mishaps,
            "requests": self.answers + self.failures.len(),
            "failed": self.failures.len(),
            "p50_us": microseconds(self.latency.p50()),
            "p99_us": microseconds(self.latency.p99()),
            "max_us": microseconds(self.latency.max()),
            "handoff_p50_us": microseconds(self.handoff.p50()),
        })
        .to_string()
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (upgrades, mishaps) = (self.upgrades, self.mishaps);
        writeln!(f, "upgrades  {upgrades} committed, {mishaps} failed on purpose")?;
        let (requests, failed) = (self.answers + self.failures.len(), self.failures.len());
        writeln!(f, "requests  {requests}, of which {failed} refused, reset, cut or wrong")?;
        writeln!(f, "latency   {}", Spread(&self.latency))?;
        write!(f, "handoff   {}", Spread(&self.handoff))?;
        for failure in self.failures.iter().take(MOST_SHOWN) {
            let Failure { client, at, what } = failure;
            write!(f, "\nfailed    after {} in client {client}: {what}", short(*at))?;
        }
        if let Some(error) = &self.error {
            write!(f, "\nstopped   {error}")?;
        }
        let verdict = if self.is_good() { "as it must be" } else { "NOT as it must be" };
        write!(f, "\nverdict   {verdict}")
    }
}

struct Spread<'a>(&'a Quantiles);

impl fmt::Display for Spread<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(times) = self;
        let (p50, p99, max) = (short(times.p50()), short(times.p99()), short(times.max()));
        write!(f, "p50 {p50}, p99 {p99}, slowest {max}")
    }
}

/// Of the failures; one is enough to fail the run.
const MOST_SHOWN: usize = 10;

fn microseconds(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
