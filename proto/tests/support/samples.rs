//! Messages with something in every field.

use heirloom_proto::{
    Abort, AbortReason, Cause, Commit, DrainingGeneration, Entry, FileId, Happened, Happening,
    Hello, Identity, Kind, LastFailure, Listed, Manifest, Message, Name, Open, Outcome, Phase,
    Progress, Ready, Received, Refuse, RefuseReason, RunningHandoff, Socket, StatusReport,
    Timeouts, Welcome,
};

use super::{entry, hello, spawned_hello};

/// Every kind and every variant of its body, by name.
pub fn samples() -> Vec<(&'static str, Message)> {
    let mut samples = handoff();
    samples.extend(manifests());
    samples.extend(tool());
    samples
}

fn handoff() -> Vec<(&'static str, Message)> {
    let strays = vec![Name::new("a").unwrap(), Name::new("ä").unwrap()];
    let late_state = b"last words".to_vec();
    vec![
        ("hello", Message::Hello(Hello { highest: 3, features: 5, ..hello() })),
        ("hello-with-secret", Message::Hello(spawned_hello())),
        ("welcome", Message::Welcome(welcome())),
        ("refuse", Message::Refuse(refuse())),
        ("received", Message::Received(Received { count: 250 })),
        ("progress", Message::Progress(Progress { text: "reading the cache: 4 %".into() })),
        ("ready", Message::Ready(Ready { stray_count: 0, strays: Vec::new() })),
        ("ready-with-strays", Message::Ready(Ready { stray_count: 3, strays })),
        ("commit", Message::Commit(Commit { late_state: Vec::new() })),
        ("commit-with-late-state", Message::Commit(Commit { late_state })),
        ("released", Message::Released),
        ("owned", Message::Owned),
        ("draining", Message::Draining),
        ("retired", Message::Retired),
        ("abort", Message::Abort(Abort::new(AbortReason::Mismatch, "file-0: another inode"))),
        ("unknown", Message::Unknown(0x7fff)),
    ]
}

fn manifests() -> Vec<(&'static str, Message)> {
    vec![
        ("manifest-empty-and-last", batch(Vec::new(), true)),
        ("manifest-file", batch(vec![entry(0)], false)),
        ("manifest-socket", batch(vec![listener()], true)),
        ("manifest-unix-socket", batch(vec![unix_listener()], true)),
        ("manifest-two", batch(vec![entry(0), listener()], true)),
    ]
}

fn tool() -> Vec<(&'static str, Message)> {
    let committed = Outcome::Committed { pid: 200, generation: 2 };
    let text = "refused: busy".into();
    vec![
        ("status", Message::Status),
        ("status-report", Message::StatusReport(report())),
        ("upgrade", Message::Upgrade),
        ("outcome-committed", Message::Outcome(committed)),
        ("outcome-failed", Message::Outcome(Outcome::Failed { cause: Cause::Exited, text })),
        ("open", Message::Open(Open { open: 12 })),
        ("watch", Message::Watch),
        ("happened", Message::Happened(happened())),
    ]
}

pub fn batch(entries: Vec<Entry>, last: bool) -> Message {
    Message::Manifest(Manifest {
        entries: entries.into_iter().map(|entry| (entry, ())).collect(),
        last,
    })
}

pub fn listener() -> Entry {
    Entry {
        kind: Kind::TcpListener,
        name: Name::new("tcp:127.0.0.1:7000").unwrap(),
        identity: Identity::Socket(Socket {
            domain: 2,
            kind: 1,
            protocol: 6,
            listening: true,
            local: vec![2, 0, 0x1b, 0x58, 127, 0, 0, 1].try_into().unwrap(),
            cookie: 0x1122_3344,
        }),
        path: None,
        opaque: b"tls".to_vec().try_into().unwrap(),
    }
}

fn unix_listener() -> Entry {
    Entry {
        kind: Kind::UnixListener,
        path: Some(FileId { device: 0x0801, inode: 0x77 }),
        ..listener()
    }
}

pub fn welcome() -> Welcome {
    Welcome {
        version: 1,
        generation: 2,
        attempt: 1,
        entries: 250,
        timeouts: Timeouts::default(),
        pid: 100,
        build: "1.0".into(),
    }
}

fn refuse() -> Refuse {
    Refuse {
        reason: RefuseReason::Busy,
        generation: 1,
        phase: Phase::Preparing,
        age_ms: 3_000,
        needed: 12,
        available: 7,
        text: "generation 1 is busy".into(),
    }
}

fn report() -> StatusReport {
    StatusReport {
        generation: 3,
        pid: 100,
        service: "echo".into(),
        build: "1.0".into(),
        phase: Phase::Serving,
        age_ms: 1,
        uptime_ms: 2,
        entries: 3,
        draining: vec![DrainingGeneration { generation: 2, pid: 99, open: Some(12) }],
        open: Some(4),
        handoff: Some(RunningHandoff { pid: 101, build: "1.1".into() }),
        last_failure: Some(LastFailure {
            phase: Phase::Preparing,
            took_ms: 60_012,
            ago_ms: 7_000,
            text: "waiting for the successor to become ready took 60001 ms".into(),
        }),
        listed: vec![listed()],
    }
}

fn listed() -> Listed {
    let address = vec![2, 0, 0x1b, 0x58, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
    let name = Name::new("127.0.0.1:7000").unwrap();
    Listed { kind: Kind::TcpListener, name, address: address.try_into().unwrap() }
}

fn happened() -> Happened {
    Happened {
        event: Happening::Phase,
        pid: 101,
        generation: 4,
        phase: Phase::Preparing,
        took_ms: 12,
        number: 0,
        text: String::new(),
    }
}
