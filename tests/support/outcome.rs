//! What has to be true after whatever was done to a handoff.

use heirloom_proto::Phase;

use super::control::status;
use super::{Event, Family, Way, ask};

/// What the library logs when a handoff has failed and nothing had been let go.
pub(crate) const FAILED: &str = "the handoff has failed, this process goes on";

/// What it logs when the token was let go and taken back.
pub(crate) const TAKEN_BACK: &str = "the service was taken back from a successor";

/// One process is the owner, by everything that tells: clients, the control socket, the PID file,
/// the kernel's list of locks.
pub(crate) fn expect_owner(family: &Family, owner: u32, generation: u64, address: &str) {
    assert_eq!(ask(address).unwrap(), (owner, generation));
    let report = status(family.setting("HANDOFF")).unwrap();
    assert_eq!((report.pid, report.generation), (owner, generation));
    assert_eq!(report.phase, Phase::Serving);
    assert_eq!(family.pid_file(), Some(owner));
    assert_eq!(family.lock_holders(), [owner]);
}

/// The predecessor has noticed that the handoff came to nothing.
pub(crate) fn expect_failed(family: &mut Family, predecessor: u32, way: Way) -> Event {
    let noticed = family.expect_where("the failure of the handoff", |event| {
        event.pid == predecessor
            && event.name == "log"
            && [FAILED, TAKEN_BACK].contains(&event.details.as_str())
    });
    match way {
        Way::Spawned => family.expect_like(predecessor, "failed", "upgrade"),
        Way::External => noticed,
    }
}

/// After whatever was, the next try succeeds.
pub(crate) fn expect_next_try_succeeds(
    family: &mut Family,
    owner: u32,
    address: &str,
    way: Way,
) -> u32 {
    let generation = ask(address).unwrap().1 + 1;
    let successor = family.succeed(owner, way);
    family.expect(successor, "ready");
    family.expect_end(owner);
    expect_owner(family, successor, generation, address);
    family.expect_only(&[successor]);
    successor
}
