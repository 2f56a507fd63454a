//! What was measured, for people or for programs.

use std::time::Duration;

use serde_json::json;

/// The median of one thing, in microseconds, and that of its floor.
#[derive(Clone)]
pub(crate) struct Line {
    pub(crate) what: String,
    pub(crate) descriptors: usize,
    pub(crate) median_us: f64,
    pub(crate) floor_us: Option<f64>,
}

impl Line {
    /// From the rounds of both sides.
    pub(crate) fn compared(
        what: &str,
        descriptors: usize,
        (took, floor): (Vec<Duration>, Vec<Duration>),
    ) -> Self {
        Self { floor_us: Some(median_us(floor)), ..Self::alone(what, descriptors, took) }
    }

    /// One that has no floor.
    pub(crate) fn alone(what: &str, descriptors: usize, took: Vec<Duration>) -> Self {
        Self { what: what.into(), descriptors, median_us: median_us(took), floor_us: None }
    }

    /// Microseconds for one descriptor.
    pub(crate) fn per_descriptor(&self) -> f64 {
        self.median_us / self.descriptors as f64
    }

    fn ratio(&self) -> Option<f64> {
        self.floor_us.map(|floor| self.median_us / floor)
    }
}

fn median_us(mut took: Vec<Duration>) -> f64 {
    took.sort_unstable();
    took.get(took.len() / 2).map_or(f64::NAN, |median| median.as_nanos() as f64 / 1e3)
}

/// Where the lines go.
pub(crate) struct Report {
    json: bool,
}

impl Report {
    pub(crate) fn new(json: bool) -> Self {
        if !json {
            println!(
                "{:<40} {:>11} {:>12} {:>12} {:>7}",
                "", "descriptors", "median", "floor", "ratio"
            );
        }
        Self { json }
    }

    pub(crate) fn add(&self, line: &Line) {
        let Line { what, descriptors, median_us, floor_us } = line;
        if self.json {
            let (rounded, ratio) = (floor_us.map(round), line.ratio().map(round));
            let object = json!({
                "what": what, "descriptors": descriptors, "median_us": round(*median_us),
                "floor_us": rounded, "ratio": ratio,
            });
            println!("{object}");
            return;
        }
        let told = |value: Option<f64>, unit| value.map(|value| format!("{value:.2}{unit}"));
        let [floor, ratio] =
            [told(*floor_us, " µs"), told(line.ratio(), "")].map(Option::unwrap_or_default);
        println!("{what:<40} {descriptors:>11} {median_us:>9.2} µs {floor:>12} {ratio:>7}");
    }
}

/// To a thousandth.
fn round(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}
