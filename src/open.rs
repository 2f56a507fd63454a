//! How much is open in this process: requests, connections, whatever its application counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::mailbox::{Command, Mailbox};

/// A count that may never be used, and wakes the driver when the owner is to be told of it.
#[derive(Debug)]
pub(crate) struct OpenCount {
    open: AtomicU64,
    /// Somebody has counted.
    is_used: AtomicBool,
    /// This process drains, and the driver has not been woken since the owner was told.
    wakes: AtomicBool,
    mailbox: Arc<Mailbox>,
}

impl OpenCount {
    pub(crate) fn new(mailbox: &Arc<Mailbox>) -> Arc<Self> {
        Arc::new(Self {
            open: AtomicU64::new(0),
            is_used: AtomicBool::new(false),
            wakes: AtomicBool::new(false),
            mailbox: Arc::clone(mailbox),
        })
    }

    /// One more is open.
    #[cfg_attr(not(test), expect(dead_code, reason = "guards that count are yet to come"))]
    pub(crate) fn increment(&self) {
        self.open.fetch_add(1, Ordering::SeqCst);
        self.is_used.store(true, Ordering::SeqCst);
        self.changed();
    }

    /// One that was open is not any more.
    #[cfg_attr(not(test), expect(dead_code, reason = "guards that count are yet to come"))]
    pub(crate) fn decrement(&self) {
        self.open.fetch_sub(1, Ordering::SeqCst);
        self.changed();
    }

    /// How much is open; `None` if nobody has ever counted.
    pub(crate) fn count(&self) -> Option<u64> {
        self.is_used.load(Ordering::SeqCst).then(|| self.open.load(Ordering::SeqCst))
    }

    /// How much is open, for the owner: the driver is woken when that changes, once.
    pub(crate) fn watch(&self) -> Option<u64> {
        self.wakes.store(true, Ordering::SeqCst);
        self.count()
    }

    fn changed(&self) {
        if self.wakes.swap(false, Ordering::SeqCst) {
            // A driver that has ended tells nobody.
            let _ = self.mailbox.put(Command::OpenChanged);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    use crate::{Upgrader, testing};

    #[test]
    fn whoever_has_never_counted_counts_nothing() {
        let open = OpenCount::new(&Mailbox::new().unwrap());
        assert_eq!(open.count(), None);
        open.increment();
        open.increment();
        open.decrement();
        assert_eq!(open.count(), Some(1));
        open.decrement();
        assert_eq!(open.count(), Some(0));
    }

    /// The owner's status, once the elder has told this.
    fn expect_told(owner: &Upgrader, open: u64) {
        let deadline = Instant::now() + Duration::from_secs(20);
        let told = || owner.status().unwrap().draining.first().and_then(|elder| elder.open);
        while told() != Some(open) {
            assert!(Instant::now() < deadline, "{:?}, not {open}", told());
            std::thread::yield_now();
        }
    }

    #[test]
    fn two_owners_in_a_row_know_what_is_open_where_their_elder_drains() {
        let first = testing::first().unwrap();
        first.ready().unwrap();
        (0..3).for_each(|_| first.open().increment());
        assert_eq!(first.status().unwrap().open, Some(3));
        let second = testing::successor_of(&first).unwrap();
        second.ready().unwrap();
        expect_told(&second, 3);
        first.open().decrement();
        expect_told(&second, 2);
        let third = testing::successor_of(&second).unwrap();
        third.ready().unwrap();
        drop(second);
        expect_told(&third, 2);
        first.open().decrement();
        first.open().decrement();
        expect_told(&third, 0);
        assert_eq!(third.status().unwrap().open, None);
    }

    #[test]
    fn the_driver_is_woken_once_for_each_time_the_owner_is_told() {
        let mailbox = Mailbox::new().unwrap();
        let open = OpenCount::new(&mailbox);
        open.increment();
        assert!(mailbox.take().is_empty(), "nobody watches");
        assert_eq!(open.watch(), Some(1));
        (0..10).for_each(|_| open.increment());
        assert_eq!(mailbox.take().len(), 1);
        assert_eq!(open.watch(), Some(11));
        open.decrement();
        assert_eq!(mailbox.take().len(), 1);
    }
}
