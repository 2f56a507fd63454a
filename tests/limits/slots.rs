//! A successor whose limit of open descriptors is too low, soft or hard.

use super::expect_start_fails;
use crate::support::outcome::{expect_failed, expect_next_try_succeeds, expect_owner};
use crate::support::{Event, Family, both_ways};

/// Sockets that are handed over, beside the listener.
const MANY: u64 = 200;

/// Slots that a handoff of them needs: the listener, the token and the control socket too.
const NEEDED: u64 = MANY + 3;

fn family() -> Family {
    let mut family = Family::new();
    family.set("MANY", &MANY.to_string()).set("RECORD", "yes");
    family
}

/// How many slots the successor had free, as its refusal tells.
fn available(failed: &Event) -> u64 {
    let (_, rest) = failed.details.split_once("successor has ").unwrap();
    rest.split(' ').next().unwrap().parse().unwrap()
}

both_ways! {
    fn successor_whose_soft_limit_is_too_low_raises_it_and_takes_over(way: Way) {
        let mut family = family();
        let (first, address) = family.start_service();
        family.set_next("NOFILE", "64:400");
        let second = expect_next_try_succeeds(&mut family, first, &address, way);
        assert_eq!(family.expect(second, "many").details, family.expect(first, "many").details);
    }

    fn successor_whose_hard_limit_is_too_low_is_refused_before_the_first_descriptor(way: Way) {
        let mut family = family();
        let (first, address) = family.start_service();
        family.take_all(first, "step");
        family.set_next("NOFILE", "64:128");
        let second = family.succeed(first, way);
        let failed = family.expect_like(second, "failed", "start TooFewDescriptors ");
        let free = available(&failed);
        assert!((64..128).contains(&free), "the hard limit counts: {free} are free");
        let text = format!(
            "successor has {free} free descriptor slots, the handoff needs {NEEDED}: raise LimitNOFILE"
        );
        assert!(failed.details.contains(&text), "{}", failed.details);
        family.expect_end(second);
        expect_failed(&mut family, first, way);
        let steps = family.take_all(first, "step");
        let sent: Vec<_> = steps.iter().filter(|step| step.details.contains("after.send-")).collect();
        assert_eq!(sent.len(), 1, "the refusal and nothing else: {steps:?}");
        assert_eq!(sent[0].details, "predecessor.after.send-refuse");
        expect_owner(&family, first, 1, &address);
        expect_next_try_succeeds(&mut family, first, &address, way);
    }

    fn successor_with_one_slot_too_few_is_refused_and_with_as_many_as_needed_is_not(way: Way) {
        let mut family = family();
        let (first, address) = family.start_service();
        // What a successor has open when it counts, from what it says of another limit.
        family.set_next("NOFILE", "128:128");
        let second = family.succeed(first, way);
        let failed = family.expect_like(second, "failed", "start TooFewDescriptors ");
        let open = 128 - available(&failed);
        expect_failed(&mut family, first, way);
        let short = open + NEEDED - 1;
        family.set_next("NOFILE", &format!("{short}:{short}"));
        let third = family.succeed(first, way);
        let numbers = format!("has {} free descriptor slots, the handoff needs {NEEDED}", NEEDED - 1);
        let parts = [numbers.as_str(), "raise LimitNOFILE"];
        expect_start_fails(&mut family, (first, third), way, "TooFewDescriptors", &parts);
        expect_owner(&family, first, 1, &address);
        let enough = open + NEEDED;
        family.set_next("NOFILE", &format!("{enough}:{enough}")).set_next("PREPARE", "hang");
        let fourth = family.succeed(first, way);
        family.expect(fourth, "started");
        family.kill(fourth);
        expect_failed(&mut family, first, way);
        expect_next_try_succeeds(&mut family, first, &address, way);
    }
}
