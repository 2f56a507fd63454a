//! What a test and its clients' threads share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::support::DEADLINE;

/// How far each client has come, and that they are to end.
pub(crate) struct Load {
    over: AtomicBool,
    rounds: Mutex<Vec<u64>>,
    changed: Condvar,
}

impl Load {
    pub(crate) fn new(clients: usize) -> Self {
        let rounds = Mutex::new(vec![0; clients]);
        Self { over: AtomicBool::new(false), rounds, changed: Condvar::new() }
    }

    /// Ends the load when it is dropped, though an upgrade has failed.
    pub(crate) fn stop_on_drop(&self) -> impl Drop + use<'_> {
        struct StopOnDrop<'a>(&'a Load);
        impl Drop for StopOnDrop<'_> {
            fn drop(&mut self) {
                self.0.over.store(true, Ordering::Relaxed);
            }
        }
        StopOnDrop(self)
    }

    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// A client has had what it asked for once more.
    pub(crate) fn count(&self, client: usize) {
        self.lock()[client] += 1;
        self.changed.notify_all();
    }

    /// Waits until every client has come so much further.
    pub(crate) fn expect_rounds(&self, more: u64) {
        let enough: Vec<u64> = self.lock().iter().map(|rounds| rounds + more).collect();
        self.wait_for(&enough);
    }

    /// Waits until every client has come so far.
    pub(crate) fn expect(&self, rounds: u64) {
        let clients = self.lock().len();
        self.wait_for(&vec![rounds; clients]);
    }

    fn wait_for(&self, enough: &[u64]) {
        let waits = |rounds: &mut Vec<u64>| rounds.iter().zip(enough).any(|(is, to)| is < to);
        let (rounds, timeout) =
            self.changed.wait_timeout_while(self.lock(), DEADLINE, waits).unwrap();
        assert!(!timeout.timed_out(), "a client comes no further: {rounds:?} of {enough:?}");
    }

    fn lock(&self) -> MutexGuard<'_, Vec<u64>> {
        self.rounds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
