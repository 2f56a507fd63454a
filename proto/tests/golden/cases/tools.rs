//! What tools are told.

use heirloom_proto::{
    Cause, DrainingGeneration, Happened, Happening, Kind, LastFailure, Listed, Message, Name, Open,
    Outcome, Phase, RefuseReason, RunningHandoff, StatusReport,
};

pub(super) fn cases() -> Vec<(&'static str, Message)> {
    let draining = vec![
        DrainingGeneration { generation: 5, pid: 50, open: Some(0) },
        DrainingGeneration { generation: u64::MAX, pid: u32::MAX, open: None },
    ];
    let longest = StatusReport {
        service: "ß".repeat(127) + "s",
        build: "b".repeat(255),
        ..report(Phase::Preparing, draining)
    };
    let text = "x".repeat(1_021) + "→";
    let mut cases = vec![
        ("status-report-nothing-drains", status(report(Phase::Starting, Vec::new()))),
        ("status-report-unknown-phase", status(report(Phase::Other(200), Vec::new()))),
        ("status-report-longest-labels", status(longest)),
        (
            "outcome-failed-longest-text",
            Message::Outcome(Outcome::Failed { cause: Cause::GivenUp, text }),
        ),
        ("open-nothing", Message::Open(Open { open: 0 })),
        ("status-report-longest-texts", status(full())),
    ];
    cases.extend(told());
    cases
}

/// Every field of any length at its longest, but for the list: a full frame would be most of the folder.
fn full() -> StatusReport {
    let failure = LastFailure {
        phase: Phase::Fencing,
        took_ms: u64::MAX,
        ago_ms: 1,
        text: "€".repeat(341) + "e",
    };
    let handoff = RunningHandoff { pid: u32::MAX, build: "b".repeat(255) };
    let mut report = StatusReport {
        open: Some(u64::MAX),
        handoff: Some(handoff),
        last_failure: Some(failure),
        ..report(Phase::Committing, Vec::new())
    };
    let listed = |number: u32| Listed {
        kind: Kind::Other(60_000),
        name: Name::new(format!("{number:0>255}")).unwrap(),
        address: vec![7; 128].try_into().unwrap(),
    };
    report.list((0..1).map(listed));
    report
}

/// Every event but for the one that `happened` tells.
fn told() -> Vec<(&'static str, Message)> {
    let all = [
        ("happened-began", Happening::Began, 0, "1.1"),
        ("happened-progress", Happening::Progress, 0, "reading the cache: 4 %"),
        ("happened-ready", Happening::Ready, 3, ""),
        ("happened-owned", Happening::Owned, 0, ""),
        ("happened-failed", Happening::Failed, 2, "the peer's process ended"),
        ("happened-taken-back", Happening::TakenBack, 3, "moving the token took 2001 ms"),
        (
            "happened-refused",
            Happening::Refused,
            u64::from(u16::from(RefuseReason::Slots)),
            "too few slots",
        ),
        ("happened-retired", Happening::Retired, 0, ""),
        ("happened-stopped", Happening::Stopped, 0, ""),
        ("happened-unknown", Happening::Other(0x0102), u64::MAX, "of an event yet to come"),
    ];
    let told = |(name, event, number, text): (&'static str, _, _, &str)| {
        (name, Message::Happened(happened(event, number, text)))
    };
    let longest = happened(Happening::Progress, 0, &"ö".repeat(512));
    all.into_iter()
        .map(told)
        .chain([("happened-longest-text", Message::Happened(longest))])
        .collect()
}

fn happened(event: Happening, number: u64, text: &str) -> Happened {
    let text = text.into();
    Happened {
        event,
        pid: 4_322,
        generation: 8,
        phase: Phase::Preparing,
        took_ms: 70,
        number,
        text,
    }
}

fn status(report: StatusReport) -> Message {
    Message::StatusReport(report)
}

fn report(phase: Phase, draining: Vec<DrainingGeneration>) -> StatusReport {
    StatusReport {
        generation: 7,
        pid: 4_321,
        service: "echo".into(),
        build: String::new(),
        phase,
        age_ms: 86_400_000,
        uptime_ms: u64::MAX,
        entries: 1_308,
        draining,
        open: None,
        handoff: None,
        last_failure: None,
        listed: Vec::new(),
    }
}
