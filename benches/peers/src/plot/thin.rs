//! No more points than the picture can show.

use std::collections::BTreeMap;

/// The latency of the requests of a stretch of time, in milliseconds.
#[derive(Debug, PartialEq)]
pub(crate) struct Bucket {
    /// Its middle, in seconds.
    pub(crate) at: f64,
    pub(crate) median: f64,
    pub(crate) slowest: f64,
}

/// Puts the points of a record into at most so many buckets between 0 and `end`. Empty ones are left out.
pub(crate) fn thin(points: &[(f64, u64)], end: f64, most: usize) -> Vec<Bucket> {
    let width = (end / most as f64).max(NARROWEST);
    let mut latencies = BTreeMap::<usize, Vec<u64>>::new();
    for &(at, latency) in points {
        latencies.entry(((at / width) as usize).min(most - 1)).or_default().push(latency);
    }
    let middle = |index: usize| ((index as f64 + 0.5) * width).min(end);
    latencies.into_iter().filter_map(|(index, of)| bucket(middle(index), of)).collect()
}

/// The runner has told the median and the slowest of each of its own buckets. So the quartile of all of
/// them is the median of the medians.
fn bucket(at: f64, mut latencies: Vec<u64>) -> Option<Bucket> {
    latencies.sort_unstable();
    let quartile = latencies.get(latencies.len().saturating_sub(1) / 4)?;
    let slowest = latencies.last()?;
    Some(Bucket { at, median: millis(*quartile), slowest: millis(*slowest) })
}

/// In seconds. The runner's buckets have a hundredth: in narrower ones, a median and its slowest would part.
const NARROWEST: f64 = 0.025;

pub(crate) fn millis(micros: u64) -> f64 {
    micros as f64 / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_median_and_the_slowest_of_each_bucket() {
        // Median and slowest of four of the runner's buckets, and of a last one that has no slowest.
        let points = [
            (0.1, 1_000),
            (0.2, 9_000),
            (0.3, 2_000),
            (0.4, 4_000),
            (1.1, 3_000),
            (1.0, 5_000),
            (4.0, 7_000),
        ];
        let bucket = |at, median, slowest| Bucket { at, median, slowest };
        let expected = [bucket(0.5, 1.0, 9.0), bucket(1.5, 3.0, 5.0), bucket(3.5, 7.0, 7.0)];
        assert_eq!(thin(&points, 4.0, 4), expected);
    }

    #[test]
    fn has_no_more_buckets_than_asked_for() {
        let points: Vec<_> = (0..=1_000).map(|n| (f64::from(n) / 100.0, 1)).collect();
        assert_eq!(thin(&points, 10.0, 30).len(), 30);
        assert_eq!(thin(&points[..=100], 1.0, 1_000).len(), 41);
        assert!(thin(&[], 10.0, 30).is_empty());
    }
}
