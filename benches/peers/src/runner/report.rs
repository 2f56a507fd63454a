//! Tells what was measured, as soon as it is: as tables, or as a record of JSON on each line.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use crate::load::Plan;
use crate::record::{Budget, Latency, Load, Machine, Record, Upgrade};
use crate::table;

pub(crate) struct Report {
    json: bool,
    /// The load has a table of its own, which is begun once.
    load_begun: bool,
}

impl Report {
    pub(crate) fn new(json: bool) -> Self {
        Self { json, load_begun: false }
    }

    pub(crate) fn machine(&mut self, machine: &Machine) {
        self.tell(&Record::Machine(machine), || table::machine(machine));
    }

    pub(crate) fn upgrades(&mut self, listeners: usize, upgrades: &[Upgrade]) {
        if !self.json {
            say(&table::upgrades(listeners));
        }
        for upgrade in upgrades {
            self.tell(&Record::Upgrade(upgrade), || table::upgrade(upgrade));
        }
    }

    pub(crate) fn load(&mut self, plan: &Plan, load: &Load) {
        if !self.json && !self.load_begun {
            say(&table::loads(plan));
        }
        self.load_begun = true;
        self.tell(&Record::Load(load), || table::load(load));
    }

    /// For who waits at a terminal.
    pub(crate) fn progress(&self, text: impl Display) {
        if io::stderr().is_terminal() {
            eprint!("\r{text}\x1b[K");
        }
    }

    /// No table has room for it.
    pub(crate) fn latency(&mut self, latency: &Latency) {
        self.tell(&Record::Latency(latency), String::new);
    }

    /// None, if there was nothing to judge by.
    pub(crate) fn budget(&mut self, budget: Option<&Budget>) {
        match budget {
            Some(budget) => self.tell(&Record::Budget(budget), || table::budget(budget)),
            None => eprintln!("peers: heirloom was not measured, so it has kept no budget"),
        }
    }

    fn tell(&self, record: &Record<'_>, text: impl FnOnce() -> String) {
        match self.json.then(|| serde_json::to_string(record)) {
            Some(Ok(line)) => say(&format!("{line}\n")),
            Some(Err(error)) => eprintln!("peers: {error}"),
            None => say(&text()),
        }
    }
}

/// Whoever reads it may have gone.
fn say(text: &str) {
    if io::stderr().is_terminal() {
        eprint!("\r\x1b[K"); // whatever progress was told
    }
    let _ = io::stdout().write_all(text.as_bytes());
}
