//! The course of a load, thinned out for a plot.

use std::time::Duration;

use crate::load::Sample;
use crate::record::{micros, seconds};

/// The median and the slowest request of each bucket of time. `samples` in the order of their being due.
pub(crate) fn points(samples: &[Sample]) -> Vec<(f64, u64)> {
    let end = samples.last().map_or(Duration::ZERO, |sample| sample.due);
    let width = BUCKET.max(end / BUCKETS);
    let bucket = |sample: &Sample| sample.due.as_nanos() / width.as_nanos();
    samples.chunk_by(|a, b| bucket(a) == bucket(b)).flat_map(of_bucket).collect()
}

/// When those were due that were not answered.
pub(crate) fn failed(samples: &[Sample]) -> Vec<f64> {
    let failed = samples.iter().filter(|sample| sample.outcome.is_err());
    failed.map(|sample| seconds(sample.due)).collect()
}

fn of_bucket(samples: &[Sample]) -> Vec<(f64, u64)> {
    let point = |sample: &Sample| Some((seconds(sample.due), micros(sample.latency()?)));
    let mut points: Vec<_> = samples.iter().filter_map(point).collect();
    points.sort_unstable_by_key(|&(_, latency)| latency);
    let median = points.get(points.len().saturating_sub(1) / 2).copied();
    let slowest = points.last().copied().filter(|_| points.len() > 1);
    median.into_iter().chain(slowest).collect()
}

/// At least so wide, and not many more than so many.
const BUCKET: Duration = Duration::from_millis(10);
const BUCKETS: u32 = 1_000;
