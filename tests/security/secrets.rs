//! The secret of a spawned successor, in the hands of somebody else.

use std::fs;

use super::attacker::{FOREIGN, attack, can_be_foreign, start};
use super::delay::{When, expect_no_delay};
use super::disguise::Disguise;
use super::{expect_owner, expect_unharmed};
use crate::support::{Family, Way};

/// The secret in a process's environment.
pub(crate) fn secret_of(pid: u32) -> String {
    let environment = fs::read_to_string(format!("/proc/{pid}/environ")).unwrap();
    let secret = environment.split('\0').find_map(|line| line.strip_prefix("HEIRLOOM_SECRET="));
    let secret = secret.unwrap().to_owned();
    assert_eq!(secret.len(), 64);
    secret
}

/// A process of this very user that claims to be spawned is refused for its secret.
fn expect_refused(family: &mut Family, secret: &str) {
    let claimant = Disguise { secret, ..Disguise::default() }.start(family);
    let failed = family.expect(claimant, "failed").details;
    assert!(failed.starts_with("start WrongSecret "), "{failed}");
    assert!(failed.contains("the secret of the spawned successor is wrong or used up"), "{failed}");
    assert!(!failed.contains(secret), "{failed}");
    family.expect_end(claimant);
}

/// A spawned successor that has not said yet who it is, and what it was spawned with.
fn spawn_and_hold(family: &mut Family, owner: u32) -> (u32, String) {
    family.hold_next("successor.before.send-hello");
    let successor = family.succeed(owner, Way::Spawned);
    family.expect(successor, "held");
    (successor, secret_of(successor))
}

#[test]
fn secret_that_was_used_is_refused_to_whoever_replays_it() {
    let mut family = Family::new();
    let (first, address) = family.start_service();
    let second = family.succeed(first, Way::Spawned);
    family.expect(second, "ready");
    family.expect_end(first);
    let used = secret_of(second);
    expect_refused(&mut family, &used);
    let (third, fresh) = spawn_and_hold(&mut family, second);
    assert_ne!(used, fresh);
    expect_refused(&mut family, &used);
    family.tell(third, "resume");
    family.expect(third, "ready");
    family.expect_end(second);
    expect_owner(&family, third, 3, &address);
    expect_unharmed(&mut family, third, &address);
}

#[test]
fn secret_of_an_upgrade_that_failed_is_refused_to_whoever_replays_it() {
    let mut family = Family::new();
    let (first, address) = family.start_service();
    let (second, void) = spawn_and_hold(&mut family, first);
    family.kill(second);
    family.expect_like(first, "failed", "upgrade SuccessorExited ");
    expect_refused(&mut family, &void);
    expect_unharmed(&mut family, first, &address);
}

#[test]
fn process_that_claims_to_be_spawned_is_refused_when_nobody_was() {
    let mut family = Family::new();
    let (first, address) = family.start_service();
    for guess in ["00", "ff", "5a"] {
        expect_refused(&mut family, &guess.repeat(32));
    }
    assert!(!family.has_logged(first, "a handoff has begun"));
    expect_unharmed(&mut family, first, &address);
}

/// All but the last digit is right: no part of it is worth anything.
#[test]
fn secret_that_is_nearly_right_is_refused_while_the_real_one_is_waited_for() {
    let mut family = Family::new();
    let (first, address) = family.start_service();
    let (second, secret) = spawn_and_hold(&mut family, first);
    let last = if secret.ends_with('0') { "1" } else { "0" };
    expect_refused(&mut family, &format!("{}{last}", &secret[..63]));
    let unspawned = family.start();
    family.expect_like(unspawned, "failed", "start Busy ");
    family.tell(second, "resume");
    family.expect(second, "ready");
    family.expect_end(first);
    expect_owner(&family, second, 2, &address);
    expect_unharmed(&mut family, second, &address);
}

#[test]
fn guesses_are_all_refused_and_delay_nobody() {
    let mut family = Family::new();
    let (first, address) = family.start_service();
    let attacker = start(&mut family, None);
    assert_eq!(attack(&mut family, attacker, "guess 20"), "Secret");
    let owner =
        expect_no_delay(&mut family, first, attacker, "guess 500", (When::Beside, Way::Spawned));
    family.kill(attacker);
    expect_unharmed(&mut family, owner, &address);
}

/// It cannot read the secret, and having it is not enough.
#[test]
fn another_user_cannot_read_the_secret_nor_use_it() {
    if !can_be_foreign() {
        return;
    }
    let mut family = Family::new();
    let (first, address) = family.start_service();
    let attacker = start(&mut family, Some(FOREIGN));
    let (second, secret) = spawn_and_hold(&mut family, first);
    let environment = format!("read /proc/{second}/environ");
    assert_eq!(attack(&mut family, attacker, &environment), "PermissionDenied");
    assert_eq!(attack(&mut family, attacker, &format!("claim {secret}")), "nothing");
    family.tell(second, "resume");
    family.expect(second, "ready");
    family.expect_end(first);
    expect_owner(&family, second, 2, &address);
    expect_unharmed(&mut family, second, &address);
}
