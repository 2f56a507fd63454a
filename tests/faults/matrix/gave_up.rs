//! How whoever waits for a process that stands still gives up on it, by what it says then.

use std::time::{Duration, Instant};

use heirloom_proto::Phase;
use heirloom_proto::limits::TRANSFER_TIMEOUT;

use super::case::{COMMIT, READY};

/// Somebody has waited as long as he may.
#[derive(Clone, Copy, Debug)]
pub(super) struct GaveUp {
    /// How long it took, and how long it may.
    took: Duration,
    allowed: Duration,
}

impl GaveUp {
    /// What is said of a step that took too long: `<phase> took <number> ms, <number> ms are allowed`.
    /// A successor that has found the token held says that instead: it has waited for the next step, and
    /// then for the token. Nothing if nobody says that he has waited.
    pub(super) fn read(text: &str, since: Instant) -> Option<Self> {
        if text.contains("the predecessor lives and keeps the token") {
            return Some(Self { took: since.elapsed(), allowed: 2 * COMMIT });
        }
        let (before, times) = text.split_once(" took ")?;
        let (took, rest) = times.split_once(" ms, ")?;
        let (allowed, _) = rest.split_once(" ms are allowed")?;
        let phase = Phase::ALL.iter().find(|phase| before.ends_with(&phase.to_string()));
        let phase = *phase.unwrap_or_else(|| panic!("no phase: {text}"));
        let [took, allowed] = [took, allowed].map(|ms| Duration::from_millis(ms.parse().unwrap()));
        assert_eq!(allowed, set_for(phase), "{text}");
        assert!(took >= allowed, "{text}");
        Some(Self { took, allowed })
    }

    /// By how much it was later than it may be.
    pub(super) fn late(self) -> Duration {
        self.took.saturating_sub(self.allowed)
    }
}

/// How long a phase may take, as it was set.
fn set_for(phase: Phase) -> Duration {
    match phase {
        Phase::Spawning | Phase::Preparing => READY,
        Phase::Releasing => COMMIT,
        _ => TRANSFER_TIMEOUT,
    }
}
