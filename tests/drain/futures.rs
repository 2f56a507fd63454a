//! Handlers that are futures, on a runtime without a timer and on tokio.

use std::future::pending;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use heirloom::Drain;

use crate::block_on::{block_on, poll_once};
use crate::{LONG, SHORT};

#[test]
fn future_is_dropped_when_its_time_is_over() {
    let drain = Drain::new();
    let held = Arc::new(());
    let its = Arc::clone(&held);
    let run = drain.run(async move {
        let _its = its;
        pending::<()>().await
    });
    let handler = thread::spawn(|| block_on(run));
    let drained = block_on(drain.drained(Duration::ZERO, SHORT)).unwrap();
    assert_eq!((drained.finished, drained.dropped), (0, 1));
    assert_eq!(handler.join().unwrap(), None);
    assert_eq!((Arc::strong_count(&held), drain.open()), (1, 0));
}

#[test]
fn future_that_ends_in_time_tells_what_it_has_brought() {
    let drain = Drain::new();
    let guard = drain.guard();
    let run = drain.run(async move {
        guard.told().await;
        "in order"
    });
    let handler = thread::spawn(|| block_on(run));
    let drained = block_on(drain.drained(Duration::ZERO, LONG)).unwrap();
    assert_eq!((drained.finished, drained.dropped), (2, 0));
    assert_eq!(handler.join().unwrap(), Some("in order"));
}

#[test]
fn future_counts_before_it_is_polled_and_no_more_when_it_is_dropped_unpolled() {
    let drain = Drain::new();
    let run = drain.run(async {});
    assert_eq!(drain.open(), 1);
    drop(run);
    assert_eq!(drain.open(), 0);
}

#[test]
fn what_a_future_holds_is_gone_before_its_guard() {
    struct Looks(Drain);
    impl Drop for Looks {
        fn drop(&mut self) {
            assert_eq!(self.0.open(), 1);
        }
    }
    let drain = Drain::new();
    let looks = Looks(drain.clone());
    let future = |looks| async move {
        let _looks: Looks = looks;
        pending::<()>().await
    };
    drop(drain.run(future(looks)));
    let mut polled = Box::pin(drain.run(future(Looks(drain.clone()))));
    assert!(poll_once(&mut polled).is_pending());
    drop(polled);
    assert_eq!(drain.open(), 0);
}

#[test]
fn future_begun_after_the_end_is_polled_once() {
    let drain = Drain::new();
    let left = drain.guard();
    drain.wait(Duration::ZERO, Duration::ZERO);
    assert!(left.is_over());
    assert_eq!(block_on(drain.run(async { 1 })), Some(1));
    assert_eq!(block_on(drain.run(pending::<()>())), None);
}

#[test]
fn who_finishes_before_the_soft_limit_is_never_told() {
    let drain = Drain::new();
    let guard = drain.guard();
    let mut waits = Box::pin(drain.drained(LONG, LONG));
    assert!(poll_once(&mut waits).is_pending());
    assert!(!guard.is_told());
    drop(guard);
    let drained = block_on(waits).unwrap();
    assert_eq!((drained.finished, drained.dropped), (1, 0));
}

#[test]
fn wait_that_is_dropped_tells_and_gives_up_nobody() {
    let drain = Drain::new();
    let guard = drain.guard();
    let mut waits = Box::pin(drain.drained(SHORT, SHORT));
    assert!(poll_once(&mut waits).is_pending());
    drop(waits);
    assert!(!guard.told().wait_timeout(3 * SHORT) && !guard.is_over());
}

#[test]
fn limits_are_kept_on_a_runtime_whose_timer_is_off() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let drain = Drain::new();
    let guard = drain.guard();
    let begun = Instant::now();
    let drained = runtime.block_on(drain.drained(SHORT, 3 * SHORT)).unwrap();
    assert_eq!(drained.dropped, 1);
    assert!(begun.elapsed() >= 3 * SHORT && guard.is_told() && guard.is_over());
}

#[test]
fn many_tasks_of_a_runtime_end_when_they_are_told_and_the_others_are_dropped() {
    const TASKS: u64 = 1_000;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        let drain = Drain::new();
        let mut tasks = Vec::new();
        for number in 0..TASKS {
            let told = drain.guard().told();
            let task = async move {
                told.await;
                tokio::task::yield_now().await;
                if number % 4 == 0 { pending().await } else { number }
            };
            tasks.push(tokio::spawn(drain.run(task)));
        }
        let drained = drain.drained(Duration::ZERO, 10 * SHORT).await.unwrap();
        assert_eq!((drained.finished, drained.dropped), (TASKS * 3 / 4, TASKS / 4));
        for (number, task) in (0..).zip(tasks) {
            assert_eq!(task.await.unwrap(), (number % 4 != 0).then_some(number));
        }
        assert_eq!(drain.open(), 0);
    });
}

#[test]
fn no_end_is_missed_among_thousands_however_tasks_and_the_wait_meet() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        for _ in 0..3_000 {
            let drain = Drain::new();
            let guard = drain.guard();
            let task = tokio::spawn(async move { guard.told().await });
            let drained = drain.drained(Duration::ZERO, LONG).await.unwrap();
            assert_eq!((drained.finished, drained.dropped), (1, 0));
            task.await.unwrap();
        }
    });
}

#[test]
fn notice_is_given_to_all_of_its_clones() {
    let drain = Drain::new();
    let guard = drain.guard();
    let mut notices = [guard.told(), guard.told()];
    for notice in &mut notices {
        assert!(poll_once(notice).is_pending());
    }
    let clones = notices.clone();
    drain.tell();
    for mut notice in notices.into_iter().chain(clones) {
        assert!(notice.is_given() && poll_once(&mut notice).is_ready());
    }
}
