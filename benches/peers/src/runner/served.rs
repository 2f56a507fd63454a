//! What clients see of an upgrade.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::Duration;

use crate::budget;
use crate::load::{Load, Sample};
use crate::options::Options;
use crate::peer::Peer;
use crate::percentile::percentile;
use crate::points::{failed, points};
use crate::record::{self, Latency, Outcome, Seen, micros, seconds};
use crate::report::Report;
use crate::service::Service;

/// Measures one peer after the other, each first in calm and then with upgrades. Tells whether heirloom
/// keeps its budget; nobody who does not measure it has broken it.
pub(crate) fn measure(options: &Options, report: &mut Report) -> bool {
    let mut kept = true;
    let peers = options.peers.iter().filter(|peer| peer.serves() && options.upgrades > 0);
    for &peer in peers {
        let calm = Course::measure(peer, options, 0);
        let upgraded = Course::measure(peer, options, options.upgrades);
        let (calm, upgraded) = (record(peer, 0, calm), record(peer, options.upgrades, upgraded));
        report.load(&options.plan, &calm.0);
        report.load(&options.plan, &upgraded.0);
        if let Some(latency) = &upgraded.1 {
            report.latency(latency);
        }
        if peer == Peer::Heirloom {
            let budget = budget::judge(&calm.0, &upgraded.0);
            kept = budget.as_ref().is_some_and(|budget| budget.kept);
            report.budget(budget.as_ref());
        }
    }
    kept
}

/// What happened while a service was under load.
struct Course {
    samples: Vec<Sample>,
    /// When each upgrade was asked for.
    upgrades: Vec<Duration>,
}

impl Course {
    fn measure(peer: Peer, options: &Options, upgrades: usize) -> Result<Self, Box<dyn Error>> {
        let address = free_address()?;
        let arguments = ["serve", &address.to_string()];
        let mut service = Service::start(&peer.program()?, &arguments)?;
        let load = Load::start(address, options.plan)?;
        let asked = upgrade(&mut service, &load, options.time, upgrades)?;
        service.watch(load.instant(options.time))?;
        let course = Self { samples: load.finish(), upgrades: asked };
        course.check()?;
        Ok(course)
    }

    /// Each generation must have answered somebody: else the load went elsewhere.
    fn check(&self) -> Result<(), String> {
        let answered = self.samples.iter().filter_map(|sample| sample.outcome.ok());
        let processes: BTreeSet<_> = answered.map(|answered| answered.by).collect();
        let generations = self.upgrades.len() + 1;
        match processes.len() == generations {
            true => Ok(()),
            false => Err(format!("{} of {generations} generations have answered", processes.len())),
        }
    }

    fn seen(&self) -> Seen {
        let mut latencies: Vec<_> = self.samples.iter().filter_map(Sample::latency).collect();
        latencies.sort_unstable();
        let mut failures = BTreeMap::new();
        for kind in self.samples.iter().filter_map(|sample| sample.outcome.err()) {
            *failures.entry(kind).or_default() += 1;
        }
        let share = |share| micros(percentile(&latencies, share));
        Seen {
            requests: self.samples.len(),
            failed: failures.values().sum(),
            failures,
            p50_us: share(0.5),
            p99_us: share(0.99),
            p999_us: share(0.999),
            longest_gap_us: micros(self.longest_gap()),
        }
    }

    /// Between two answers, whoever was given them.
    fn longest_gap(&self) -> Duration {
        let answered = self.samples.iter().filter_map(|sample| sample.outcome.ok());
        let mut at: Vec<_> = answered.map(|answered| answered.at).collect();
        at.sort_unstable();
        let gaps = at.iter().zip(at.iter().skip(1)).map(|(before, after)| *after - *before);
        gaps.max().unwrap_or_default()
    }

    fn latency(&self, peer: Peer) -> Latency {
        Latency {
            peer: peer.name(),
            points: points(&self.samples),
            failed: failed(&self.samples),
            upgrades: self.upgrades.iter().copied().map(seconds).collect(),
        }
    }
}

/// Upgrades in equal intervals, or one after the other if they take longer. When each was asked for.
fn upgrade(
    service: &mut Service,
    load: &Load,
    time: Duration,
    upgrades: usize,
) -> Result<Vec<Duration>, Box<dyn Error>> {
    let mut asked = Vec::new();
    for number in 0..upgrades {
        let due = time.mul_f64((number as f64 + 0.5) / upgrades as f64);
        service.watch(load.instant(due))?;
        if load.elapsed() > longest(time) {
            break;
        }
        asked.push(load.elapsed());
        let upgraded = service.upgrade().and_then(|_| service.wait_for_predecessor());
        upgraded.map_err(|error| format!("upgrade {} of {upgrades}: {error}", number + 1))?;
    }
    Ok(asked)
}

/// Whoever needs longer than this for its upgrades is stopped, and it is said.
fn longest(time: Duration) -> Duration {
    2 * time + Duration::from_secs(30)
}

fn record(
    peer: Peer,
    wanted: usize,
    course: Result<Course, Box<dyn Error>>,
) -> (record::Load, Option<Latency>) {
    let name = peer.name();
    match course {
        Ok(course) => {
            let upgrades = course.upgrades.len();
            let note =
                (upgrades < wanted).then(|| format!("stopped at {upgrades} of {wanted} upgrades"));
            let outcome = Outcome::Measured(course.seen());
            let latency = (wanted > 0).then(|| course.latency(peer));
            (record::Load { peer: name, upgrades, outcome, note }, latency)
        }
        Err(error) => {
            let outcome = Outcome::Cannot { cannot: error.to_string() };
            (record::Load { peer: name, upgrades: wanted, outcome, note: None }, None)
        }
    }
}

/// One that nobody listens on, as every generation has to be given the same.
fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}
