//! Who owns the service in the end, as the table in `docs/faults.md` has it.

use std::fs;
use std::path::Path;

use super::case::{Case, Fault, Victim};
use super::scenario::Scenario;
use crate::support::Way;

/// Who owns the service when everybody else has given up on the victim, which has been ended by then
/// if it stood still and was not to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The first process, as if nothing had been.
    First,
    /// The second, as the generation after the first.
    Second,
    /// The second, which has begun the service afresh.
    Afresh,
    /// Nobody is left: a supervisor starts the service.
    Nobody,
    /// Nobody has noticed that the second stood still: it goes on.
    Unnoticed,
}

impl Outcome {
    fn parse(cell: &str) -> Self {
        match cell {
            "P" => Self::First,
            "S" => Self::Second,
            "S afresh" => Self::Afresh,
            "nobody" => Self::Nobody,
            "S goes on" => Self::Unnoticed,
            other => panic!("no outcome: {other}"),
        }
    }

    /// The second process had become the owner, and the first knew.
    pub(super) fn is_past_owned(self) -> bool {
        matches!(self, Self::Second | Self::Nobody)
    }
}

/// A row of the table: a point of one of the two processes, and what follows each fault there.
pub(super) struct Row {
    pub(super) scenario: Scenario,
    pub(super) victim: Victim,
    pub(super) point: String,
    cells: [String; 3],
}

impl Row {
    /// Every case of this row.
    pub(super) fn cases(&self) -> impl Iterator<Item = Case> {
        let faults = [Fault::Killed, Fault::Frozen, Fault::Thawed].into_iter().zip(&self.cells);
        faults.flat_map(move |(fault, cell)| {
            self.scenario.ways().iter().map(move |way| Case {
                scenario: self.scenario,
                victim: self.victim,
                point: self.point.clone(),
                fault,
                way: *way,
                outcome: outcome(cell, *way),
            })
        })
    }
}

/// What a cell says for a successor that came this way.
fn outcome(cell: &str, way: Way) -> Outcome {
    let (spawned, external) = cell.split_once("; external: ").unwrap_or((cell, cell));
    Outcome::parse(match way {
        Way::Spawned => spawned,
        Way::External => external,
    })
}

/// The tables, each under its scenario's heading.
pub(super) fn rows() -> Vec<Row> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/faults.md");
    let text = fs::read_to_string(path).unwrap();
    let mut scenario = None;
    let mut rows = Vec::new();
    for line in text.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            scenario = Scenario::under(heading);
        }
        rows.extend(scenario.and_then(|scenario| row(scenario, line)));
    }
    rows
}

fn row(scenario: Scenario, line: &str) -> Option<Row> {
    let cells: Vec<&str> = line.split('|').map(str::trim).collect();
    let [_, process, point, killed, frozen, thawed, _] = cells[..] else {
        return None;
    };
    let victim = match process {
        "P" => Victim::First,
        "S" => Victim::Second,
        _ => return None,
    };
    let point = point.trim_matches('`').into();
    Some(Row { scenario, victim, point, cells: [killed, frozen, thawed].map(Into::into) })
}
