//! What is said from `Manifest` on, and `Abort`.

use heirloom_proto::{
    Abort, AbortReason, Commit, LateState, Message, Name, Progress, Ready, Received, Schema, Words,
};

pub(super) fn cases() -> Vec<(&'static str, Message)> {
    let longest = Name::new("n".repeat(255)).unwrap();
    let ready = Ready { stray_count: 1, strays: vec![longest] };
    let uncounted = Ready { stray_count: 1_000, strays: Vec::new() };
    let mut cases = vec![
        ("received-nothing", Message::Received(Received { count: 0 })),
        ("progress-longest-text", Message::Progress(Progress { text: "ö".repeat(512) })),
        ("ready-longest-name", Message::Ready(ready)),
        ("ready-with-strays-not-named", Message::Ready(uncounted)),
        ("commit-with-last-words", Message::Commit(last_words())),
        ("abort-longest-text", abort(AbortReason::System, &"🦀".repeat(256))),
    ];
    cases.extend(reasons());
    cases
}

/// Every reason but for the one that `abort` gives.
fn reasons() -> [(&'static str, Message); 10] {
    [
        ("abort-timed-out", AbortReason::TimedOut, "transferring took longer than 5000 ms"),
        ("abort-protocol", AbortReason::Protocol, "Owned came while preparing"),
        ("abort-stopping", AbortReason::Stopping, "the service is being stopped"),
        ("abort-application", AbortReason::Application, "the cache cannot be read"),
        ("abort-changed", AbortReason::Changed, "127.0.0.1:7000 was added"),
        ("abort-publish", AbortReason::Publish, "/run/echo.pid: permission denied"),
        ("abort-taken-back", AbortReason::TakenBack, "moving the token took longer than 2000 ms"),
        ("abort-system", AbortReason::System, "too many open files"),
        ("abort-truncated", AbortReason::Truncated, "3 of 4 descriptors came"),
        ("abort-unknown-reason", AbortReason::Other(0x0102), "of a reason yet to come"),
    ]
    .map(|(name, reason, text)| (name, abort(reason, text)))
}

/// Of one thing in two schemas, and of another that had nothing to say.
fn last_words() -> Commit {
    let words = |name, schema, bytes: &[u8]| Words {
        name: Name::new(name).unwrap(),
        schema: Schema::new(schema).unwrap(),
        bytes: bytes.to_vec(),
    };
    let words = vec![
        words("counter", "u64", &4_711_u64.to_le_bytes()),
        words("counter", "decimal", b"4711"),
        words("größe", "β", b""),
    ];
    Commit { late_state: LateState { words }.encode().unwrap() }
}

fn abort(reason: AbortReason, text: &str) -> Message {
    Message::Abort(Abort::new(reason, text))
}
