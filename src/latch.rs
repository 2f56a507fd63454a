//! Something that happens once, and can be waited for in every way.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use nix::sys::eventfd::{EfdFlags, EventFd};

/// Tells that this process is to finish what it has in flight and end: its successor owns the
/// service, or the service was stopped.
///
/// It can be waited for ([`wait`](Self::wait)), awaited on any runtime (it is a [`Future`]), asked
/// ([`is_fired`](Self::is_fired)), and put into a poll set ([`AsFd`]: readable once it has fired;
/// do not read from it).
///
/// ```
/// use heirloom::testing;
///
/// let upgrader = testing::first()?;
/// upgrader.ready()?;
/// let exit = upgrader.exit();
/// let serving = std::thread::spawn(move || exit.wait()); // or `exit.await` on any runtime
/// upgrader.stop();
/// serving.join().unwrap();
/// # Ok::<(), heirloom::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "a service that never looks at it serves on after its successor has taken over"]
pub struct Exit {
    latch: Arc<Latch>,
    key: u64,
}

impl Exit {
    pub(crate) fn new(latch: &Arc<Latch>) -> Self {
        let mut state = latch.lock();
        state.next_key += 1;
        Self { latch: Arc::clone(latch), key: state.next_key }
    }

    /// Waits for as long as it takes.
    ///
    /// ```
    /// # let upgrader = heirloom::testing::first()?;
    /// # upgrader.stop();
    /// upgrader.exit().wait();
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn wait(&self) {
        self.latch.wait();
    }

    /// Waits for at most `timeout`; tells whether it has fired.
    ///
    /// ```
    /// # let upgrader = heirloom::testing::first()?;
    /// assert!(!upgrader.exit().wait_timeout(std::time::Duration::from_millis(1)));
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        self.latch.wait_timeout(timeout)
    }

    /// Whether it has fired.
    ///
    /// ```
    /// # let upgrader = heirloom::testing::first()?;
    /// assert!(!upgrader.exit().is_fired());
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn is_fired(&self) -> bool {
        self.latch.lock().fired
    }
}

impl Clone for Exit {
    fn clone(&self) -> Self {
        Self::new(&self.latch)
    }
}

impl AsFd for Exit {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.latch.signal.as_fd()
    }
}

impl Future for Exit {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.latch.lock();
        if state.fired {
            return Poll::Ready(());
        }
        let old = state.wakers.insert(self.key, context.waker().clone());
        drop(state);
        // A waker may run anything when it is dropped: not under the lock.
        drop(old);
        Poll::Pending
    }
}

impl Drop for Exit {
    fn drop(&mut self) {
        let waker = self.latch.lock().wakers.remove(&self.key);
        // Not under the lock: see `poll`.
        drop(waker);
    }
}

/// The state behind every [`Exit`] of an upgrader.
#[derive(Debug)]
pub(crate) struct Latch {
    state: Mutex<State>,
    changed: Condvar,
    signal: EventFd,
}

#[derive(Debug, Default)]
struct State {
    fired: bool,
    next_key: u64,
    wakers: BTreeMap<u64, Waker>,
}

impl Latch {
    pub(crate) fn new() -> io::Result<Arc<Self>> {
        let signal = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?;
        Ok(Arc::new(Self { state: Mutex::default(), changed: Condvar::new(), signal }))
    }

    /// Fires, once and for all.
    pub(crate) fn fire(&self) {
        let wakers = {
            let mut state = self.lock();
            state.fired = true;
            std::mem::take(&mut state.wakers)
        };
        // An eventfd that cannot take one more is readable already.
        let _ = self.signal.write(1);
        self.changed.notify_all();
        wakers.into_values().for_each(Waker::wake);
    }

    fn wait(&self) {
        let state = self.changed.wait_while(self.lock(), |state| !state.fired);
        drop(state.unwrap_or_else(PoisonError::into_inner));
    }

    pub(crate) fn wait_timeout(&self, timeout: Duration) -> bool {
        // A deadline beyond what the clock can tell is none.
        let Some(_) = Instant::now().checked_add(timeout) else {
            self.wait();
            return true;
        };
        let waited = self.changed.wait_timeout_while(self.lock(), timeout, |state| !state.fired);
        waited.unwrap_or_else(PoisonError::into_inner).0.fired
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    #[derive(Default)]
    struct Counter(AtomicUsize);

    impl Wake for Counter {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn is_readable(exit: &Exit) -> bool {
        let mut polled = [PollFd::new(exit.as_fd(), PollFlags::POLLIN)];
        poll(&mut polled, PollTimeout::ZERO).unwrap() == 1
    }

    #[test]
    fn every_way_of_waiting_sees_it_fire_once_and_for_all() {
        let latch = Latch::new().unwrap();
        let exit = Exit::new(&latch);
        assert!(!exit.is_fired() && !is_readable(&exit) && !exit.wait_timeout(Duration::ZERO));
        latch.fire();
        latch.fire();
        exit.wait();
        assert!(exit.is_fired() && is_readable(&exit) && exit.wait_timeout(Duration::MAX));
        assert!(is_readable(&exit), "looking at it does not take it back");
    }

    #[test]
    fn every_clone_wakes_its_own_task_and_a_dropped_one_leaves_nothing() {
        let latch = Latch::new().unwrap();
        let (woken, dropped) = (Arc::new(Counter::default()), Arc::new(Counter::default()));
        let mut exits = [Exit::new(&latch), Exit::new(&latch)];
        for exit in &mut exits {
            let waker = Waker::from(Arc::clone(&woken));
            for _ in 0..2 {
                let polled = Pin::new(&mut *exit).poll(&mut Context::from_waker(&waker));
                assert!(polled.is_pending());
            }
        }
        let waker = Waker::from(Arc::clone(&dropped));
        let mut gone = exits[0].clone();
        assert!(Pin::new(&mut gone).poll(&mut Context::from_waker(&waker)).is_pending());
        drop((gone, waker));
        assert_eq!(Arc::strong_count(&dropped), 1);
        latch.fire();
        assert_eq!(woken.0.load(Ordering::SeqCst), 2);
        assert_eq!(dropped.0.load(Ordering::SeqCst), 0);
    }
}
