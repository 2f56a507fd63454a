//! How much is in flight.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use super::watch::Watch;
use crate::wakers::Wakers;

/// How many guards there are. The last one to go tells whoever waits for none.
#[derive(Debug, Default)]
pub(crate) struct Count {
    /// All that were ever taken.
    taken: AtomicU64,
    /// Those of them that have gone.
    gone: AtomicU64,
    waiting: Mutex<Wakers>,
    changed: Condvar,
    watch: Option<Watch>,
}

impl Count {
    pub(super) fn watched(watch: Watch) -> Self {
        Self { watch: Some(watch), ..Self::default() }
    }

    pub(crate) fn increment(&self) {
        self.taken.fetch_add(1, Ordering::SeqCst);
        self.tell_watch();
    }

    /// No lock, unless it is the last one: the one that finds as many gone as were taken. Two that go
    /// at once are told apart by their number, and one that comes meanwhile goes later.
    pub(crate) fn decrement(&self) {
        let gone = self.gone.fetch_add(1, Ordering::SeqCst).wrapping_add(1);
        if gone == self.taken.load(Ordering::SeqCst) {
            // Whoever waits has looked before this lock, and is woken, or looks after it.
            let tasks = self.lock().take();
            self.changed.notify_all();
            tasks.for_each(std::task::Waker::wake);
        }
        self.tell_watch();
    }

    /// Whoever watches looks at the next change.
    pub(super) fn want(&self) {
        if let Some(watch) = &self.watch {
            watch.want();
        }
    }

    /// Whether there ever was one.
    pub(super) fn is_used(&self) -> bool {
        self.taken.load(Ordering::SeqCst) != 0
    }

    fn tell_watch(&self) {
        if let Some(watch) = &self.watch {
            watch.changed();
        }
    }

    /// How many there are now.
    pub(crate) fn count(&self) -> u64 {
        // In this order one that comes and goes in between cannot be missed below none.
        let gone = self.gone();
        self.taken.load(Ordering::SeqCst).wrapping_sub(gone)
    }

    /// How many have gone so far.
    pub(crate) fn gone(&self) -> u64 {
        self.gone.load(Ordering::SeqCst)
    }

    /// Waits until there is none, for at most `timeout`; tells whether it came to that.
    pub(crate) fn wait_for_none(&self, timeout: Duration) -> bool {
        let is_some = |_: &mut Wakers| self.count() != 0;
        let waited = self.changed.wait_timeout_while(self.lock(), timeout, is_some);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    fn lock(&self) -> MutexGuard<'_, Wakers> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits until there is none.
#[derive(Debug)]
pub(super) struct Empty {
    count: Arc<Count>,
    place: u64,
}

impl Empty {
    pub(super) fn new(count: &Arc<Count>) -> Self {
        Self { place: count.lock().place(), count: Arc::clone(count) }
    }
}

impl Future for Empty {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let waker = context.waker().clone();
        let old = self.count.lock().keep(self.place, waker);
        // Not under the lock.
        drop(old);
        match self.count.count() {
            0 => Poll::Ready(()),
            _ => Poll::Pending,
        }
    }
}

impl Drop for Empty {
    fn drop(&mut self) {
        let waker = self.count.lock().forget(self.place);
        // Not under the lock.
        drop(waker);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;
    use std::task::{Wake, Waker};
    use std::thread::{self, Thread};

    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    fn block_on(mut future: impl Future + Unpin) {
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        while Pin::new(&mut future).poll(&mut Context::from_waker(&waker)).is_pending() {
            thread::park();
        }
    }

    /// Far beyond what anything here takes.
    const DEADLINE: Duration = Duration::from_secs(20);

    #[test]
    fn last_one_to_go_wakes_whoever_waits_however_they_meet() {
        const ROUNDS: usize = 10_000;
        const THREADS: usize = 3;
        let count = Arc::new(Count::default());
        let barrier = Barrier::new(THREADS + 2);
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    for _ in 0..ROUNDS {
                        count.increment();
                        barrier.wait();
                        count.decrement();
                        barrier.wait();
                    }
                });
            }
            scope.spawn(|| {
                for _ in 0..ROUNDS {
                    barrier.wait();
                    block_on(Empty::new(&count));
                    barrier.wait();
                }
            });
            for round in 0..ROUNDS {
                barrier.wait();
                assert!(count.wait_for_none(DEADLINE), "nobody has told in round {round}");
                barrier.wait();
            }
        });
        assert_eq!((count.count(), count.gone()), (0, (ROUNDS * THREADS) as u64));
    }

    #[test]
    fn one_that_comes_while_the_last_goes_is_waited_for() {
        let count = Count::default();
        for _ in 0..2_000 {
            count.increment();
            thread::scope(|scope| {
                let waits = scope.spawn(|| count.wait_for_none(DEADLINE));
                count.increment();
                count.decrement();
                count.decrement();
                assert!(waits.join().unwrap());
            });
        }
        count.increment();
        assert!(!count.wait_for_none(Duration::ZERO));
    }

    #[test]
    fn future_that_is_dropped_leaves_no_waker() {
        let count = Arc::new(Count::default());
        count.increment();
        let task = Arc::new(Unpark(thread::current()));
        let waker = Waker::from(Arc::clone(&task));
        let mut empty = Empty::new(&count);
        assert!(Pin::new(&mut empty).poll(&mut Context::from_waker(&waker)).is_pending());
        drop((empty, waker));
        assert_eq!(Arc::strong_count(&task), 1);
    }
}
