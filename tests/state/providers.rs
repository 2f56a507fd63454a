//! Providers that fail, panic or hang: the handoff fails and names them, and the process goes on.

use std::time::Duration;

use crate::passing::{keepers, upgrade};
use crate::support::control::status;
use crate::support::{Family, Way, ask, wait_until};

/// The text of an upgrade that fails for what a provider does, and the service that goes on.
fn failure_of(family: &mut Family, first: u32) -> String {
    family.tell(first, "upgrade");
    family.expect_like(first, "failed", "upgrade Aborted").details
}

#[test]
fn one_that_fails_or_panics_is_named_and_the_next_upgrade_succeeds_without_it() {
    for (what, expected) in
        [("fail", "the disk is on fire"), ("panic", "it panicked: as it was told")]
    {
        let mut family = keepers();
        family.set("PROVIDE", &format!("good:v1:text=a,bad:v2:{what}"));
        let (first, address) = family.start_service();
        for _ in 0..2 {
            let text = failure_of(&mut family, first);
            assert!(text.contains(&format!("state bad in schema v2: {expected}")), "{text}");
        }
        assert_eq!(ask(&address).unwrap(), (first, 1));
        family.tell(first, "withdraw bad v2");
        assert_eq!(family.expect(first, "withdrawn").details, "true");
        family.set_next("TAKE", "good:v1,bad:v2");
        let second = upgrade(&mut family, first, Way::External);
        family.expect_like(second, "took", "good v1 1");
        assert_eq!(family.expect(second, "took").details, "bad -");
    }
}

#[test]
fn one_that_hangs_is_named_holds_up_nothing_else_and_is_named_at_once_the_next_time() {
    let mut family = keepers();
    family.set("PROVIDE", "good:v1:text=a,slow:v2:hang");
    let (first, address) = family.start_service();
    family.tell(first, "upgrade");
    family.expect_like(first, "provided", "slow");
    // The driver answers meanwhile, and so does the service.
    assert_eq!(status(family.setting("HANDOFF")).unwrap().pid, first);
    assert_eq!(ask(&address).unwrap(), (first, 1));
    let text = family.expect_like(first, "failed", "upgrade Aborted").details;
    assert!(
        text.contains(
            "state slow in schema v2 hangs: it has not answered, all together may take 4000 ms"
        ),
        "{text}"
    );
    // No second thread hangs beside the first, and nobody waits for it again.
    family.tell(first, "upgrade");
    let at_once = family.comes_within(first, "failed", Duration::from_secs(3));
    assert!(at_once, "the second failure waits for the provider too");
    let text = family.expect_like(first, "failed", "upgrade Aborted").details;
    assert!(
        text.contains("state slow in schema v2 still hangs: an earlier handoff asked"),
        "{text}"
    );
    family.tell(first, "threads");
    assert_eq!(family.expect(first, "threads").details, "heirloom heirloom-state");
    family.tell(first, "let-go");
    expect_idle(&mut family, first);
    family.set_next("TAKE", "slow:v2");
    // What it answers to a handoff that is over is nobody's; it is asked anew.
    let second = upgrade(&mut family, first, Way::External);
    assert_eq!(family.expect(second, "took").word(2), "7");
    family.expect_end(first);
}

/// Waits until nothing is asked any more.
pub(crate) fn expect_idle(family: &mut Family, pid: u32) {
    let is_idle = || {
        family.tell(pid, "threads");
        family.expect(pid, "threads").details == "heirloom"
    };
    wait_until(is_idle, || format!("process {pid} is still being asked"));
}

#[test]
fn one_that_hangs_does_not_keep_its_process() {
    let mut family = keepers();
    family.set("PROVIDE", "slow:v1:hang");
    let (first, _) = family.start_service();
    let second = family.succeed(first, Way::External);
    family.expect(first, "provided");
    family.tell(first, "stop");
    family.expect(first, "gone");
    family.expect_end(first);
    family.expect_like(second, "failed", "start");
}

#[test]
fn one_that_is_offered_while_a_handoff_goes_on_fails_it() {
    let mut family = keepers();
    family.set("PROVIDE", "early:v1:text=a");
    let (first, _) = family.start_service();
    family.set_next("PREPARE", "manual");
    let second = family.succeed(first, Way::External);
    family.expect(second, "prepared");
    family.tell(first, "provide late:v1:text=b");
    family.tell(first, "offered");
    family.expect(first, "offered");
    family.tell(second, "ready");
    let failed = family.expect_like(second, "failed", "ready Aborted");
    assert!(failed.details.contains("state late in schema v1 was added while"), "{failed}");
    family.set_next("TAKE", "late:v1");
    let third = upgrade(&mut family, first, Way::External);
    family.expect_like(third, "took", "late v1 1");
}
