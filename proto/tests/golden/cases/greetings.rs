//! `Hello`, `Welcome` and `Refuse`.

use heirloom_proto::{Hello, Message, Phase, Refuse, RefuseReason, Welcome};

use crate::support::hello;
use crate::support::samples::welcome;

pub(super) fn cases() -> Vec<(&'static str, Message)> {
    let (service, build) = ("s".repeat(255), "ä".repeat(127) + "b");
    let longest = Hello { service, build: build.clone(), ..hello() };
    let mut cases = vec![
        ("hello-empty-build", Message::Hello(Hello { build: String::new(), ..hello() })),
        ("hello-longest-labels", Message::Hello(longest)),
        ("welcome-empty-build", Message::Welcome(Welcome { build: String::new(), ..welcome() })),
        ("welcome-longest-build", Message::Welcome(Welcome { build, ..welcome() })),
    ];
    cases.extend(reasons());
    cases.extend(phases());
    cases
}

fn reasons() -> [(&'static str, Message); 10] {
    let longest = Refuse {
        text: "€".repeat(341) + "!",
        ..refuse(RefuseReason::Secret, Phase::Serving, String::new())
    };
    let versions = "this predecessor speaks version 1, the successor 2 to 3";
    let versions = numbers(RefuseReason::Version, Phase::Serving, (1, 3), versions);
    let slots = "successor has 24 free descriptor slots, the handoff needs 1310: raise LimitNOFILE";
    let slots = numbers(RefuseReason::Slots, Phase::Greeting, (1_310, 24), slots);
    [
        ("refuse-not-ready", plain(RefuseReason::NotReady, Phase::Starting)),
        ("refuse-version", versions),
        ("refuse-service", plain(RefuseReason::Service, Phase::Serving)),
        ("refuse-slots", slots),
        ("refuse-secret", plain(RefuseReason::Secret, Phase::Spawning)),
        ("refuse-stopping", plain(RefuseReason::Stopping, Phase::Stopped)),
        ("refuse-secret-used", plain(RefuseReason::SecretUsed, Phase::Preparing)),
        ("refuse-draining-cap", plain(RefuseReason::DrainingCap, Phase::Serving)),
        ("refuse-unknown-reason", plain(RefuseReason::Other(0x0102), Phase::Other(0xff))),
        ("refuse-longest-text", Message::Refuse(longest)),
    ]
}

/// The phases in which an owner is busy, but for the one that `refuse` is about.
fn phases() -> [(&'static str, Message); 6] {
    [
        ("refuse-busy-transferring", Phase::Transferring),
        ("refuse-busy-committing", Phase::Committing),
        ("refuse-busy-releasing", Phase::Releasing),
        ("refuse-busy-reclaiming", Phase::Reclaiming),
        ("refuse-busy-fencing", Phase::Fencing),
        ("refuse-busy-draining", Phase::Draining),
    ]
    .map(|(name, phase)| (name, plain(RefuseReason::Busy, phase)))
}

fn plain(reason: RefuseReason, phase: Phase) -> Message {
    Message::Refuse(refuse(reason, phase, format!("generation 7 is {reason}: {phase}")))
}

fn numbers(
    reason: RefuseReason,
    phase: Phase,
    (needed, available): (u64, u64),
    text: &str,
) -> Message {
    Message::Refuse(Refuse { needed, available, ..refuse(reason, phase, text.into()) })
}

fn refuse(reason: RefuseReason, phase: Phase, text: String) -> Refuse {
    Refuse { reason, generation: 7, phase, age_ms: 1_500, needed: 0, available: 0, text }
}
