//! A release that speaks versions 1 to 3, has features, reasons, phases, kinds of entry and kinds of
//! message that this one does not know, and has more to say behind the fields of version 1.

use heirloom_proto::{
    Abort, AbortReason, Happened, Happening, Hello, Message, Phase, Refuse, RefuseReason,
    StatusReport, Welcome,
};

use super::entries::unknown;
use super::older;
use crate::support::samples::batch;

/// What each message of it says behind the fields of version 1.
pub(super) const EXTRA: &[u8] = b"\x02\x00said by version 3";

/// The vector of a kind that may be skipped, and of one that must be understood. Both are of version
/// 3 and have a body.
pub(crate) const SKIPPABLE: &str = "newer/unknown-kind-to-skip";
pub(crate) const MUST_UNDERSTAND: &str = "newer/unknown-kind-to-understand";

/// Their frames, byte by byte: this release cannot write them.
pub(crate) fn unknown_kinds() -> [(&'static str, Vec<u8>); 2] {
    [
        (SKIPPABLE, b"HRLM\x03\0\x21\0\x0a\0\0\0by the way".to_vec()),
        (MUST_UNDERSTAND, b"HRLM\x03\0\x21\x80\x09\0\0\0listen up".to_vec()),
    ]
}

/// As the older release, where there is nothing new but what follows.
pub(super) fn cases() -> Vec<(&'static str, Message)> {
    let mut cases = older::cases();
    for (name, message) in &mut cases {
        match *name {
            "hello" => *message = Message::Hello(hello()),
            "welcome" => *message = Message::Welcome(welcome()),
            "manifest" => *message = batch(vec![older::listener(), unknown()], true),
            "status-report" => *message = Message::StatusReport(report()),
            "happened" => *message = Message::Happened(happened()),
            _ => {}
        }
    }
    cases.extend([
        ("hello-versions-2-to-3", Message::Hello(Hello { lowest: 2, ..hello() })),
        ("welcome-version-2", Message::Welcome(Welcome { version: 2, ..welcome() })),
        ("refuse-unknown-reason", Message::Refuse(refuse())),
        ("abort-unknown-reason", Message::Abort(abort())),
    ]);
    cases
}

fn hello() -> Hello {
    let features = 0x8000_0000_0000_0005;
    Hello { highest: 3, features, build: "9.0 β".into(), ..older::hello() }
}

fn welcome() -> Welcome {
    Welcome { build: "9.0 β".into(), ..older::welcome() }
}

fn refuse() -> Refuse {
    let (reason, phase) = (RefuseReason::Other(900), Phase::Other(77));
    Refuse { reason, phase, text: "the moon is full".into(), ..older::refuse() }
}

fn abort() -> Abort {
    Abort::new(AbortReason::Other(901), "the moon is new")
}

fn happened() -> Happened {
    let text = "it is raining".into();
    Happened { event: Happening::Other(902), phase: Phase::Other(77), text, ..older::happened() }
}

fn report() -> StatusReport {
    StatusReport { phase: Phase::Other(77), build: "9.0 β".into(), ..older::report() }
}
