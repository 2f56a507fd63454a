//! The load: clients that ask at fixed times, whether or not they have been answered.

mod client;
mod request;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use client::Client;

/// Who asks, and how often.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Requests of all clients in a second.
    pub(crate) rate: usize,
    /// Those with an odd number keep their connection, the others have one for each request.
    pub(crate) clients: usize,
}

/// A request and what became of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// When it should have been sent, since the load began.
    pub(crate) due: Duration,
    /// When it was answered, by that clock, and by which process; or how it failed.
    pub(crate) outcome: Result<Answered, &'static str>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Answered {
    pub(crate) at: Duration,
    pub(crate) by: u32,
}

impl Sample {
    /// How long the client waited from when it should have asked. A request that is late because the one
    /// before it was answered late counts as late: no omission is coordinated.
    pub(crate) fn latency(&self) -> Option<Duration> {
        self.outcome.ok().map(|answered| answered.at.saturating_sub(self.due))
    }

    /// The same, by a clock that had run for so long when this one's began.
    pub(crate) fn later(&self, by: Duration) -> Self {
        let answered = |answered: Answered| Answered { at: answered.at + by, ..answered };
        Self { due: self.due + by, outcome: self.outcome.map(answered) }
    }

    /// The same, by a clock that began so much later; none if it was due before.
    fn since(&self, begun: Duration) -> Option<Self> {
        let answered = |answered: Answered| Answered { at: answered.at - begun, ..answered };
        let due = self.due.checked_sub(begun)?;
        Some(Self { due, outcome: self.outcome.map(answered) })
    }
}

/// Clients at work; they stop when it is dropped.
pub(crate) struct Load {
    begun: Instant,
    stops: Vec<Sender<Infallible>>,
    clients: Vec<JoinHandle<Vec<Sample>>>,
}

impl Load {
    /// Starts asking. The clients take turns. It begins when the service has been warmed up.
    pub(crate) fn start(address: SocketAddr, plan: Plan) -> io::Result<Self> {
        let asking = Instant::now();
        let begun = asking + WARM_UP;
        let mut load = Self { begun, stops: Vec::new(), clients: Vec::new() };
        let turn = Duration::from_secs_f64(1.0 / plan.rate as f64);
        for number in 0..plan.clients {
            let first = turn * number as u32;
            let interval = turn * plan.clients as u32;
            let client = Client::new(address, number % 2 == 1, asking, first, interval);
            let (stop, stopped) = mpsc::channel();
            let thread = thread::Builder::new().name(format!("client-{number}"));
            load.stops.push(stop);
            load.clients.push(thread.spawn(move || client.run(&stopped))?);
        }
        Ok(load)
    }

    /// The time since it began.
    pub(crate) fn elapsed(&self) -> Duration {
        Instant::now().saturating_duration_since(self.begun)
    }

    /// When it will have lasted so long.
    pub(crate) fn instant(&self, elapsed: Duration) -> Instant {
        self.begun + elapsed
    }

    /// Stops asking, and tells of every request since it began, in the order in which they were due.
    pub(crate) fn finish(mut self) -> Vec<Sample> {
        let mut samples: Vec<_> =
            self.join().iter().filter_map(|sample| sample.since(WARM_UP)).collect();
        samples.sort_by_key(|sample| sample.due);
        samples
    }

    fn join(&mut self) -> Vec<Sample> {
        self.stops.clear();
        self.clients.drain(..).filter_map(|client| client.join().ok()).flatten().collect()
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.join();
    }
}

/// Until every client and every path of a fresh service has run some times, in calm as with upgrades.
const WARM_UP: Duration = Duration::from_millis(250);
