//! The ends of an axis, and the numbers beside it.

use plotters::style::RGBColor;

/// The ends of a logarithmic axis that has room for all of these. `None` if there are none.
pub(crate) fn around(values: impl Iterator<Item = f64> + Clone) -> Option<(f64, f64)> {
    let least = values.clone().min_by(f64::total_cmp)?;
    let most = values.max_by(f64::total_cmp)?;
    let start =
        ROUND.iter().rev().map(|step| step * decade(least)).find(|&start| start <= least)?;
    let end = ROUND.iter().map(|step| step * decade(most)).find(|&end| end > most)?;
    // A tick at the very end would be lost to rounding.
    Some((start / SLACK, end * SLACK))
}

/// The power of ten that is not above it.
fn decade(value: f64) -> f64 {
    10f64.powf(value.log10().floor())
}

/// As people write it: 10,000 and 0.1.
pub(crate) fn number(number: f64) -> String {
    // What is reached by multiplying is not always round.
    match (number * 1e6).round() / 1e6 {
        whole @ 1e3.. => thousands(whole as u32),
        small => small.to_string(),
    }
}

pub(crate) fn thousands(number: u32) -> String {
    match (number / 1_000, number % 1_000) {
        (0, rest) => rest.to_string(),
        (thousand, rest) => format!("{},{rest:03}", thousands(thousand)),
    }
}

pub(crate) const GRID: RGBColor = RGBColor(212, 212, 212);
pub(crate) const FAINT_GRID: RGBColor = RGBColor(242, 242, 242);

/// In each decade, and the next.
const ROUND: [f64; 4] = [1.0, 2.0, 5.0, 10.0];
const SLACK: f64 = 1.001;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_has_room_for_all() {
        let ends = |values: &[f64]| {
            let (start, end) = around(values.iter().copied()).unwrap();
            (number(start * SLACK), number(end / SLACK))
        };
        assert_eq!(ends(&[2.1, 0.3, 450.0]), ("0.2".into(), "500".into()));
        assert_eq!(ends(&[0.07, 99.0]), ("0.05".into(), "100".into()));
        assert_eq!(ends(&[1.0]), ("1".into(), "2".into()));
        assert_eq!(around([].into_iter()), None);
    }

    #[test]
    fn numbers_are_as_people_write_them() {
        let written = [0.0, 0.1 + 0.2, 1.5, 999.999_999_9, 20_034.0, 1_000_007.0].map(number);
        assert_eq!(written, ["0", "0.3", "1.5", "1,000", "20,034", "1,000,007"]);
    }
}
