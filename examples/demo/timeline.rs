//! Prints what happens as it happens, with a bar of the latency.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use crate::statistics::{Answer, Quantiles};

/// The demo's output; colours only on a terminal that wants them.
pub(crate) struct Timeline {
    begun: Instant,
    coloured: bool,
}

/// How a line is to be seen.
#[derive(Clone, Copy)]
pub(crate) enum Tone {
    Plain,
    Good,
    Bad,
}

impl Timeline {
    pub(crate) fn new() -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none();
        Self { begun: Instant::now(), coloured: wanted && io::stdout().is_terminal() }
    }

    /// One thing that happened, now.
    pub(crate) fn happened(&self, tone: Tone, what: &str, details: &str) {
        let at = self.begun.elapsed().as_secs_f64();
        let what = self.paint(tone, &format!("{what:<23}"));
        self.text(&format!("{at:7.2} s  {what} {details}"));
    }

    /// More about it.
    pub(crate) fn details(&self, what: &str, details: &str) {
        self.text(&format!("{:11}{what:<23} {details}", ""));
    }

    /// The latency of the answers since `from`, as a bar with a mark at `mark` and in figures.
    pub(crate) fn latency(&self, from: Instant, mark: Instant, answers: &[Answer]) {
        let bar = self.paint(Tone::Plain, &bar(from, mark, Instant::now(), answers));
        let times: Quantiles = answers.iter().map(|answer| answer.latency).collect();
        let (p50, p99, max) = (short(times.p50()), short(times.p99()), short(times.max()));
        let figures = format!("p50 {p50}, p99 {p99}, slowest {max}\n");
        self.text(&format!("{:11}{bar} {figures}", ""));
    }

    /// Text that belongs to no point in time.
    pub(crate) fn text(&self, text: &str) {
        // Whoever read it may have gone away.
        let _ = writeln!(io::stdout(), "{text}");
    }

    fn paint(&self, tone: Tone, text: &str) -> String {
        let colour = match tone {
            Tone::Plain => "36",
            Tone::Good => "32",
            Tone::Bad => "31",
        };
        if self.coloured { format!("\x1b[{colour}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// What the bar means, in words.
pub(crate) const LEGEND: &str = "A bar is the latency around one event, which is at the │. Each \
column is as high as its slowest answer:\n▁ is below 0.25 ms, each step up doubles that, █ is 16 ms \
or more. A column without any answer is empty.\n";

const COLUMNS: u32 = 40;
const STEPS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const FIRST_STEP: Duration = Duration::from_micros(250);

/// The slowest answer in each of the columns into which the time is cut, with a mark between two.
fn bar(from: Instant, mark: Instant, to: Instant, answers: &[Answer]) -> String {
    let width = ((to - from) / COLUMNS).as_nanos().max(1);
    let column = |at: Instant| {
        let column = at.saturating_duration_since(from).as_nanos() / width;
        usize::try_from(column).unwrap_or(usize::MAX)
    };
    let mut slowest = [None; COLUMNS as usize];
    for answer in answers {
        if let Some(slowest) = slowest.get_mut(column(answer.begun + answer.latency)) {
            *slowest = (*slowest).max(Some(answer.latency));
        }
    }
    let (before, after) = slowest.split_at(column(mark).min(slowest.len()));
    let draw = |part: &[Option<Duration>]| -> String {
        part.iter().map(|latency| latency.map_or(' ', height)).collect()
    };
    format!("{}│{}", draw(before), draw(after))
}

fn height(latency: Duration) -> char {
    let (mut limit, mut last) = (FIRST_STEP, ' ');
    for step in STEPS {
        last = step;
        if latency < limit {
            break;
        }
        limit *= 2;
    }
    last
}

/// A time in its handiest unit, three digits.
pub(crate) fn short(time: Duration) -> String {
    let microseconds = time.as_secs_f64() * 1e6;
    match microseconds {
        ..1e3 => format!("{microseconds:.0} µs"),
        ..1e4 => format!("{:.2} ms", microseconds / 1e3),
        ..1e5 => format!("{:.1} ms", microseconds / 1e3),
        ..1e6 => format!("{:.0} ms", microseconds / 1e3),
        _ => format!("{:.2} s", microseconds / 1e6),
    }
}
