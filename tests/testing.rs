//! A user's own test upgrades the user's own service: generations by threads, in one process.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::error::Error;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::Duration;

use heirloom::testing::Service;
use heirloom::{Builder, Exit, Upgrader};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

type Outcome = Result<(), Box<dyn Error + Send + Sync>>;

/// Answers each client with the generation that serves it.
fn answer(upgrader: &Upgrader, listener: &TcpListener, exit: &Exit) -> Outcome {
    while !exit.is_fired() {
        let watch = |descriptor| PollFd::new(descriptor, PollFlags::POLLIN);
        poll(&mut [watch(listener.as_fd()), watch(exit.as_fd())], PollTimeout::NONE)?;
        while let Ok((mut client, _)) = listener.accept() {
            write!(client, "{}", upgrader.generation())?;
        }
    }
    Ok(())
}

/// A service that tells where it listens.
fn serve(builder: Builder, address: &Sender<SocketAddr>) -> Outcome {
    let upgrader = builder.start()?;
    let listener: TcpListener = upgrader.fds().nonblocking().bind("127.0.0.1:0")?;
    address.send(listener.local_addr()?)?;
    upgrader.ready()?;
    answer(&upgrader, &listener, &upgrader.exit())
}

fn ask(address: SocketAddr) -> u64 {
    let mut answer = String::new();
    TcpStream::connect(address).unwrap().read_to_string(&mut answer).unwrap();
    answer.parse().unwrap()
}

#[test]
fn clients_are_served_through_every_upgrade() {
    let (sender, addresses) = channel();
    let sender = Mutex::new(sender);
    let run = move |builder| {
        let sender = sender.lock().unwrap().clone();
        serve(builder, &sender)
    };
    let mut service = Service::start(run).unwrap();
    let address = addresses.recv().unwrap();
    let over = Arc::new(AtomicBool::new(false));
    let client = {
        let over = Arc::clone(&over);
        thread::spawn(move || {
            let mut answers = Vec::new();
            while !over.load(Ordering::SeqCst) {
                answers.push(ask(address));
            }
            answers
        })
    };
    for generation in 2..=6 {
        service.upgrade().unwrap();
        assert_eq!(service.generation(), generation);
        assert_eq!(addresses.recv().unwrap(), address);
        service.drained(Duration::from_secs(20)).unwrap();
        assert_eq!(ask(address), generation);
    }
    over.store(true, Ordering::SeqCst);
    // While one takes over either may answer; it is not refused by both.
    let answers = client.join().unwrap();
    assert!(answers.iter().all(|generation| (1..=6).contains(generation)), "{answers:?}");
    service.stop().unwrap();
    assert!(TcpStream::connect(address).is_err(), "the last one has closed its listener");
}

/// Runs a first generation that serves, and next ones that do what they are told.
fn first_good_then(next: impl Fn(Builder) -> Outcome + Send + Sync + 'static) -> Service {
    let begun = AtomicU64::new(0);
    Service::start(move |builder| {
        if begun.fetch_add(1, Ordering::SeqCst) > 0 {
            return next(builder);
        }
        let upgrader = builder.start()?;
        upgrader.ready()?;
        upgrader.exit().wait();
        Ok(())
    })
    .unwrap()
}

#[test]
fn generation_that_fails_before_it_is_ready_tells_why_and_the_one_before_serves_on() {
    let mut service = first_good_then(|builder| {
        let _upgrader = builder.start()?;
        Err("no configuration".into())
    });
    assert_eq!(service.upgrade().unwrap_err().to_string(), "no configuration");
    assert_eq!(service.generation(), 1);
    // It is still there to be taken over from.
    let second = Upgrader::builder().handoff_socket(service.handoff_socket()).start().unwrap();
    assert_eq!(second.predecessor().unwrap().generation, 1);
    drop(second);
    service.stop().unwrap();
}

#[test]
fn generation_that_panics_is_a_failed_upgrade_and_not_a_failed_test() {
    #[allow(clippy::panic, reason = "it is what is tested")]
    let mut service = first_good_then(|_| panic!("out of luck"));
    let error = service.upgrade().unwrap_err().to_string();
    assert_eq!(error, "the service has panicked: out of luck");
    service.stop().unwrap();
}

#[test]
fn generation_that_returns_without_being_ready_is_a_failed_upgrade() {
    let mut service = first_good_then(|_| Ok(()));
    let error = service.upgrade().unwrap_err().to_string();
    assert_eq!(error, "the service has returned before it was ready");
    service.stop().unwrap();
}

#[test]
fn upgrade_that_the_service_asks_for_itself_does_not_run_the_test_again() {
    let (sender, failures) = channel();
    let sender = Mutex::new(sender);
    let service = Service::start(move |builder| {
        let upgrader = builder.start()?;
        upgrader.ready()?;
        let failure = upgrader.upgrade().unwrap_err();
        sender.lock().unwrap().send(failure.to_string())?;
        upgrader.exit().wait();
        Ok(())
    });
    let failure = failures.recv().unwrap();
    assert!(failure.contains("use `Service::upgrade`"), "{failure}");
    service.unwrap().stop().unwrap();
}

#[test]
fn generation_that_does_not_drain_in_time_is_named() {
    let barrier = Arc::new(Barrier::new(2));
    let waits = Arc::clone(&barrier);
    let mut service = Service::start(move |builder| {
        let upgrader = builder.start()?;
        upgrader.ready()?;
        upgrader.exit().wait();
        if upgrader.generation() == 1 {
            waits.wait();
            return Err("a client went away".into());
        }
        Ok(())
    })
    .unwrap();
    service.upgrade().unwrap();
    let error = service.drained(Duration::from_millis(10)).unwrap_err().to_string();
    assert_eq!(error, "generation 1 has not drained after 10 ms");
    barrier.wait();
    let error = service.drained(Duration::from_secs(20)).unwrap_err().to_string();
    assert_eq!(error, "a client went away");
    service.stop().unwrap();
}

#[test]
fn dropped_service_stops() {
    let (sender, stopped) = channel();
    let sender = Mutex::new(sender);
    let service = Service::start(move |builder| {
        let upgrader = builder.start()?;
        upgrader.ready()?;
        upgrader.exit().wait();
        sender.lock().unwrap().send(())?;
        Ok(())
    });
    drop(service.unwrap());
    stopped.recv_timeout(Duration::from_secs(20)).unwrap();
}
