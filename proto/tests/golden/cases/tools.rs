//! What tools are told.

use heirloom_proto::{DrainingGeneration, Message, Outcome, Phase, StatusReport};

pub(super) fn cases() -> Vec<(&'static str, Message)> {
    let draining = vec![
        DrainingGeneration { generation: 5, pid: 50 },
        DrainingGeneration { generation: u64::MAX, pid: u32::MAX },
    ];
    let longest = StatusReport {
        service: "ß".repeat(127) + "s",
        build: "b".repeat(255),
        ..report(Phase::Preparing, draining)
    };
    let text = "x".repeat(1_021) + "→";
    vec![
        ("status-report-nothing-drains", status(report(Phase::Starting, Vec::new()))),
        ("status-report-unknown-phase", status(report(Phase::Other(200), Vec::new()))),
        ("status-report-longest-labels", status(longest)),
        ("outcome-failed-longest-text", Message::Outcome(Outcome::Failed { text })),
    ]
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
    }
}
