//! One answer, from the driver's thread to whoever has asked for it.

use std::future::Future;
use std::mem::replace;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::error::{Error, ErrorKind};

/// A place for one answer, which can be waited for and awaited on any runtime.
pub(crate) fn reply<T>() -> (Reply<T>, Answer<T>) {
    let state = Mutex::new(State::Open(None));
    let place = Arc::new(Place { state, changed: Condvar::new() });
    (Reply(Arc::new(Last(Arc::clone(&place)))), Answer(place))
}

/// Where the answer goes. The first one counts; when all clones are dropped without one, whoever has
/// asked is told that the upgrader has ended.
#[derive(Debug)]
pub(crate) struct Reply<T>(Arc<Last<T>>);

impl<T> Reply<T> {
    /// Answers. Whoever asked may have gone.
    pub(crate) fn send(&self, answer: Result<T, Error>) {
        self.0.0.settle(answer);
    }
}

impl<T> Clone for Reply<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// What all clones of a reply share.
#[derive(Debug)]
struct Last<T>(Arc<Place<T>>);

impl<T> Drop for Last<T> {
    fn drop(&mut self) {
        self.0.settle(Err(ended()));
    }
}

/// Where the answer comes: a future, or waited for.
#[derive(Debug)]
#[must_use = "an answer that nobody waits for is lost"]
pub(crate) struct Answer<T>(Arc<Place<T>>);

impl<T> Answer<T> {
    /// Waits for as long as it takes.
    pub(crate) fn wait(self) -> Result<T, Error> {
        let is_open = |state: &mut State<T>| matches!(state, State::Open(_));
        let waited = self.0.changed.wait_while(self.0.lock(), is_open);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        match replace(&mut *state, State::Over) {
            State::Settled(answer) => answer,
            State::Open(_) | State::Over => Err(ended()),
        }
    }
}

impl<T> Future for Answer<T> {
    type Output = Result<T, Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let next = State::Open(Some(context.waker().clone()));
        let mut state = self.0.lock();
        let is_open = matches!(*state, State::Open(_));
        let before = replace(&mut *state, if is_open { next } else { State::Over });
        drop(state);
        // A waker may run anything when it is dropped: not under the lock.
        match before {
            State::Open(_) => Poll::Pending,
            State::Settled(answer) => Poll::Ready(answer),
            State::Over => Poll::Ready(Err(ended())),
        }
    }
}

impl<T> Drop for Answer<T> {
    fn drop(&mut self) {
        let before = replace(&mut *self.0.lock(), State::Over);
        drop(before);
    }
}

#[derive(Debug)]
struct Place<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

#[derive(Debug)]
enum State<T> {
    /// Not answered yet; the task that is to be woken.
    Open(Option<Waker>),
    Settled(Result<T, Error>),
    /// The answer was taken, or whoever asked has gone.
    Over,
}

impl<T> Place<T> {
    fn settle(&self, answer: Result<T, Error>) {
        let mut state = self.lock();
        if !matches!(*state, State::Open(_)) {
            return;
        }
        let before = replace(&mut *state, State::Settled(answer));
        drop(state);
        self.changed.notify_all();
        if let State::Open(Some(waker)) = before {
            waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn ended() -> Error {
    Error::new(ErrorKind::Closed, "the upgrader has ended")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    #[derive(Default)]
    struct Counter(AtomicUsize);

    impl Wake for Counter {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn poll<T>(answer: &mut Answer<T>, counter: &Arc<Counter>) -> Poll<Result<T, Error>> {
        let waker = Waker::from(Arc::clone(counter));
        Pin::new(answer).poll(&mut Context::from_waker(&waker))
    }

    #[test]
    fn first_answer_counts_and_wakes_the_task_that_polled_last() {
        let (reply, mut answer) = reply();
        let counters = [Arc::new(Counter::default()), Arc::new(Counter::default())];
        for counter in &counters {
            assert!(poll(&mut answer, counter).is_pending());
        }
        reply.clone().send(Ok(1));
        reply.send(Ok(2));
        assert_eq!([0, 1], counters.each_ref().map(|counter| counter.0.load(Ordering::SeqCst)));
        assert!(matches!(poll(&mut answer, &counters[0]), Poll::Ready(Ok(1))));
        assert!(matches!(poll(&mut answer, &counters[0]), Poll::Ready(Err(_))), "taken once");
    }

    #[test]
    fn reply_dropped_without_an_answer_tells_that_the_upgrader_has_ended() {
        let (reply, mut answer) = reply::<()>();
        let counter = Arc::new(Counter::default());
        let clone = reply.clone();
        drop(reply);
        assert!(poll(&mut answer, &counter).is_pending(), "a clone may still answer");
        drop(clone);
        assert_eq!(counter.0.load(Ordering::SeqCst), 1);
        assert_eq!(answer.wait().unwrap_err().kind(), ErrorKind::Closed);
    }

    #[test]
    fn answer_that_is_dropped_leaves_no_waker_and_nobody_minds() {
        let (reply, mut answer) = reply();
        let counter = Arc::new(Counter::default());
        assert!(poll(&mut answer, &counter).is_pending());
        drop(answer);
        assert_eq!(Arc::strong_count(&counter), 1);
        reply.send(Ok(()));
        assert_eq!(counter.0.load(Ordering::SeqCst), 0);
    }

    #[test]
    fn no_answer_is_missed_however_the_two_threads_meet() {
        for round in 0..20_000 {
            let (reply, answer) = reply();
            std::thread::scope(|scope| {
                scope.spawn(move || {
                    if round % 2 == 0 {
                        reply.send(Ok(round))
                    }
                });
                let told = answer.wait();
                assert_eq!(told.ok(), (round % 2 == 0).then_some(round));
            });
        }
    }
}
