//! Something that happens once, and can be waited for in every way.

use std::future::Future;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use nix::sys::eventfd::{EfdFlags, EventFd};

use crate::wakers::Wakers;

/// Something that happens once and for all: a handler is told, or its time is over. See
/// [`Guard`](crate::Guard).
///
/// It can be waited for ([`wait`](Self::wait)), awaited on any runtime (it is a [`Future`]), asked
/// ([`is_given`](Self::is_given)), and put into a poll set ([`descriptor`](Self::descriptor)).
///
/// ```
/// use heirloom::Drain;
///
/// let drain = Drain::new();
/// let told = drain.guard().told();
/// assert!(!told.is_given());
/// drain.tell();
/// told.wait();
/// ```
#[derive(Debug)]
#[must_use = "nothing waits for it by itself"]
pub struct Notice {
    latch: Arc<Latch>,
    place: u64,
    /// The task that the latch wakes.
    kept: Option<Waker>,
}

impl Notice {
    pub(crate) fn new(latch: &Arc<Latch>) -> Self {
        let place = latch.lock().place();
        Self { latch: Arc::clone(latch), place, kept: None }
    }

    /// Waits for as long as it takes.
    ///
    /// ```
    /// # let drain = heirloom::Drain::new();
    /// # drain.tell();
    /// drain.guard().told().wait();
    /// ```
    pub fn wait(&self) {
        self.latch.wait();
    }

    /// Waits for at most `timeout`; tells whether it has been given.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # let drain = heirloom::Drain::new();
    /// assert!(!drain.guard().told().wait_timeout(Duration::from_millis(1)));
    /// ```
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        self.latch.wait_timeout(timeout)
    }

    /// Whether it has been given.
    ///
    /// ```
    /// # let drain = heirloom::Drain::new();
    /// assert!(!drain.guard().over().is_given());
    /// ```
    pub fn is_given(&self) -> bool {
        self.latch.is_fired()
    }

    /// A descriptor for a poll set, readable once the notice has been given; do not read from it. It
    /// is made when it is first asked for, and shared by all who wait for the same thing.
    ///
    /// ```
    /// use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    ///
    /// # let drain = heirloom::Drain::new();
    /// let told = drain.guard().told();
    /// let mut polled = [PollFd::new(told.descriptor()?, PollFlags::POLLIN)];
    /// assert_eq!(poll(&mut polled, PollTimeout::ZERO)?, 0);
    /// drain.tell();
    /// assert_eq!(poll(&mut polled, PollTimeout::NONE)?, 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of `eventfd(2)`: most often this process is out of descriptors.
    pub fn descriptor(&self) -> io::Result<BorrowedFd<'_>> {
        self.latch.signal().map(|signal| signal.as_fd())
    }
}

impl Clone for Notice {
    fn clone(&self) -> Self {
        Self::new(&self.latch)
    }
}

impl Future for Notice {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.latch.is_fired() {
            self.kept = None;
            return Poll::Ready(());
        }
        // Every turn of every connection comes here: no lock, if this task is the one that is woken.
        if self.kept.as_ref().is_some_and(|kept| kept.will_wake(context.waker())) {
            return Poll::Pending;
        }
        let waker = context.waker().clone();
        let mut wakers = self.latch.lock();
        if self.latch.is_fired() {
            return Poll::Ready(());
        }
        let old = wakers.keep(self.place, waker.clone());
        drop(wakers);
        drop((old, self.kept.replace(waker)));
        Poll::Pending
    }
}

impl Drop for Notice {
    fn drop(&mut self) {
        let waker = self.latch.lock().forget(self.place);
        // Not under the lock.
        drop(waker);
    }
}

/// The state behind every [`Notice`] of one thing.
#[derive(Debug, Default)]
pub(crate) struct Latch {
    /// Written under the lock.
    fired: AtomicBool,
    wakers: Mutex<Wakers>,
    changed: Condvar,
    /// Written under the lock.
    signal: OnceLock<Arc<EventFd>>,
}

impl Latch {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Fires, once and for all.
    pub(crate) fn fire(&self) {
        let mut wakers = self.lock();
        self.fired.store(true, Ordering::SeqCst);
        let tasks = wakers.take();
        if let Some(signal) = self.signal.get() {
            ring(signal);
        }
        drop(wakers);
        self.changed.notify_all();
        tasks.for_each(Waker::wake);
    }

    pub(crate) fn is_fired(&self) -> bool {
        self.fired.load(Ordering::SeqCst)
    }

    fn wait(&self) {
        let waited = self.changed.wait_while(self.lock(), |_| !self.is_fired());
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    pub(crate) fn wait_timeout(&self, timeout: Duration) -> bool {
        // A deadline beyond what the clock can tell is none.
        let Some(_) = Instant::now().checked_add(timeout) else {
            self.wait();
            return true;
        };
        let waited = self.changed.wait_timeout_while(self.lock(), timeout, |_| !self.is_fired());
        drop(waited.unwrap_or_else(PoisonError::into_inner));
        self.is_fired()
    }

    /// What is readable once it has fired, made now if nobody has asked for it before.
    pub(crate) fn signal(&self) -> io::Result<&Arc<EventFd>> {
        if let Some(signal) = self.signal.get() {
            return Ok(signal);
        }
        let made = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?;
        // Either this sees that it has fired, or whoever fires it sees the signal.
        let _wakers = self.lock();
        let signal = self.signal.get_or_init(|| Arc::new(made));
        if self.is_fired() {
            ring(signal);
        }
        Ok(signal)
    }

    fn lock(&self) -> MutexGuard<'_, Wakers> {
        self.wakers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn ring(signal: &EventFd) {
    // An eventfd that cannot take one more is readable already.
    let _ = signal.write(1);
}
