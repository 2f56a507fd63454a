//! The end of this process's part in the service.

use std::future::Future;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use nix::sys::eventfd::EventFd;

use crate::latch::{Latch, Notice};

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
#[derive(Clone, Debug)]
#[must_use = "a service that never looks at it serves on after its successor has taken over"]
pub struct Exit {
    notice: Notice,
    signal: Arc<EventFd>,
}

impl Exit {
    pub(crate) fn new(latch: &Arc<Latch>) -> io::Result<Self> {
        Ok(Self { notice: Notice::new(latch), signal: Arc::clone(latch.signal()?) })
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
        self.notice.wait();
    }

    /// Waits for at most `timeout`; tells whether it has fired.
    ///
    /// ```
    /// # let upgrader = heirloom::testing::first()?;
    /// assert!(!upgrader.exit().wait_timeout(std::time::Duration::from_millis(1)));
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        self.notice.wait_timeout(timeout)
    }

    /// Whether it has fired.
    ///
    /// ```
    /// # let upgrader = heirloom::testing::first()?;
    /// assert!(!upgrader.exit().is_fired());
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn is_fired(&self) -> bool {
        self.notice.is_given()
    }
}

impl AsFd for Exit {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.signal.as_fd()
    }
}

impl Future for Exit {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.notice).poll(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Wake, Waker};

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
        let latch = Latch::new();
        let exit = Exit::new(&latch).unwrap();
        assert!(!exit.is_fired() && !is_readable(&exit) && !exit.wait_timeout(Duration::ZERO));
        latch.fire();
        latch.fire();
        exit.wait();
        assert!(exit.is_fired() && is_readable(&exit) && exit.wait_timeout(Duration::MAX));
        assert!(is_readable(&exit), "looking at it does not take it back");
    }

    #[test]
    fn exit_made_after_it_has_fired_is_readable() {
        let latch = Latch::new();
        latch.fire();
        assert!(is_readable(&Exit::new(&latch).unwrap()));
    }

    #[test]
    fn every_clone_wakes_its_own_task_and_a_dropped_one_leaves_nothing() {
        let latch = Latch::new();
        let (woken, dropped) = (Arc::new(Counter::default()), Arc::new(Counter::default()));
        let mut exits = [Exit::new(&latch).unwrap(), Exit::new(&latch).unwrap()];
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

    #[test]
    fn task_that_moves_is_woken_where_it_was_polled_last() {
        let latch = Latch::new();
        let mut exit = Exit::new(&latch).unwrap();
        let counters = [Arc::new(Counter::default()), Arc::new(Counter::default())];
        for counter in &counters {
            let waker = Waker::from(Arc::clone(counter));
            assert!(Pin::new(&mut exit).poll(&mut Context::from_waker(&waker)).is_pending());
        }
        latch.fire();
        assert_eq!(counters.map(|counter| counter.0.load(Ordering::SeqCst)), [0, 1]);
    }
}
