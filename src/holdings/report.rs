//! How things stand here.

use std::time::Duration;

use heirloom_proto::limits::clip;
use heirloom_proto::{
    Address, Entry, Failure, Identity, LastFailure, Listed, Phase, StatusReport, predecessor,
};

use super::Holdings;

/// The last handoff that failed in this process.
pub(crate) struct Failed {
    phase: Phase,
    took: Duration,
    at: Duration,
    text: String,
}

impl Failed {
    fn report(&self, now: Duration) -> LastFailure {
        LastFailure {
            phase: self.phase,
            took_ms: millis(self.took),
            ago_ms: millis(now.saturating_sub(self.at)),
            text: self.text.clone(),
        }
    }
}

impl Holdings {
    /// A handoff has failed in this process, as its predecessor.
    pub(crate) fn note_ended(&mut self, ended: &predecessor::Ended) {
        self.note_failure(ended.phase, ended.took, &ended.failure);
    }

    /// A handoff has failed in this process.
    pub(crate) fn note_failure(&mut self, phase: Phase, took: Duration, failure: &Failure) {
        let text = clip(&failure.to_string());
        self.last_failure = Some(Failed { phase, took, at: self.now(), text });
    }

    /// Adds what no machine knows.
    pub(crate) fn complete(&self, mut report: StatusReport) -> StatusReport {
        let now = self.now();
        report.open = self.drain.count_if_used();
        report.last_failure = self.last_failure.as_ref().map(|failed| failed.report(now));
        let (registered, _) = self.registry.snapshot();
        report.entries = registered.len() as u64;
        report.list(registered.iter().map(|registered| listed(&registered.entry)));
        report
    }

    /// What a process tells that has no machine, or one that tells nothing of the kind.
    pub(crate) fn report(&self, generation: u64, phase: Phase, since: Duration) -> StatusReport {
        self.complete(StatusReport {
            generation,
            pid: std::process::id(),
            service: self.settings.service.clone(),
            build: self.settings.build.clone(),
            phase,
            age_ms: millis(self.now().saturating_sub(since)),
            uptime_ms: millis(self.now()),
            entries: 0,
            draining: Vec::new(),
            open: None,
            handoff: None,
            last_failure: None,
            listed: Vec::new(),
        })
    }

    /// When the last handoff failed.
    pub(crate) fn failed_at(&self) -> Duration {
        self.last_failure.as_ref().map(|failed| failed.at).unwrap_or_default()
    }
}

fn listed(entry: &Entry) -> Listed {
    let address = match &entry.identity {
        Identity::Socket(socket) => socket.local.clone(),
        Identity::File(_) => Address::default(),
    };
    Listed { kind: entry.kind, name: entry.name.clone(), address }
}

/// A length of time as it is told; more than that many cannot be.
pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
