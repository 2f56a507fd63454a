//! One upgrade after another, one beside another, and the generations that are still draining.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::support::control::{Tool, status};
use crate::support::{DEADLINE, Family, Way, ask, both_ways};

#[test]
fn ten_upgrades_in_a_row_by_turns_spawned_and_external() {
    let mut family = Family::new();
    let (mut owner, address) = family.start_service();
    for generation in 2..=11 {
        let way = [Way::Spawned, Way::External][generation % 2];
        let successor = family.succeed(owner, way);
        let started = family.expect(successor, "started");
        assert_eq!(started.word(0), owner.to_string(), "its predecessor");
        assert_eq!(started.generation, generation as u64);
        family.expect(successor, "ready");
        family.expect_end(owner);
        owner = successor;
    }
    assert_eq!(ask(&address).unwrap(), (owner, 11));
    family.expect_only(&[owner]);
}

/// Generations that are draining, as the owner tells them.
fn draining(family: &Family) -> Vec<(u64, u32)> {
    let report = status(family.setting("HANDOFF")).unwrap();
    let mut draining: Vec<_> =
        report.draining.iter().map(|older| (older.generation, older.pid)).collect();
    draining.sort_unstable();
    draining
}

/// A successor is refused for this reason.
fn expect_refused(family: &mut Family, owner: u32, way: Way, kind: &str) {
    match way {
        Way::Spawned => {
            family.tell(owner, "upgrade");
            family.expect_like(owner, "failed", &format!("upgrade {kind} "));
        }
        Way::External => {
            let refused = family.start();
            family.expect_like(refused, "failed", &format!("start {kind} "));
            family.expect_end(refused);
        }
    }
}

both_ways! {
    fn second_successor_is_told_that_the_predecessor_is_busy(way: Way) {
        let mut family = Family::new();
        let (first, address) = family.start_service();
        family.set_next("PREPARE", "manual");
        let second = family.succeed(first, way);
        family.expect(second, "prepared");
        for other in [Way::Spawned, Way::External] {
            expect_refused(&mut family, first, other, "Busy");
        }
        family.tell(second, "ready");
        family.expect(second, "ready");
        family.expect_end(first);
        assert_eq!(ask(&address).unwrap(), (second, 2));
        family.expect_only(&[second]);
    }

    fn upgrade_need_not_wait_for_older_generations_up_to_the_draining_cap(way: Way) {
        let mut family = Family::new();
        let (first, address) = family.set("DRAIN", "manual").start_service();
        let mut generations = vec![first];
        for generation in 2..=4 {
            let successor = family.succeed(*generations.last().unwrap(), way);
            family.expect(successor, "ready");
            family.expect(*generations.last().unwrap(), "exit");
            let older: Vec<_> = (1..generation).zip(generations.iter().copied()).collect();
            assert_eq!(draining(&family), older);
            generations.push(successor);
        }
        let owner = generations[3];
        expect_refused(&mut family, owner, way, "TooManyDraining");
        family.expect_only(&generations);

        family.tell(first, "drain");
        family.expect_like(owner, "log", "an older generation has retired");
        let fifth = family.succeed(owner, way);
        family.expect(fifth, "ready");
        family.expect(owner, "exit");
        for older in &generations[1..] {
            family.tell(*older, "drain");
            family.expect_end(*older);
        }
        assert_eq!(ask(&address).unwrap(), (fifth, 5));
        family.expect_only(&[fifth]);
    }

    fn predecessor_that_has_handed_over_cannot_be_upgraded_again(way: Way) {
        let mut family = Family::new();
        let (first, _) = family.set("DRAIN", "manual").start_service();
        let second = family.succeed(first, way);
        family.expect(second, "ready");
        family.expect(first, "exit");
        family.tell(first, "upgrade");
        family.expect_like(first, "failed", "upgrade AlreadyUpgraded");
    }

    fn successor_can_wait_for_the_end_of_its_predecessor(way: Way) {
        let mut family = Family::new();
        let (first, _) = family.set("DRAIN", "manual").start_service();
        family.tell(first, "await 0");
        family.expect(first, "awaited");
        let second = family.succeed(first, way);
        family.expect(second, "ready");
        family.tell(second, "await 10");
        family.expect_like(second, "failed", "await TimedOut");
        family.tell(second, "await 20000");
        family.tell(first, "drain");
        family.expect(second, "awaited");
        family.expect_end(first);
    }

    fn progress_gives_the_successor_its_ready_timeout_again(way: Way) {
        const READY: Duration = Duration::from_millis(500);
        let mut family = Family::new();
        family.set("READY_MS", &READY.as_millis().to_string());
        let (first, _) = family.start_service();
        family.set_next("PREPARE", "manual");
        let second = family.succeed(first, way);
        family.expect(second, "prepared");
        let began = Instant::now();
        while began.elapsed() < READY * 3 {
            family.tell(second, "progress still at it");
            family.expect_like(first, "log", "the successor makes progress");
        }
        family.tell(second, "ready");
        family.expect(second, "ready");
        assert!(!family.has_come(first, "failed"));
    }

    fn progress_does_not_help_beyond_the_ready_cap(way: Way) {
        let mut family = Family::new();
        let (first, address) = family.set("READY_CAP_MS", "500").start_service();
        family.set_next("PREPARE", "manual");
        let second = family.succeed(first, way);
        family.expect(second, "prepared");
        let began = Instant::now();
        while !family.has_come(first, "failed") && !family.has_logged(first, "the handoff has failed") {
            assert!(began.elapsed() < DEADLINE, "the successor is waited for on and on");
            family.tell(second, "progress still at it");
            family.expect_where("progress or failure", |event| {
                event.pid == first && ["log", "failed"].contains(&event.name.as_str())
            });
        }
        family.tell(second, "ready");
        family.expect_like(second, "failed", "ready TimedOut");
        assert_eq!(ask(&address).unwrap(), (first, 1));
    }
    fn reason_of_an_abort_arrives_though_what_the_successor_said_last_is_never_read(way: Way) {
        let mut family = Family::new();
        let (first, _) = family.set("READY_MS", "1500").start_service();
        family.hold(first, "predecessor.before.send-abort");
        family.set_next("PREPARE", "manual").hold_next("successor.after.send-progress");
        let second = family.succeed(first, way);
        family.expect(second, "prepared");
        family.expect(first, "held");
        family.tell(second, "progress too late");
        family.expect(second, "held");
        family.tell(first, "resume");
        family.expect_like(first, "log", "the handoff has failed");
        family.tell(second, "resume");
        family.tell(second, "ready");
        family.expect_like(second, "failed", "ready TimedOut ");
    }
}

#[test]
fn crowd_that_connects_again_and_again_delays_no_handoff() {
    let mut family = Family::new();
    let (first, address) = family.start_service();
    let name = family.setting("HANDOFF").to_owned();
    let crowd: Vec<_> = (0..2).map(|_| Crowd::start(&name)).collect();
    let mut owner = first;
    for _ in 0..5 {
        let successor = family.succeed(owner, Way::Spawned);
        family.expect(successor, "ready");
        family.expect_end(owner);
        owner = successor;
    }
    assert_eq!(ask(&address).unwrap(), (owner, 6));
    crowd.into_iter().for_each(Crowd::stop);
}

/// Somebody who connects, says nothing, and comes again.
struct Crowd {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Crowd {
    fn start(address: &str) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, address) = (Arc::clone(&stop), address.to_owned());
        let thread = thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                // Its queue may be full; then it comes again.
                let _ = Tool::connect(&address);
            }
        });
        Self { stop, thread }
    }

    fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap();
    }
}
