//! Who is to know how much is in flight: the owner, once this process has handed the service over to it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::mailbox::{Command, Mailbox};

/// Wakes the driver when the count has changed, if it wants to know.
pub(super) struct Watch {
    /// This process drains, and the driver has not been woken since it looked.
    wanted: AtomicBool,
    mailbox: Arc<Mailbox>,
}

impl Watch {
    pub(super) fn new(mailbox: &Arc<Mailbox>) -> Self {
        Self { wanted: AtomicBool::new(false), mailbox: Arc::clone(mailbox) }
    }

    /// The driver is going to look, and wants to be woken for the next change.
    pub(super) fn want(&self) {
        self.wanted.store(true, Ordering::SeqCst);
    }

    /// The count has changed.
    pub(super) fn changed(&self) {
        // Most changes come while nobody wants to know.
        if self.wanted.load(Ordering::SeqCst) && self.wanted.swap(false, Ordering::SeqCst) {
            // A driver that has ended tells nobody.
            let _ = self.mailbox.put(Command::OpenChanged);
        }
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Watch").field(&self.wanted).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Drain;
    use super::*;

    #[test]
    fn whoever_has_never_counted_counts_nothing() {
        let drain = Drain::watched(&Mailbox::new().unwrap().0);
        assert_eq!(drain.count_if_used(), None);
        let guards = [drain.guard(), drain.guard()];
        assert_eq!(drain.count_if_used(), Some(2));
        drop(guards);
        assert_eq!(drain.count_if_used(), Some(0));
    }

    #[test]
    fn the_driver_is_woken_once_for_each_time_it_looks() {
        let (mailbox, _wake) = Mailbox::new().unwrap();
        let drain = Drain::watched(&mailbox);
        let first = drain.guard();
        assert!(mailbox.take().is_empty(), "nobody wants to know");
        assert_eq!(drain.watch(), Some(1));
        let guards: Vec<_> = (0..10).map(|_| drain.guard()).collect();
        assert_eq!(mailbox.take().len(), 1);
        assert_eq!(drain.watch(), Some(11));
        drop((first, guards));
        assert_eq!(mailbox.take().len(), 1);
    }
}
