//! What the clients saw: every answer and every failure, with exact latencies.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// One right answer.
#[derive(Clone, Copy)]
pub(crate) struct Answer {
    /// Number of the client that asked.
    pub(crate) client: usize,
    /// Just before the first byte was written, or before connecting where that was needed.
    pub(crate) begun: Instant,
    /// From there to the last byte of the answer.
    pub(crate) latency: Duration,
    /// Generation that answered.
    pub(crate) generation: u64,
}

/// One request that was refused, reset, cut or answered wrongly.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// Number of the client that asked.
    pub(crate) client: usize,
    /// Since the clients began.
    pub(crate) at: Duration,
    /// What happened.
    pub(crate) what: String,
}

/// The record that all clients write.
pub(crate) struct Statistics {
    begun: Instant,
    record: Mutex<Record>,
    changed: Condvar,
}

#[derive(Default)]
struct Record {
    answers: Vec<Answer>,
    failures: Vec<Failure>,
}

impl Statistics {
    pub(crate) fn new() -> Self {
        Self { begun: Instant::now(), record: Mutex::default(), changed: Condvar::new() }
    }

    pub(crate) fn answered(&self, answer: Answer) {
        self.lock().answers.push(answer);
        self.changed.notify_all();
    }

    pub(crate) fn failed(&self, client: usize, what: String) {
        let at = self.begun.elapsed();
        self.lock().failures.push(Failure { client, at, what });
    }

    /// Everything answered to requests begun at `from` or later.
    pub(crate) fn since(&self, from: Instant) -> Vec<Answer> {
        let record = self.lock();
        let answers = record.answers.iter();
        answers.filter(|answer| answer.begun >= from).copied().collect()
    }

    pub(crate) fn failures(&self) -> Vec<Failure> {
        self.lock().failures.clone()
    }

    pub(crate) fn all(&self) -> Vec<Answer> {
        self.lock().answers.clone()
    }

    /// Waits until each of `clients` has had an answer by `generation` to a request begun at
    /// `from` or later; false if that takes longer than `timeout`.
    pub(crate) fn wait_for_all(
        &self,
        clients: usize,
        generation: u64,
        from: Instant,
        timeout: Duration,
    ) -> bool {
        let mut heard = vec![false; clients];
        let mut seen = 0;
        let missing = |record: &mut Record| {
            for answer in record.answers.iter().skip(seen) {
                if answer.generation == generation
                    && answer.begun >= from
                    && let Some(heard) = heard.get_mut(answer.client)
                {
                    *heard = true;
                }
            }
            seen = record.answers.len();
            heard.contains(&false)
        };
        let waited = self.changed.wait_timeout_while(self.lock(), timeout, missing);
        let (_record, wait) = waited.unwrap_or_else(PoisonError::into_inner);
        !wait.timed_out()
    }

    fn lock(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sorted times, of which any quantile can be told.
pub(crate) struct Quantiles(Vec<Duration>);

impl Quantiles {
    pub(crate) fn p50(&self) -> Duration {
        self.at(50)
    }

    pub(crate) fn p99(&self) -> Duration {
        self.at(99)
    }

    pub(crate) fn max(&self) -> Duration {
        self.at(100)
    }

    /// The smallest time that at least `percent` of all do not exceed; zero if there is none.
    fn at(&self, percent: usize) -> Duration {
        let rank = (self.0.len() * percent).div_ceil(100);
        let index = rank.saturating_sub(1);
        self.0.get(index).copied().unwrap_or_default()
    }
}

impl FromIterator<Duration> for Quantiles {
    fn from_iter<I: IntoIterator<Item = Duration>>(times: I) -> Self {
        let mut times: Vec<_> = times.into_iter().collect();
        times.sort_unstable();
        Self(times)
    }
}
