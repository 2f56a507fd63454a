//! Percentiles by nearest rank: always a value that was measured.

use std::time::Duration;

/// The smallest value that at least such a share of all does not exceed. Zero if there is none.
pub(crate) fn percentile(sorted: &[Duration], share: f64) -> Duration {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_a_value_that_was_measured() {
        let sorted: Vec<_> = (1..=20).map(Duration::from_millis).collect();
        assert_eq!(percentile(&sorted, 0.5), Duration::from_millis(10));
        assert_eq!(percentile(&sorted, 0.95), Duration::from_millis(19));
        assert_eq!(percentile(&sorted, 1.0), Duration::from_millis(20));
        assert_eq!(percentile(&sorted[..1], 0.5), Duration::from_millis(1));
        assert_eq!(percentile(&[], 0.5), Duration::ZERO);
    }
}
