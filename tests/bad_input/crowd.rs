//! Many peers that connect and say nothing.

use std::time::{Duration, Instant};

use heirloom_proto::limits::PENDING_TIMEOUT;

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
