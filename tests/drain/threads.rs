//! Handlers that are threads.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::panic;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use heirloom::{Drain, Guard, testing};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::{LONG, SHORT};

#[test]
fn nothing_in_flight_is_drained_at_once() {
    let drain = Drain::new();
    let begun = Instant::now();
    let drained = drain.wait(LONG, LONG);
    assert_eq!((drained.finished, drained.dropped), (0, 0));
    assert!(begun.elapsed() < LONG / 2);
    assert!(drain.guard().is_told(), "who comes later is told at once");
    assert!(!drain.guard().is_over(), "and nothing is given up");
}

#[test]
fn handlers_are_told_after_the_soft_limit_and_given_up_after_the_hard_one() {
    let drain = Drain::new();
    let guard = drain.guard();
    let begun = Instant::now();
    thread::scope(|scope| {
        let waits = scope.spawn(|| drain.wait(2 * SHORT, 5 * SHORT));
        guard.told().wait();
        assert!(begun.elapsed() >= 2 * SHORT);
        assert!(!guard.is_over());
        guard.over().wait();
        assert!(begun.elapsed() >= 5 * SHORT);
        let drained = waits.join().unwrap();
        assert_eq!((drained.finished, drained.dropped), (0, 1));
    });
    drop(guard);
    assert_eq!(drain.open(), 0);
}

#[test]
fn hard_limit_shorter_than_the_soft_one_counts_for_both() {
    let drain = Drain::new();
    let guard = drain.guard();
    let begun = Instant::now();
    assert_eq!(drain.wait(LONG, SHORT).dropped, 1);
    assert!(begun.elapsed() < LONG / 2 && guard.is_told() && guard.is_over());
}

#[test]
fn limits_beyond_every_clock_are_none() {
    let drain = Drain::new();
    let guard = drain.guard();
    thread::scope(|scope| {
        let waits = scope.spawn(|| drain.wait(Duration::MAX, Duration::MAX));
        drop(guard);
        assert_eq!(waits.join().unwrap().dropped, 0);
    });
}

#[test]
fn handler_that_panics_is_in_flight_no_more() {
    let drain = Drain::new();
    let guard = drain.guard();
    let handler = thread::spawn(move || {
        let _guard: Guard = guard;
        panic::resume_unwind(Box::new("a handler panics"));
    });
    assert!(handler.join().is_err());
    let drained = drain.wait(Duration::ZERO, LONG);
    assert_eq!((drained.finished, drained.dropped), (0, 0));
}

#[test]
fn guard_taken_while_it_drains_is_waited_for() {
    let drain = Drain::new();
    let (first, late) = (drain.guard(), channel());
    thread::scope(|scope| {
        let waits = scope.spawn(|| drain.wait(Duration::ZERO, LONG));
        first.told().wait();
        late.0.send(drain.guard()).unwrap();
        drop(first);
        assert!(!waits.is_finished());
        assert!(late.1.recv().unwrap().is_told());
        assert_eq!(waits.join().unwrap().finished, 2);
    });
}

#[test]
fn two_may_wait_at_once_and_again() {
    let drain = Drain::new();
    let guard = drain.guard();
    thread::scope(|scope| {
        let waits = [(); 2].map(|()| scope.spawn(|| drain.wait(Duration::ZERO, LONG)));
        guard.told().wait();
        drop(guard);
        for waits in waits {
            assert_eq!(waits.join().unwrap().dropped, 0);
        }
    });
    assert_eq!(drain.wait(Duration::ZERO, LONG).finished, 0);
}

/// A blocking server of echoes: its threads wait for the client and for the notice in one `poll`.
fn echo(mut client: &TcpStream, guard: &Guard) -> io::Result<()> {
    let told = guard.told();
    loop {
        let mut polled = [client.as_fd(), told.descriptor()?]
            .map(|descriptor| PollFd::new(descriptor, PollFlags::POLLIN));
        poll(&mut polled, PollTimeout::NONE)?;
        let [has_spoken, is_told] = polled.map(|polled| polled.any() == Some(true));
        let mut line = [0; 64];
        match has_spoken {
            true => {
                let length = client.read(&mut line)?;
                client.write_all(line.get(..length).unwrap_or_default())?;
            }
            false if is_told => return Ok(()),
            false => {}
        }
    }
}

#[test]
fn silent_kept_alive_clients_of_a_threaded_service_are_let_go_in_order() {
    let service = testing::first().unwrap();
    let listener: TcpListener = service.fds().bind("127.0.0.1:0").unwrap();
    service.ready().unwrap();
    let address = listener.local_addr().unwrap();
    let mut clients = Vec::new();
    for _ in 0..8 {
        let mut client = TcpStream::connect(address).unwrap();
        let (server, guard) = (listener.accept().unwrap().0, service.drain().guard());
        thread::spawn(move || echo(&server, &guard));
        client.write_all(b"hello").unwrap();
        client.read_exact(&mut [0; 5]).unwrap();
        clients.push(client);
    }
    assert_eq!(service.drain().open(), 8);
    service.stop();
    service.exit().wait();
    let drained = service.drain().wait(Duration::ZERO, LONG);
    assert_eq!((drained.finished, drained.dropped), (8, 0));
    for mut client in clients {
        assert_eq!(client.read(&mut [0; 1]).unwrap(), 0, "closed in order");
    }
}

#[test]
fn no_end_is_missed_among_thousands_however_guards_and_the_wait_meet() {
    for round in 0..3_000 {
        let drain = Drain::new();
        let guards = [drain.guard(), drain.guard()];
        thread::scope(|scope| {
            for guard in guards {
                scope.spawn(move || {
                    if round % 3 == 0 {
                        guard.told().wait();
                    }
                });
            }
            let drained = drain.wait(Duration::ZERO, LONG);
            assert!(drained.finished <= 2 && drained.dropped == 0, "{drained:?} in {round}");
        });
    }
}
