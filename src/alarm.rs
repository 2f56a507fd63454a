//! A length of time that can be awaited without a runtime's timer.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use crate::error::Error;
use crate::latch::{Latch, Notice};

/// A length of time that can be awaited on any runtime, also on one whose timer is off.
///
/// A thread waits for it, and ends with it or when this is dropped: it is for what a process does once
/// or twice in its life.
#[derive(Debug)]
pub(crate) struct Alarm {
    rung: Notice,
    called_off: Arc<Latch>,
}

impl Alarm {
    /// Rings after `timeout`, counted from now.
    ///
    /// # Errors
    ///
    /// Those of `pthread_create(3)`.
    pub(crate) fn after(timeout: Duration) -> Result<Self, Error> {
        let (rung, called_off) = (Latch::new(), Latch::new());
        let alarm = Self { rung: Notice::new(&rung), called_off: Arc::clone(&called_off) };
        let wait = move || {
            if !called_off.wait_timeout(timeout) {
                rung.fire();
            }
        };
        let thread = thread::Builder::new().name("heirloom-alarm".into()).spawn(wait);
        thread.map_err(|error| Error::io("a thread that waits cannot be started", error))?;
        Ok(alarm)
    }
}

impl Future for Alarm {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.rung).poll(context)
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.called_off.fire();
    }
}

/// Awaits `future` for at most `timeout`; tells whether it came to its end.
///
/// # Errors
///
/// Those of [`Alarm::after`].
pub(crate) async fn comes_within(
    mut future: impl Future<Output = ()> + Unpin,
    timeout: Duration,
) -> Result<bool, Error> {
    let mut alarm = None;
    std::future::poll_fn(|context| {
        if Pin::new(&mut future).poll(context).is_ready() {
            return Poll::Ready(Ok(true));
        }
        if timeout.is_zero() {
            return Poll::Ready(Ok(false));
        }
        // No thread for what has come already.
        if alarm.is_none() {
            alarm = Some(Alarm::after(timeout)?);
        }
        let alarm = alarm.as_mut().map(|alarm| Pin::new(alarm).poll(context));
        alarm.unwrap_or(Poll::Pending).map(|()| Ok(false))
    })
    .await
}
