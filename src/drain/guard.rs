//! One thing that is in flight.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;

use super::Drain;
use crate::latch::Notice;

/// One thing that is in flight, for as long as this lives: a connection, a request, a stream. Made by
/// [`Drain::guard`]; a handler that panics drops it too.
///
/// Its handler is told twice: to come to an end in order ([`told`](Self::told): close a kept-alive
/// connection after the next answer, send GOAWAY), and that its time is over ([`over`](Self::over)).
///
/// ```
/// let drain = heirloom::Drain::new();
/// let guard = drain.guard();
/// std::thread::spawn(move || drop(guard)).join().unwrap();
/// assert_eq!(drain.open(), 0);
/// ```
#[derive(Debug)]
#[must_use = "a guard that is dropped at once guards nothing"]
pub struct Guard {
    drain: Drain,
}

impl Guard {
    pub(super) fn new(drain: &Drain) -> Self {
        drain.count().increment();
        Self { drain: drain.clone() }
    }

    /// Whether the handler is to come to an end in order.
    ///
    /// ```
    /// # let drain = heirloom::Drain::new();
    /// let guard = drain.guard();
    /// let connection = if guard.is_told() { "close" } else { "keep-alive" };
    /// assert_eq!(connection, "keep-alive");
    /// ```
    pub fn is_told(&self) -> bool {
        self.drain.is_told()
    }

    /// Tells the handler to come to an end in order. It can be awaited, waited for and polled.
    ///
    /// ```
    /// # let drain = heirloom::Drain::new();
    /// let guard = drain.guard();
    /// drain.tell();
    /// guard.told().wait();
    /// ```
    pub fn told(&self) -> Notice {
        self.drain.told()
    }

    /// Whether the time is over: whoever drains waits no more, and the process is about to end. A
    /// thread that works in steps looks at it between them.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # let drain = heirloom::Drain::new();
    /// let guard = drain.guard();
    /// drain.wait(Duration::ZERO, Duration::ZERO);
    /// assert!(guard.is_over());
    /// ```
    pub fn is_over(&self) -> bool {
        self.drain.is_over()
    }

    /// Tells that the time is over. It can be awaited, waited for and polled.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # let drain = heirloom::Drain::new();
    /// let guard = drain.guard();
    /// drain.wait(Duration::ZERO, Duration::ZERO);
    /// guard.over().wait();
    /// ```
    pub fn over(&self) -> Notice {
        self.drain.over()
    }

    /// Runs a future on any runtime until it ends, or until the time is over: then it is dropped, and
    /// this tells `None`. See [`Drain::run`], which takes the guard too.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// # let drain = heirloom::Drain::new();
    /// let guard = drain.guard();
    /// assert_eq!(guard.run(async { 1 }).await, Some(1));
    /// drain.wait(Duration::ZERO, Duration::ZERO);
    /// assert_eq!(guard.run(std::future::pending::<()>()).await, None);
    /// # });
    /// ```
    pub async fn run<F: Future>(&self, future: F) -> Option<F::Output> {
        let mut future = pin!(future);
        let mut over = self.over();
        poll_fn(|context| match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending => Pin::new(&mut over).poll(context).map(|()| None),
        })
        .await
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.drain.count().decrement();
    }
}
