//! The command line of the runner.

use std::str::FromStr;
use std::time::Duration;

use crate::load::Plan;
use crate::peer::Peer;

/// What to measure, and how to tell it.
#[derive(Debug)]
pub(crate) struct Options {
    /// A record of JSON on each line, instead of tables.
    pub(crate) json: bool,
    /// Whether a budget that is not kept is a failure of the run.
    pub(crate) budget: bool,
    /// Whom to measure.
    pub(crate) peers: Vec<Peer>,
    /// Upgrades of each peer for each number of listeners. None: that part is left out.
    pub(crate) runs: usize,
    /// Numbers of listeners.
    pub(crate) listeners: Vec<usize>,
    /// Upgrades under load. None: that part is left out.
    pub(crate) upgrades: usize,
    /// How long the load lasts, or a while longer if the upgrades take that.
    pub(crate) time: Duration,
    /// Who asks, and how often.
    pub(crate) plan: Plan,
}

impl Options {
    const USAGE: &str = "\
usage: benches/peers/run [OPTION...]
  --runs N            upgrades of each peer for each number of listeners; 0: none     [20]
  --listeners A,B,..  numbers of listeners                       [1,100,1000,10000]
  --upgrades N        upgrades under load; 0: no load                                 [10]
  --seconds S         how long the load lasts         [0.6 for each upgrade, at least 10]
  --rate N            requests in a second                                          [2000]
  --clients N         half of them keep their connection                              [16]
  --peers A,B,..      of floor, tableflip, ecdysis, shellflip, heirloom              [all]
  --budget            fail if heirloom does not keep its budget
  --json              a record of JSON on each line";

    /// Reads the arguments that follow the program's name.
    pub(crate) fn parse(given: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut options = Self::default();
        let (mut seconds, mut given) = (None, given.into_iter());
        while let Some(option) = given.next() {
            let mut value = || given.next().ok_or(format!("{option} needs a value"));
            match option.as_str() {
                "--json" => options.json = true,
                "--budget" => options.budget = true,
                "--peers" => options.peers = list(&value()?)?,
                "--runs" => options.runs = number(&value()?)?,
                "--listeners" => options.listeners = list(&value()?)?,
                "--upgrades" => options.upgrades = number(&value()?)?,
                "--seconds" => seconds = Some(number(&value()?)?),
                "--rate" => options.plan.rate = at_least_1(&value()?)?,
                "--clients" => options.plan.clients = at_least_1(&value()?)?,
                _ => return Err(format!("unknown option {option}\n{}", Self::USAGE)),
            }
        }
        options.time = time(seconds, options.upgrades)?;
        Ok(options)
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            json: false,
            budget: false,
            peers: Peer::ALL.into(),
            runs: 20,
            listeners: vec![1, 100, 1_000, 10_000],
            upgrades: 10,
            time: Duration::ZERO,
            plan: Plan { rate: 2_000, clients: 16 },
        }
    }
}

/// Every peer is to be upgraded as often in that time, and the slowest takes half a second for each.
fn time(seconds: Option<f64>, upgrades: usize) -> Result<Duration, String> {
    let seconds = seconds.unwrap_or_else(|| (0.6 * upgrades as f64).max(10.0));
    Duration::try_from_secs_f64(seconds).map_err(|error| format!("{seconds} seconds: {error}"))
}

fn list<T: FromStr>(text: &str) -> Result<Vec<T>, String> {
    text.split(',').map(number).collect()
}

fn at_least_1(text: &str) -> Result<usize, String> {
    match number(text)? {
        0 => Err("at least 1 is needed".into()),
        number => Ok(number),
    }
}

fn number<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{text} is not understood\n{}", Options::USAGE))
}
