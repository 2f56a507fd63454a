//! Finishing what is in flight.

mod count;
mod guard;
mod watch;

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(crate) use count::Count;
pub use guard::Guard;

use crate::alarm::comes_within;
use crate::error::Error;
use crate::latch::{Latch, Notice};
use crate::mailbox::Mailbox;
use count::Empty;
use watch::Watch;

/// What a process has in flight, and its orderly end: a cheap clone. [`Upgrader::drain`] gives the
/// one of an upgrader.
///
/// Every connection, request or stream holds a [`Guard`]. When [`Upgrader::exit`] has fired, and nothing
/// new is accepted, [`wait`](Self::wait) or [`drained`](Self::drained) tells the handlers to come to an
/// end, waits until no guard is left, and at last gives up those that are. It needs no runtime and runs
/// on any.
///
/// ```
/// use std::thread;
/// use std::time::Duration;
/// use heirloom::{Drain, testing};
///
/// # fn main() -> Result<(), heirloom::Error> {
/// let service = testing::first()?;
/// service.ready()?;
/// let drain: Drain = service.drain();
///
/// let guard = drain.guard(); // taken where the connection is accepted
/// thread::spawn(move || {
///     // A kept-alive connection, say: it ends when it is told to.
///     guard.told().wait();
/// });
///
/// service.stop();
/// service.exit().wait();
/// let drained = drain.wait(Duration::ZERO, Duration::from_secs(30));
/// assert_eq!((drained.finished, drained.dropped), (1, 0));
/// # Ok(())
/// # }
/// ```
///
/// [`Upgrader::drain`]: crate::Upgrader::drain
/// [`Upgrader::exit`]: crate::Upgrader::exit
#[derive(Clone, Debug, Default)]
pub struct Drain(Arc<Parts>);

#[derive(Debug, Default)]
struct Parts {
    count: Arc<Count>,
    told: Arc<Latch>,
    over: Arc<Latch>,
}

impl Drain {
    /// One that belongs to no upgrader: for tests of handlers, or for a part of a service that is
    /// drained by itself.
    ///
    /// ```
    /// let drain = heirloom::Drain::new();
    /// assert_eq!(drain.open(), 0);
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts one more thing in flight, until the guard is dropped. Take it where the thing begins, on
    /// the very thread that accepts: one that a task takes when it first runs may come too late.
    ///
    /// Guards may be taken while this drains, and after that too.
    ///
    /// ```
    /// # let drain = heirloom::Drain::new();
    /// let guard = drain.guard();
    /// assert_eq!(drain.open(), 1);
    /// drop(guard);
    /// assert_eq!(drain.open(), 0);
    /// ```
    pub fn guard(&self) -> Guard {
        Guard::new(self)
    }

    /// Runs a future under a guard of its own, taken now, on any runtime. If the time is over before it
    /// has ended it is dropped, and this tells `None`.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// # let drain = heirloom::Drain::new();
    /// let connection = drain.run(async { "served" }); // to be spawned
    /// assert_eq!(drain.open(), 1);
    /// assert_eq!(connection.await, Some("served"));
    /// assert_eq!(drain.open(), 0);
    /// # });
    /// ```
    pub fn run<F: Future>(&self, future: F) -> impl Future<Output = Option<F::Output>> + use<F> {
        // In this order they are dropped if nobody polls it.
        let held = (future, self.guard());
        async move {
            let (future, guard) = held;
            guard.run(future).await
        }
    }

    /// How many guards there are now.
    ///
    /// ```
    /// # let drain = heirloom::Drain::new();
    /// let guards = [drain.guard(), drain.guard()];
    /// assert_eq!(drain.open(), 2);
    /// # drop(guards);
    /// ```
    pub fn open(&self) -> u64 {
        self.0.count.count()
    }

    /// Tells all handlers, and those to come, that they are to come to an end in order. Waiting does it
    /// too, after its soft limit.
    ///
    /// ```
    /// # let drain = heirloom::Drain::new();
    /// drain.tell();
    /// assert!(drain.guard().is_told());
    /// ```
    pub fn tell(&self) {
        self.0.told.fire();
    }

    /// Whether handlers are to come to an end in order.
    ///
    /// ```
    /// # let drain = heirloom::Drain::new();
    /// assert!(!drain.is_told());
    /// ```
    pub fn is_told(&self) -> bool {
        self.0.told.is_fired()
    }

