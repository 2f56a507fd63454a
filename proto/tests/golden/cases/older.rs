//! A release that speaks version 1: no feature, no secret, no build label, nothing behind the fields
//! of version 1. It takes over, or hands over, two entries.

use heirloom_proto::{
    Abort, AbortReason, Cause, Commit, Entry, FileId, Happened, Happening, Hello, Identity, Kind,
    Message, Open, Outcome, Phase, Progress, Ready, Received, Refuse, RefuseReason, Socket,
    StatusReport, Timeouts, Welcome,
};

use super::entries::{IPV4, entry, socket};
use crate::support::samples::batch;

pub(super) fn cases() -> Vec<(&'static str, Message)> {
    let stray_count = 0;
    let reason = AbortReason::Application;
    vec![
        ("hello", Message::Hello(hello())),
        ("welcome", Message::Welcome(welcome())),
        ("refuse", Message::Refuse(refuse())),
        ("manifest", batch(vec![listener(), file()], true)),
        ("received", Message::Received(Received { count: 2 })),
        ("progress", Message::Progress(Progress { text: "warming up".into() })),
        ("ready", Message::Ready(Ready { stray_count, strays: Vec::new() })),
        ("commit", Message::Commit(Commit { late_state: b"late".to_vec() })),
        ("released", Message::Released),
        ("owned", Message::Owned),
        ("draining", Message::Draining),
        ("retired", Message::Retired),
        ("abort", Message::Abort(Abort::new(reason, "no configuration"))),
        ("status", Message::Status),
        ("status-report", Message::StatusReport(report())),
        ("upgrade", Message::Upgrade),
        ("outcome-committed", Message::Outcome(Outcome::Committed { pid: 31, generation: 2 })),
        (
            "outcome-failed",
            Message::Outcome(Outcome::Failed { cause: Cause::Refused, text: "busy".into() }),
        ),
        ("open", Message::Open(Open { open: 3 })),
        ("watch", Message::Watch),
        ("happened", Message::Happened(happened())),
    ]
}

pub(super) fn hello() -> Hello {
    Hello {
        lowest: 1,
        highest: 1,
        features: 0,
        free_slots: 1_024,
        pid: 31,
        service: "echo".into(),
        build: String::new(),
        secret: None,
    }
}

pub(super) fn welcome() -> Welcome {
    Welcome {
        version: 1,
        generation: 2,
        attempt: 1,
        entries: 2,
        timeouts: Timeouts::default(),
        pid: 30,
        build: String::new(),
    }
}

pub(super) fn refuse() -> Refuse {
    Refuse {
        reason: RefuseReason::Busy,
        generation: 1,
        phase: Phase::Preparing,
        age_ms: 250,
        needed: 0,
        available: 0,
        text: "generation 1 is busy".into(),
    }
}

pub(super) fn report() -> StatusReport {
    StatusReport {
        generation: 1,
        pid: 30,
        service: "echo".into(),
        build: String::new(),
        phase: Phase::Serving,
        age_ms: 10,
        uptime_ms: 20,
        entries: 2,
        draining: Vec::new(),
        open: None,
        handoff: None,
        last_failure: None,
        listed: Vec::new(),
    }
}

pub(super) fn happened() -> Happened {
    Happened {
        event: Happening::Phase,
        pid: 31,
        generation: 2,
        phase: Phase::Transferring,
        took_ms: 4,
        number: 0,
        text: String::new(),
    }
}

pub(super) fn listener() -> Entry {
    let socket = Socket { listening: true, ..socket(2, 1, 6, IPV4) };
    entry(Kind::TcpListener, "127.0.0.1:7000", Identity::Socket(socket), b"")
}

fn file() -> Entry {
    let file = Identity::File(FileId { device: 0x0801, inode: 12 });
    entry(Kind::File, "access log", file, b"")
}
