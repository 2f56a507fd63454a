//! Tasks that wait for one thing, each in a place of its own.

use std::collections::BTreeMap;
use std::task::Waker;

/// Tasks that wait for one thing, each in a place of its own.
///
/// A waker may run anything when it is woken or dropped, so this hands out whatever leaves it: to be
/// woken or dropped when the lock around it has been let go.
#[derive(Debug, Default)]
pub(crate) struct Wakers {
    latest: u64,
    waiting: BTreeMap<u64, Waker>,
}

impl Wakers {
    /// A new place.
    pub(crate) fn place(&mut self) -> u64 {
        self.latest += 1;
        self.latest
    }

    /// Keeps a task in a place. Hands out the one that was there.
    pub(crate) fn keep(&mut self, place: u64, waker: Waker) -> Option<Waker> {
        self.waiting.insert(place, waker)
    }

    /// Empties a place.
    pub(crate) fn forget(&mut self, place: u64) -> Option<Waker> {
        self.waiting.remove(&place)
    }

    /// Empties all of them.
    pub(crate) fn take(&mut self) -> impl Iterator<Item = Waker> + use<> {
        std::mem::take(&mut self.waiting).into_values()
    }
}
