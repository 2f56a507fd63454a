//! What heirloom promises: no request lost, and hardly one that waits.

use crate::record::{Budget, Load, Outcome, Seen, ratio};

/// Holds what the clients saw against what they saw in the calm of the same run. A run that was not
/// measured keeps no budget, and none does with fewer upgrades than were wanted.
pub(crate) fn judge(calm: &Load, upgraded: &Load, wanted: usize) -> Option<Budget> {
    let (calm, seen) = (seen(calm)?, seen(upgraded)?);
    let p99_ratio = ratio(seen.p99_us, calm.p99_us);
    let kept = seen.failed == 0 && p99_ratio <= P99_RATIO && upgraded.upgrades >= wanted;
    let (peer, upgrades, failed) = (upgraded.peer, upgraded.upgrades, seen.failed);
    Some(Budget { peer, upgrades, failed, p99_ratio, kept })
}

/// The 99th percentile of the latency may be so many times the calm one.
pub(crate) const P99_RATIO: f64 = 1.2;

fn seen(load: &Load) -> Option<&Seen> {
    match &load.outcome {
        Outcome::Measured(seen) => Some(seen),
        Outcome::Cannot { .. } => None,
    }
}
