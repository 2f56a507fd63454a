//! What a peer says last arrives, even if it closes with something unread.

use std::env;

use heirloom_proto::limits::VERSION;
use heirloom_proto::{Abort, AbortReason, Hello, Message, Secret};

use crate::support::control::Tool;
use crate::support::role::{Role, emit};
use crate::support::{Family, Way, ask, serve};

/// What is wrong, in the successor's eyes.
const WRONG: &str = "descriptor 3 is a teapot";

/// Both generations have this label.
const LABEL: &str = "hazards";

#[test]
fn reason_for_which_a_successor_gives_up_arrives_though_it_has_read_nothing() {
    let mut family = Family::new();
    let (first, address) = family.set("ROLE", "refuse").set("SERVICE", LABEL).start_service();
    family.hold(first, "predecessor.after.send-manifest");
    let second = family.succeed(first, Way::Spawned);
    family.expect(first, "held");
    family.tell(second, "refuse");
    family.expect(second, "refused");
    family.tell(first, "resume");
    let failed = family.expect_like(first, "failed", "upgrade Mismatch ");
    assert!(failed.details.contains(WRONG), "{failed}");
    assert_eq!(ask(&address).unwrap(), (first, 1));
}

/// The role: serves, unless it was spawned; then it is a successor that reads nothing and gives up.
pub(crate) fn refuse_when_spawned(role: &Role) {
    let Ok(secret) = env::var("HEIRLOOM_SECRET") else {
        return serve::run(role);
    };
    let mut predecessor = Tool::connect(role.get("HANDOFF").unwrap()).unwrap();
    predecessor.send(&Message::Hello(hello(&secret))).unwrap();
    assert_eq!(role.next_order(), "refuse");
    let abort = Abort::new(AbortReason::Mismatch, WRONG);
    predecessor.send(&Message::Abort(abort)).unwrap();
    drop(predecessor);
    emit("refused", "");
    role.next_order();
}

fn hello(secret: &str) -> Hello {
    let byte = |index: usize| u8::from_str_radix(&secret[2 * index..2 * index + 2], 16).unwrap();
    Hello {
        lowest: VERSION,
        highest: VERSION,
        features: 0,
        free_slots: 1_000,
        pid: std::process::id(),
        service: LABEL.into(),
        build: String::new(),
        secret: Some(Secret(std::array::from_fn(byte))),
    }
}
