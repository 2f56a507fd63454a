//! A successor that takes long to warm up.

use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use crate::support::{Clients, Family, Way, ask, both_ways};

/// How long it takes.
const WARM_UP: Duration = Duration::from_secs(45);

/// How long it may be silent.
const READY: Duration = Duration::from_secs(10);

/// Lets time pass.
fn pass(time: Duration) {
    let (_never, comes) = channel::<()>();
    let _ = comes.recv_timeout(time);
}

both_ways! {
    fn successor_that_takes_long_and_tells_its_progress_gets_the_time(way: Way) {
        let mut family = Family::new();
        family.set("READY_MS", &READY.as_millis().to_string());
        let (first, address) = family.start_service();
        let clients = Clients::start(&address);
        family.set_next("PREPARE", "manual");
        let second = family.succeed(first, way);
        family.expect(second, "prepared");
        let begun = Instant::now();
        while begun.elapsed() < WARM_UP {
            pass(Duration::from_secs(1));
            family.tell(second, &format!("progress {} s", begun.elapsed().as_secs()));
            family.expect_like(first, "log", "the successor makes progress");
        }
        assert_eq!(ask(&address).unwrap(), (first, 1));
        family.tell(second, "ready");
        family.expect(second, "ready");
        family.expect_end(first);
        assert_eq!(ask(&address).unwrap(), (second, 2));
        clients.stop().expect_whole();
    }

    fn successor_that_takes_long_in_silence_is_given_up_with_the_phase_and_the_time(way: Way) {
        let mut family = Family::new();
        family.set("READY_MS", "700");
        let (first, address) = family.start_service();
        family.set_next("PREPARE", "manual");
        let second = family.succeed(first, way);
        family.expect(second, "prepared");
        let failed = match way {
            Way::Spawned => family.expect_like(first, "failed", "upgrade TimedOut ").details,
            Way::External => family.expect_field(first, "reason=").details,
        };
        let (phase, allowed) = ("waiting for the successor to become ready took ", " ms, 700 ms are allowed");
        assert!(failed.contains(phase) && failed.contains(allowed), "{failed}");
        assert_eq!(ask(&address).unwrap(), (first, 1));
    }

    fn successor_that_makes_progress_for_ever_is_given_up_at_the_cap(way: Way) {
        let mut family = Family::new();
        family.set("READY_MS", "5000").set("READY_CAP_MS", "1500");
        let (first, address) = family.start_service();
        family.set_next("PREPARE", "manual");
        let second = family.succeed(first, way);
        family.expect(second, "prepared");
        family.tell(second, "progress on and on");
        let failed = family.expect_field(first, "reason=");
        let text = "ms, 1500 ms are allowed";
        assert!(failed.details.contains(text), "{}", failed.details);
        assert_eq!(ask(&address).unwrap(), (first, 1));
    }
}
