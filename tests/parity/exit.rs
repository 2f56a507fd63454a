//! `Exit`: waited for in every way.

use std::future::Future;
use std::os::fd::AsFd;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use heirloom::{Exit, Upgrader};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::generations::{PATIENCE, first, hand_over, within_patience};

fn ready_service() -> Upgrader {
    let service = first();
    service.ready().unwrap();
    service
}

/// Hands the service over; both generations live on.
fn replace(service: &Upgrader) -> Upgrader {
    hand_over(service, |_| Ok(())).0
}

fn is_readable(exit: &Exit, timeout: PollTimeout) -> bool {
    let mut set = [PollFd::new(exit.as_fd(), PollFlags::POLLIN)];
    poll(&mut set, timeout).unwrap() == 1
}

#[test]
fn exit_fires() {
    let service = ready_service();
    let exit = service.exit();
    assert!(!exit.is_fired());
    assert!(!exit.wait_timeout(Duration::ZERO));
    assert!(!is_readable(&exit, PollTimeout::ZERO));
    let successor = replace(&service);
    assert!(exit.wait_timeout(PATIENCE), "the successor owns the service");
    assert!(exit.is_fired());
    assert!(exit.wait_timeout(Duration::ZERO));
    assert!(is_readable(&exit, PollTimeout::ZERO));
    exit.wait();
    assert!(!successor.exit().is_fired());
}

#[test]
fn exit_is_told_to_those_who_wait_already() {
    let service = ready_service();
    let (waiting, timed, polled) = (service.exit(), service.exit(), service.exit());
    let waiters = [
        thread::spawn(move || {
            waiting.wait();
            true
        }),
        thread::spawn(move || timed.wait_timeout(PATIENCE)),
        thread::spawn(move || is_readable(&polled, PATIENCE.try_into().unwrap())),
    ];
    let _successor = replace(&service);
    within_patience(move || {
        for waiter in waiters {
            assert!(waiter.join().unwrap());
        }
    });
}

#[test]
fn exit_is_not_told_early() {
    let service = ready_service();
    let begun = Instant::now();
    let waited = Duration::from_millis(20);
    assert!(!service.exit().wait_timeout(waited));
    assert!(begun.elapsed() >= waited);
}

#[test]
fn exit_waits_for_longer_than_the_clock_can_tell() {
    let service = ready_service();
    let exit = service.exit();
    service.stop();
    assert!(within_patience(move || exit.wait_timeout(Duration::MAX)));
}

#[test]
fn exit_is_awaited_without_a_runtime() {
    let service = ready_service();
    let exit = service.exit();
    let waiter = thread::spawn(move || block_on(exit));
    let _successor = replace(&service);
    within_patience(move || waiter.join().unwrap());
    block_on(service.exit());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn exit_is_awaited_on_tokio() {
    let service = ready_service();
    let waiter = tokio::spawn(service.exit());
    let _successor = replace(&service);
    tokio::time::timeout(PATIENCE, waiter).await.expect("it fires in time").unwrap();
    tokio::time::timeout(PATIENCE, service.exit()).await.expect("it has fired");
}

#[tokio::test]
async fn exit_is_one_arm_of_a_select() {
    let service = ready_service();
    let mut exit = service.exit();
    tokio::select! {
        () = &mut exit => panic!("nothing has happened"),
        () = tokio::task::yield_now() => {}
    }
    service.stop();
    tokio::time::timeout(PATIENCE, exit).await.expect("it fires in time");
}

#[test]
fn exit_wakes_the_task_that_polled_last() {
    let service = ready_service();
    let exit = service.exit();
    let mut exit = pin!(exit);
    let earlier = Arc::new(Unpark(thread::spawn(|| ()).thread().clone()));
    let waker = Waker::from(earlier);
    assert!(exit.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    service.stop();
    within_patience({
        let exit = service.exit();
        move || block_on(exit)
    });
    assert!(exit.poll(&mut Context::from_waker(Waker::noop())).is_ready());
}

#[test]
fn exit_clones_are_told_and_dropped_one_by_one() {
    let service = ready_service();
    let exit = service.exit();
    let mut clones: Vec<_> = (0..3).map(|_| exit.clone()).collect();
    for clone in &mut clones {
        let polled = std::pin::Pin::new(clone).poll(&mut Context::from_waker(Waker::noop()));
        assert!(polled.is_pending());
    }
    let kept = clones.remove(1);
    drop(clones);
    drop(exit);
    let waiter = thread::spawn(move || block_on(kept));
    service.stop();
    within_patience(move || waiter.join().unwrap());
}

#[test]
fn exit_outlives_its_upgrader_and_fires_when_that_is_dropped() {
    let service = ready_service();
    let exit = service.exit();
    drop(service);
    assert!(exit.is_fired(), "an owner that is dropped has stopped");
}

/// The smallest runtime there is.
fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    let deadline = Instant::now() + PATIENCE;
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => {
                let left = deadline.checked_duration_since(Instant::now());
                thread::park_timeout(left.expect("it was not woken in time"));
            }
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