    /// Waits on this thread until there is no guard.
    ///
    /// After `soft`, counted from now, all handlers are told to come to an end in order; zero: at once.
    /// After `hard`, counted from now too, the rest is given up: what [`run`](Self::run) runs is dropped,
    /// other handlers find that their time [is over](Guard::is_over), and this returns without waiting
    /// for any of them. A `hard` limit that is shorter than `soft` counts for both.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// # let drain = heirloom::Drain::new();
    /// let silent = drain.guard();
    /// let drained = drain.wait(Duration::ZERO, Duration::from_millis(10));
    /// assert_eq!((drained.finished, drained.dropped), (0, 1));
    /// assert!(silent.is_told() && silent.is_over());
    /// ```
    pub fn wait(&self, soft: Duration, hard: Duration) -> Drained {
        let course = Course::begin(self, hard);
        let early = self.0.count.wait_for_none(soft.min(hard));
        self.tell();
        let none = early || self.0.count.wait_for_none(course.left());
        course.end(none)
    }

    /// As [`wait`](Self::wait), to be awaited on any runtime. Both limits are counted from the first poll.
    ///
    /// It needs no timer of the runtime: a thread of its own keeps the limits and ends with them. When the
    /// future is dropped nobody is told any more, nor given up.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// # async fn end(drain: heirloom::Drain) -> Result<(), heirloom::Error> {
    /// let drained = drain.drained(Duration::ZERO, Duration::from_secs(30)).await?;
    /// eprintln!("{} finished, {} did not", drained.finished, drained.dropped);
    /// # Ok(())
    /// # }
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    /// # runtime.block_on(end(heirloom::Drain::new())).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) when that thread cannot be started: raise the limit of
    /// processes, or wait on a thread that there is.
    pub async fn drained(&self, soft: Duration, hard: Duration) -> Result<Drained, Error> {
        let course = Course::begin(self, hard);
        let early = comes_within(Empty::new(&self.0.count), soft.min(hard)).await?;
        self.tell();
        let none = early || comes_within(Empty::new(&self.0.count), course.left()).await?;
        Ok(course.end(none))
    }

    /// The one of an upgrader, whose driver may want to know the count.
    pub(crate) fn watched(mailbox: &Arc<Mailbox>) -> Self {
        let count = Arc::new(Count::watched(Watch::new(mailbox)));
        Self(Arc::new(Parts { count, ..Parts::default() }))
    }

    /// How many guards there are; `None` if there never was one.
    pub(crate) fn count_if_used(&self) -> Option<u64> {
        self.0.count.is_used().then(|| self.open())
    }

    /// As [`count_if_used`](Self::count_if_used); the driver is woken when that changes, once.
    pub(crate) fn watch(&self) -> Option<u64> {
        self.0.count.want();
        self.count_if_used()
    }

    fn count(&self) -> &Count {
        &self.0.count
    }

    fn told(&self) -> Notice {
        Notice::new(&self.0.told)
    }

    fn is_over(&self) -> bool {
        self.0.over.is_fired()
    }

    fn over(&self) -> Notice {
        Notice::new(&self.0.over)
    }
}

/// What became of what was in flight.
///
/// ```
/// use std::time::Duration;
///
/// let drained = heirloom::Drain::new().wait(Duration::ZERO, Duration::ZERO);
/// assert_eq!((drained.finished, drained.dropped), (0, 0));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Drained {
    /// How many guards were dropped while this was waited for, also those taken meanwhile.
    pub finished: u64,
    /// How many were left when the hard limit was reached.
    pub dropped: u64,
}

/// One wait, from its beginning to its end.
struct Course<'a> {
    drain: &'a Drain,
    begun: Instant,
    hard: Duration,
    gone: u64,
}

impl<'a> Course<'a> {
    fn begin(drain: &'a Drain, hard: Duration) -> Self {
        Self { drain, begun: Instant::now(), hard, gone: drain.0.count.gone() }
    }

    fn left(&self) -> Duration {
        self.hard.saturating_sub(self.begun.elapsed())
    }

    fn end(self, none: bool) -> Drained {
        let Parts { count, over, .. } = &*self.drain.0;
        let finished = count.gone().wrapping_sub(self.gone);
        let dropped = if none { 0 } else { count.count() };
        if dropped > 0 {
            tracing::warn!(target: "heirloom", event = "not_drained", finished, dropped, "not drained in time");
            over.fire();
        }
        Drained { finished, dropped }
    }
}
