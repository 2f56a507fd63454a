//! What was measured, for people.

use std::fmt::Write;

use crate::budget::P99_RATIO;
use crate::load::Plan;
use crate::record::{Budget, Load, Machine, Outcome, Seen, Took, Upgrade};

pub(crate) fn machine(machine: &Machine) -> String {
    let Machine { cores, kernel, cpu, descriptors, date } = machine;
    let limit = grouped(*descriptors);
    format!("{date}, {cores} cores, {cpu}, Linux {kernel}, {limit} descriptors in a process\n")
}

/// The head of a table of upgrades.
pub(crate) fn upgrades(listeners: usize) -> String {
    let plural = if listeners == 1 { "" } else { "s" };
    let what = format!("upgrade, {} listener{plural}", grouped(listeners));
    format!("\n{what:<26}{:>12}{:>12}{:>8}{:>7}\n", "median", "p95", "ratio", "runs")
}

pub(crate) fn upgrade(upgrade: &Upgrade) -> String {
    let figures = match &upgrade.outcome {
        Outcome::Measured(took) => took_figures(took),
        Outcome::Cannot { cannot } => format!("  cannot: {cannot}"),
    };
    row(upgrade.peer, &figures, upgrade.note.as_deref())
}

/// The head of the table of loads.
pub(crate) fn loads(plan: &Plan) -> String {
    let what = format!("{} requests/s", grouped(plan.rate));
    format!(
        "\n{what:<26}{:>10}{:>8}{:>10}{:>10}{:>10}{:>12}\n",
        "requests", "failed", "p50", "p99", "p99.9", "longest gap"
    )
}

pub(crate) fn load(load: &Load) -> String {
    let what = match load.upgrades {
        0 => format!("{}, calm", load.peer),
        upgrades => format!("{}, {upgrades} upgrades", load.peer),
    };
    let figures = match &load.outcome {
        Outcome::Measured(seen) => seen_figures(seen),
        Outcome::Cannot { cannot } => format!("  cannot: {cannot}"),
    };
    row(&what, &figures, load.note.as_deref())
}

pub(crate) fn budget(budget: &Budget) -> String {
    let Budget { peer, upgrades, failed, p99_ratio, kept } = budget;
    let verdict = if *kept { "kept" } else { "not kept" };
    format!(
        "\nbudget of {peer}: {verdict}. {upgrades} upgrades: {failed} failed, of 0; \
         p99 {p99_ratio} x the calm one, of {P99_RATIO}\n"
    )
}

fn row(what: &str, figures: &str, note: Option<&str>) -> String {
    let note = note.map(|note| format!("  {note}")).unwrap_or_default();
    format!("  {what:<24}{figures}{note}\n")
}

fn took_figures(took: &Took) -> String {
    let (median, p95) = (time(took.median_us), time(took.p95_us));
    let ratio = took.ratio.map(|ratio| format!("{ratio:.2}")).unwrap_or_default();
    format!("{median:>12}{p95:>12}{ratio:>8}{:>7}", took.runs)
}

fn seen_figures(seen: &Seen) -> String {
    let mut figures = format!("{:>10}{:>8}", grouped(seen.requests), grouped(seen.failed));
    for time in [seen.p50_us, seen.p99_us, seen.p999_us].map(time) {
        let _ = write!(figures, "{time:>10}");
    }
    let _ = write!(figures, "{:>12}", time(seen.longest_gap_us));
    for (kind, count) in &seen.failures {
        let _ = write!(figures, "  {count} {kind}");
    }
    figures
}

/// In the unit that leaves it four digits at most, where that is possible.
fn time(micros: u64) -> String {
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..1_000_000 => format!("{:.2} ms", micros as f64 / 1e3),
        _ => format!("{:.2} s", micros as f64 / 1e6),
    }
}

/// With a comma after each three digits.
fn grouped(number: impl ToString) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_can_be_read() {
        assert_eq!(
            [1, 999, 1_000, 10_000, 1_234_567].map(grouped),
            ["1", "999", "1,000", "10,000", "1,234,567"]
        );
        assert_eq!(
            [999, 1_000, 501_239, 2_000_000].map(time),
            ["999 µs", "1.00 ms", "501.24 ms", "2.00 s"]
        );
    }
}
