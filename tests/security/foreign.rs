//! Processes of another user: everybody may connect to an abstract name, and is told nothing there.

use std::fs;
use std::time::Duration;

use heirloom_proto::Phase;

use super::attacker::{FOREIGN, attack, can_be_foreign, start};
use super::delay::{When, expect_no_delay};
use super::{expect_owner, expect_unharmed};
use crate::support::control::status;
use crate::support::process::processor_time;
use crate::support::{Family, Way, both_ways};

/// What the owner logs.
const NOTICED: &str = "a foreign user has connected to the handoff socket";

/// Another user does this while there are upgrades.
fn endure(order: &str, way: Way) {
    if !can_be_foreign() {
        return;
    }
    let mut family = Family::new();
    let (first, address) = family.start_service();
    let attacker = start(&mut family, Some(FOREIGN));
    let made = order.split_once(' ').unwrap().1;
    assert_eq!(attack(&mut family, attacker, order), made, "everybody may connect");
    assert_eq!(attack(&mut family, attacker, "listen"), "0", "and hears nothing");
    family.expect_like(first, "log", NOTICED);
    family.expect_like(first, "fields", &format!("uid={FOREIGN} pid={attacker}"));
    let owner = expect_no_delay(&mut family, first, attacker, order, (When::Beside, way));
    family.signal(attacker, nix::sys::signal::Signal::SIGKILL);
    expect_unharmed(&mut family, owner, &address);
}

both_ways! {
    fn silent_crowd_of_another_user_is_kept_out_and_delays_nobody(way: Way) {
        endure("flood 1000", way);
    }

    fn garbage_of_another_user_is_not_read_and_delays_nobody(way: Way) {
        endure("garbage 200", way);
    }

    fn descriptors_of_another_user_are_not_kept_and_delay_nobody(way: Way) {
        endure("descriptors 50", way);
    }
}

both_ways! {
    /// The owner's own user may do so too, by a fault of some tool: each of these is somebody who may
    /// have something to say.
    fn silent_crowd_of_the_same_user_delays_nobody(way: Way) {
        let mut family = Family::new();
        let (mut owner, address) = family.start_service();
        let attacker = start(&mut family, None);
        for when in [When::Behind, When::Beside] {
            owner = expect_no_delay(&mut family, owner, attacker, "flood 1000", (when, way));
        }
        family.kill(attacker);
        expect_unharmed(&mut family, owner, &address);
    }
}

both_ways! {
    /// One that has connected and needs a while for its first word is not made to go by a crowd behind it.
    fn successor_that_has_not_spoken_yet_is_not_displaced_by_a_silent_crowd(way: Way) {
        let mut family = Family::new();
        let (first, address) = family.start_service();
        let attacker = start(&mut family, None);
        family.set_next("RECORD", "yes").hold_next("successor.before.send-hello");
        let second = family.succeed(first, way);
        family.expect(second, "held");
        assert_eq!(attack(&mut family, attacker, "flood 1000"), "1000");
        // Connections are taken in order: this one is the last.
        status(family.setting("HANDOFF")).unwrap();
        family.tell(second, "resume");
        family.expect(second, "ready");
        family.expect_end(first);
        let steps = family.take_all(second, "step");
        let greetings = steps.iter().filter(|step| step.details == "successor.after.send-hello");
        assert_eq!(greetings.count(), 1, "it had to connect again");
        family.kill(attacker);
        expect_unharmed(&mut family, second, &address);
    }
}

/// The time that an owner's processor spends on a silent crowd: what that costs everybody else. It is
/// told by the kernel, so that whatever else goes on beside does not count.
fn time_for_a_crowd(user: Option<u32>) -> Duration {
    const ROUNDS: usize = 9;
    let mut family = Family::new();
    let (first, _) = family.start_service();
    let attacker = start(&mut family, user);
    let mut taken = [(); ROUNDS].map(|()| {
        let before = processor_time(first);
        assert_eq!(attack(&mut family, attacker, "flood 1000"), "1000");
        // Connections are taken in order: this one is the last.
        status(family.setting("HANDOFF")).unwrap();
        processor_time(first) - before
    });
    taken.sort();
    taken[ROUNDS / 2]
}

