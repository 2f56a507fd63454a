//! Many peers that connect and say nothing.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use heirloom_proto::limits::PENDING_TIMEOUT;
use heirloom_proto::{Message, Ready};

use super::order::preparing;
use super::peer::Peer;
use super::service::Service;

#[test]
fn a_silent_crowd_delays_nobody() {
    let service = Service::new();
    let crowd: Vec<_> = (0..100).map(|_| Peer::connect(service.address())).collect();
    let begun = Instant::now();
    service.assert_untouched_and_hand_over();
    assert!(begun.elapsed() < PENDING_TIMEOUT, "nobody was waited for");
    drop(crowd);
}

#[test]
fn the_oldest_of_a_crowd_is_let_go_for_the_next() {
    let service = Service::new();
    let begun = Instant::now();
    let crowd: Vec<_> = (0..20).map(|_| Peer::connect(service.address())).collect();
    service.assert_untouched();
    crowd[0].hear_end();
    assert!(begun.elapsed() < PENDING_TIMEOUT, "not because its time was over");
    service.assert_untouched_and_hand_over();
}

#[test]
fn whoever_says_nothing_is_let_go_in_time() {
    let service = Service::new();
    let begun = Instant::now();
    let silent = Peer::connect(service.address());
    silent.hear_end();
    let waited = begun.elapsed();
    assert!(waited >= PENDING_TIMEOUT, "it had its time");
    assert!(waited < PENDING_TIMEOUT + Duration::from_secs(10));
    service.assert_untouched_and_hand_over();
}

/// It sends from many threads while it is waited for, so that there is always one more frame.
#[test]
fn a_successor_that_never_stops_talking_is_not_listened_to_for_ever() {
    let service = Service::new();
    let peer = preparing(&service);
    peer.say(&Message::Ready(Ready { stray_count: 0, strays: Vec::new() }));
    while peer.hear() != Some(Message::Released) {}
    let taken = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                // Until the other end is closed.
                while peer.send_with(b"x", &[]).is_ok() {
                    taken.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    // Those that were read, and what fits the queue.
    let taken = taken.into_inner();
    assert!(taken < 10_000, "{taken} frames were taken");
    service.assert_untouched_and_hand_over();
}
