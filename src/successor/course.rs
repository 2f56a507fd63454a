//! How far a takeover has come, and what is told of it.

use std::time::Duration;

use heirloom_proto::{Failure, Phase, StatusReport};

use super::SuccessorSide;
use crate::holdings::{Holdings, millis};

/// How far a takeover has come.
pub(super) struct Course {
    began: Duration,
    phase: Phase,
    since: Duration,
    /// The last phase before this process had to find out who owns the service.
    before: Phase,
}

impl Course {
    pub(super) fn begin(now: Duration) -> Self {
        Self { began: now, phase: Phase::Greeting, since: now, before: Phase::Greeting }
    }

    fn took(&self, now: Duration) -> Duration {
        now.saturating_sub(self.began)
    }
}

impl SuccessorSide {
    /// Notes the phase, unless the takeover is over: then the last one is of interest.
    pub(super) fn note_phase(&mut self, now: Duration) {
        let phase = self.machine.phase();
        if phase == self.course.phase || matches!(phase, Phase::Serving | Phase::Stopped) {
            return;
        }
        (self.course.phase, self.course.since) = (phase, now);
        if phase != Phase::Reclaiming {
            self.course.before = phase;
        }
        let (pid, took_ms) = (self.pid, millis(self.course.took(now)));
        tracing::debug!(target: "heirloom", event = "takeover_phase", pid, %phase, took_ms, "the takeover goes on");
    }

    /// How things stand in this successor.
    pub(crate) fn report(&self, holdings: &Holdings) -> StatusReport {
        let generation = self.machine.welcome().map_or(0, |welcome| welcome.generation);
        holdings.report(generation, self.course.phase, self.course.since)
    }

    pub(super) fn tell_owned(&self, holdings: &Holdings, generation: u64, orphaned: bool) {
        let (pid, took_ms) = (self.pid, millis(self.course.took(holdings.now())));
        tracing::info!(target: "heirloom", event = "service_owned", pid, generation, orphaned, took_ms, "this process owns the service");
    }

    /// This process does not own the service and will not.
    pub(super) fn tell_failed(&self, holdings: &mut Holdings, failure: &Failure) {
        let (pid, phase, took) = (self.pid, self.course.before, self.course.took(holdings.now()));
        let took_ms = millis(took);
        holdings.note_failure(phase, took, failure);
        tracing::warn!(target: "heirloom", event = "service_not_owned", pid, %phase, took_ms, reason = %failure, "this process does not own the service");
    }
}