/// Those who are surely not heard are the floor.
#[test]
fn silent_crowd_of_the_same_user_costs_little_more_than_one_of_another() {
    if !can_be_foreign() {
        return;
    }
    let (own, foreign) = (time_for_a_crowd(None), time_for_a_crowd(Some(FOREIGN)));
    eprintln!("a crowd of 1,000: {own:.1?} of the same user, {foreign:.1?} of another");
    assert!(own < foreign * 5 / 2, "{own:.1?}, and {foreign:.1?} for another user's");
}

/// It finds a service of root, whom it trusts, and which does not trust it.
#[test]
fn successor_of_another_user_is_handed_nothing_and_the_owner_says_whose_it_was() {
    if !can_be_foreign() {
        return;
    }
    let mut family = Family::new();
    let (first, address) = family.start_service();
    family.set_next("USER", &FOREIGN.to_string());
    let stranger = family.start();
    family.expect_like(first, "log", NOTICED);
    family.expect_like(first, "fields", &format!("uid={FOREIGN} pid={stranger}"));
    let failed = family.expect(stranger, "failed").details;
    let says = format!(
        "start Untrusted Some(Greeting) process {first} of user 0 closed the connection without an \
         answer, as it does to users whom it does not trust: start this process as user 0, or name \
         user {FOREIGN} there with `trust_user`"
    );
    assert!(failed.starts_with(&says), "{failed}");
    assert!(!family.has_logged(first, "a handoff has begun"));
    expect_unharmed(&mut family, first, &address);
}

/// A successor of the foreign user takes over.
fn expect_foreigner_succeeds(family: &mut Family, first: u32, address: &str) {
    family.set_next("USER", &FOREIGN.to_string());
    let second = family.succeed(first, Way::External);
    family.expect(second, "ready");
    family.expect_end(first);
    assert_eq!(crate::support::ask(address).unwrap(), (second, 2));
}

/// That is the way out which the error tells.
#[test]
fn successor_of_another_user_takes_over_from_a_service_of_root_that_trusts_it() {
    if !can_be_foreign() {
        return;
    }
    let mut family = Family::new();
    family.unset("PID_FILE").set_next("TRUST", &FOREIGN.to_string());
    let (first, address) = family.start_service();
    expect_foreigner_succeeds(&mut family, first, &address);
}

/// A service of one user and a successor of another: neither is root, so neither trusts the other.
#[test]
fn successor_that_meets_a_service_of_another_user_says_squatted() {
    if !can_be_foreign() {
        return;
    }
    let mut family = Family::new();
    family.unset("PID_FILE").set_next("USER", &FOREIGN.to_string());
    let (first, address) = family.start_service();
    family.set_next("USER", "65533");
    let stranger = family.start();
    let failed = family.expect(stranger, "failed").details;
    assert!(failed.starts_with("start Squatted None "), "{failed}");
    let says = format!("is squatted by user {FOREIGN}, this process is user 65533");
    assert!(failed.contains(&says), "{failed}");
    assert_eq!(crate::support::ask(&address).unwrap(), (first, 1));
    // Who is root is not enough: it would take in what another user hands it.
    family.set_next("TAKEOVER", "require");
    let root = family.start();
    family.expect_like(root, "failed", "start Squatted ");
    expect_foreigner_succeeds(&mut family, first, &address);
}

/// A private name cannot be guessed, but everybody can read it in `/proc/net/unix`: it is the
/// credentials that keep him out.
#[test]
fn another_user_who_has_read_the_private_name_is_kept_out_all_the_same() {
    if !can_be_foreign() {
        return;
    }
    let mut family = Family::new();
    let (first, address) = family.unset("HANDOFF").start_service();
    let name = family.expect(first, "started").word(1).to_owned();
    let everybodys = fs::read_to_string("/proc/net/unix").unwrap();
    assert!(everybodys.lines().any(|line| line.ends_with(&name)), "it is no secret");
    family.set("HANDOFF", &name);
    let attacker = start(&mut family, Some(FOREIGN));
    assert_eq!(attack(&mut family, attacker, "flood 20"), "20");
    assert_eq!(attack(&mut family, attacker, "listen"), "0");
    family.expect_like(first, "log", NOTICED);
    let report = status(&name).unwrap();
    assert_eq!((report.pid, report.phase), (first, Phase::Serving));
    expect_owner(&family, first, 1, &address);
    family.unset("HANDOFF");
    let second = family.succeed(first, Way::Spawned);
    family.expect(second, "ready");
    family.expect_end(first);
    assert_eq!(crate::support::ask(&address).unwrap(), (second, 2));
}
