//! What clients see of an upgrade.

use std::error::Error;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::Duration;

use crate::budget;
use crate::course::{Course, Slice};
use crate::load::Load;
use crate::options::Options;
use crate::peer::Peer;
use crate::record::{self, Outcome};
use crate::report::Report;
use crate::service::Service;

/// Measures all peers in slices of the time, in calm and with upgrades by turns: what a noisy moment costs
/// is shared. Tells whether heirloom keeps its budget; nobody who does not measure it has broken it.
pub(crate) fn measure(options: &Options, report: &mut Report) -> bool {
    let serving = options.peers.iter().filter(|peer| peer.serves() && options.upgrades > 0);
    let mut all: Vec<_> = serving.map(|&peer| Pair::new(peer)).collect();
    let rounds = rounds(options);
    for round in 0..rounds {
        report.progress(format_args!("load, round {} of {rounds}", round + 1));
        let upgrades = share(options.upgrades, round, rounds);
        let time = options.time / rounds as u32;
        all.iter_mut().for_each(|pair| pair.round(options, time, upgrades));
    }
    let kept: Vec<_> = all.iter().map(|pair| pair.report(options, report)).collect();
    !kept.contains(&false)
}

/// Some 2 s for each, with an upgrade at least.
fn rounds(options: &Options) -> usize {
    let rounds = (options.time.as_secs_f64() / 2.0) as usize;
    rounds.clamp(1, options.upgrades.max(1))
}

/// How many of all there are in one of the rounds.
fn share(all: usize, round: usize, rounds: usize) -> usize {
    all * (round + 1) / rounds - all * round / rounds
}

/// A peer without upgrades, and with them.
struct Pair {
    peer: Peer,
    calm: Result<Course, String>,
    upgraded: Result<Course, String>,
}

impl Pair {
    fn new(peer: Peer) -> Self {
        Self { peer, calm: Ok(Course::default()), upgraded: Ok(Course::default()) }
    }

    fn round(&mut self, options: &Options, time: Duration, upgrades: usize) {
        go_on(&mut self.calm, || slice(self.peer, options, time, 0));
        go_on(&mut self.upgraded, || slice(self.peer, options, time, upgrades));
    }

    /// Tells whether the peer keeps its budget, if it has one.
    fn report(&self, options: &Options, report: &mut Report) -> bool {
        let calm = record(self.peer, 0, &self.calm);
        let upgraded = record(self.peer, options.upgrades, &self.upgraded);
        report.load(&options.plan, &calm);
        report.load(&options.plan, &upgraded);
        if let Ok(course) = &self.upgraded {
            report.latency(&course.latency(self.peer));
        }
        if self.peer != Peer::Heirloom {
            return true;
        }
        let budget = budget::judge(&calm, &upgraded, options.upgrades);
        report.budget(budget.as_ref());
        budget.is_some_and(|budget| budget.kept)
    }
}

/// One that has failed is over.
fn go_on(
    course: &mut Result<Course, String>,
    slice: impl FnOnce() -> Result<Slice, Box<dyn Error>>,
) {
    if let Ok(going) = course {
        match slice() {
            Ok(slice) => going.append(slice),
            Err(error) => *course = Err(error.to_string()),
        }
    }
}

/// A fresh service under load, for so long or until it has been upgraded so often.
fn slice(
    peer: Peer,
    options: &Options,
    time: Duration,
    upgrades: usize,
) -> Result<Slice, Box<dyn Error>> {
    let address = free_address()?;
    let arguments = ["serve", &address.to_string()];
    let mut service = Service::start(&peer.program()?, &arguments)?;
    let load = Load::start(address, options.plan)?;
    let upgrades = upgrade(&mut service, &load, time, upgrades)?;
    service.watch(load.instant(time))?;
    let slice = Slice { length: load.elapsed(), samples: load.finish(), upgrades };
    slice.check()?;
    Ok(slice)
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
        service.upgrade()?;
        service.wait_for_predecessor()?;
    }
    Ok(asked)
}

/// Whoever needs longer than this for its upgrades is stopped, and it is said.
fn longest(time: Duration) -> Duration {
    3 * time + Duration::from_secs(5)
}

fn record(peer: Peer, wanted: usize, course: &Result<Course, String>) -> record::Load {
    let peer = peer.name();
    match course {
        Ok(course) => {
            let upgrades = course.upgrades();
            let short = upgrades < wanted;
            let note = short.then(|| format!("stopped at {upgrades} of {wanted} upgrades"));
            record::Load { peer, upgrades, outcome: Outcome::Measured(course.seen()), note }
        }
        Err(error) => {
            let outcome = Outcome::Cannot { cannot: error.clone() };
            record::Load { peer, upgrades: wanted, outcome, note: None }
        }
    }
}

/// One that nobody listens on, as every generation has to be given the same.
fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_upgrade_is_in_one_round() {
        let shares: Vec<_> = (0..30).map(|round| share(100, round, 30)).collect();
        assert_eq!(shares.iter().sum::<usize>(), 100);
        assert!(shares.iter().all(|share| (3..=4).contains(share)));
    }
}
