//! Any message within the bounds of the protocol.

use heirloom_proto::limits::{
    MAX_ADDRESS, MAX_LABEL, MAX_LATE_STATE, MAX_NAME, MAX_OPAQUE, MAX_TEXT,
};
use heirloom_proto::{
    Abort, AbortReason, Commit, DrainingGeneration, Entry, FileId, Happened, Happening, Hello,
    Identity, Kind, LastFailure, Listed, Manifest, Message, MessageKind, Name, Open, Outcome,
    Phase, Progress, Ready, Received, Refuse, RefuseReason, RunningHandoff, Secret, Socket,
    StatusReport, Timeouts, Welcome,
};
use proptest::collection::{SizeRange, vec};
use proptest::option;
use proptest::prelude::*;
use std::time::Duration;

/// Any message of any kind; its manifest is a short one.
pub(crate) fn message() -> impl Strategy<Value = Message> {
    prop_oneof![
        4 => manifest(0..=4).prop_map(Message::Manifest),
        2 => hello().prop_map(Message::Hello),
        2 => welcome().prop_map(Message::Welcome),
        2 => refuse().prop_map(Message::Refuse),
        2 => ready().prop_map(Message::Ready),
        2 => report().prop_map(Message::StatusReport),
        2 => outcome().prop_map(Message::Outcome),
        1 => any::<u64>().prop_map(|count| Message::Received(Received { count })),
        1 => text(MAX_TEXT).prop_map(|text| Message::Progress(Progress { text })),
        1 => bytes(MAX_LATE_STATE).prop_map(|late_state| Message::Commit(Commit { late_state })),
        1 => (any::<u16>(), text(MAX_TEXT)).prop_map(|(reason, text)| {
            Message::Abort(Abort { reason: AbortReason::from(reason), text })
        }),
        1 => any::<u64>().prop_map(|open| Message::Open(Open { open })),
        2 => happened().prop_map(Message::Happened),
        2 => without_body(),
    ]
}

/// A manifest of so many entries, which may be too much for a frame.
pub(crate) fn manifest(count: impl Into<SizeRange>) -> impl Strategy<Value = Manifest> {
    (vec(entry(), count), any::<bool>()).prop_map(|(entries, last)| Manifest {
        entries: entries.into_iter().map(|entry| (entry, ())).collect(),
        last,
    })
}

pub(crate) fn entry() -> impl Strategy<Value = Entry> {
    let kind = prop_oneof![0..=13_u16, any::<u16>()].prop_map(Kind::from);
    let opaque = prop_oneof![4 => bytes(16), 1 => bytes(MAX_OPAQUE)];
    (kind, name(), identity(), option::of(file()), opaque).prop_map(
        |(kind, name, identity, path, opaque)| {
            let opaque = opaque.try_into().unwrap();
            Entry { kind, name, identity, path, opaque }
        },
    )
}

/// Of one to so many bytes as a name may have, of any characters but NUL.
pub(crate) fn name() -> impl Strategy<Value = Name> {
    text(MAX_NAME).prop_map(|text| {
        let text = text.replace('\0', "0");
        Name::new(if text.is_empty() { "name" } else { &text }).unwrap()
    })
}

fn identity() -> impl Strategy<Value = Identity> {
    prop_oneof![socket().prop_map(Identity::Socket), file().prop_map(Identity::File)]
}

fn socket() -> impl Strategy<Value = Socket> {
    (any::<[i32; 3]>(), any::<bool>(), bytes(MAX_ADDRESS), any::<u64>()).prop_map(
        |([domain, kind, protocol], listening, local, cookie)| Socket {
            domain,
            kind,
            protocol,
            listening,
            local: local.try_into().unwrap(),
            cookie,
        },
    )
}

fn file() -> impl Strategy<Value = FileId> {
    any::<[u64; 2]>().prop_map(|[device, inode]| FileId { device, inode })
}

fn hello() -> impl Strategy<Value = Hello> {
    let secret = option::of(any::<[u8; 32]>().prop_map(Secret));
    (any::<[u16; 2]>(), any::<[u64; 2]>(), any::<u32>(), text(MAX_LABEL), text(MAX_LABEL), secret)
        .prop_map(|([lowest, highest], [features, free_slots], pid, service, build, secret)| {
            Hello { lowest, highest, features, free_slots, pid, service, build, secret }
        })
}

fn welcome() -> impl Strategy<Value = Welcome> {
    (any::<u16>(), any::<[u64; 6]>(), any::<u32>(), text(MAX_LABEL)).prop_map(
        |(version, [generation, attempt, entries, ready, ready_cap, commit], pid, build)| Welcome {
            version,
            generation,
            attempt,
            entries,
            timeouts: Timeouts {
                ready: Duration::from_millis(ready),
                ready_cap: Duration::from_millis(ready_cap),
                commit: Duration::from_millis(commit),
            },
            pid,
            build,
        },
    )
}

fn refuse() -> impl Strategy<Value = Refuse> {
    (any::<u16>(), any::<[u64; 4]>(), phase(), text(MAX_TEXT)).prop_map(
        |(reason, [generation, age_ms, needed, available], phase, text)| Refuse {
            reason: RefuseReason::from(reason),
            generation,
            phase,
            age_ms,
            needed,
            available,
            text,
        },
    )
}

fn ready() -> impl Strategy<Value = Ready> {
    (any::<u64>(), vec(name(), 0..20))
        .prop_map(|(stray_count, strays)| Ready { stray_count, strays })
}

fn report() -> impl Strategy<Value = StatusReport> {
    let labels = (text(MAX_LABEL), text(MAX_LABEL));
    let rest = (
        option::of(any::<u64>()),
        option::of(running()),
        option::of(failure()),
        vec(listed(), 0..5),
    );
    (any::<[u64; 4]>(), any::<u32>(), labels, phase(), vec(draining(), 0..5), rest).prop_map(
        |(
            [generation, age_ms, uptime_ms, entries],
            pid,
            (service, build),
            phase,
            draining,
            rest,
        )| {
            let (open, handoff, last_failure, listed) = rest;
            StatusReport {
                generation,
                pid,
                service,
                build,
                phase,
                age_ms,
                uptime_ms,
                entries,
                draining,
                open,
                handoff,
                last_failure,
                listed,
            }
        },
    )
}

fn draining() -> impl Strategy<Value = DrainingGeneration> {
    (any::<u64>(), any::<u32>(), option::of(any::<u64>()))
        .prop_map(|(generation, pid, open)| DrainingGeneration { generation, pid, open })
}

fn running() -> impl Strategy<Value = RunningHandoff> {
    (any::<u32>(), text(MAX_LABEL)).prop_map(|(pid, build)| RunningHandoff { pid, build })
}

fn failure() -> impl Strategy<Value = LastFailure> {
    (phase(), any::<[u64; 2]>(), text(MAX_TEXT))
        .prop_map(|(phase, [took_ms, ago_ms], text)| LastFailure { phase, took_ms, ago_ms, text })
}

fn listed() -> impl Strategy<Value = Listed> {
    let kind = any::<u16>().prop_map(Kind::from);
    (kind, name(), bytes(MAX_ADDRESS)).prop_map(|(kind, name, address)| {
        let address = address.try_into().unwrap();
        Listed { kind, name, address }
    })
}

fn happened() -> impl Strategy<Value = Happened> {
    (any::<u16>(), any::<u32>(), any::<[u64; 3]>(), phase(), text(MAX_TEXT)).prop_map(
        |(event, pid, [generation, took_ms, number], phase, text)| Happened {
            event: Happening::from(event),
            pid,
            generation,
            phase,
            took_ms,
            number,
            text,
        },
    )
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        any::<(u32, u64)>().prop_map(|(pid, generation)| Outcome::Committed { pid, generation }),
        (any::<u16>(), text(MAX_TEXT))
            .prop_map(|(cause, text)| Outcome::Failed { cause: cause.into(), text }),
    ]
}

fn without_body() -> impl Strategy<Value = Message> {
    let unknown = 0..MessageKind::MUST_UNDERSTAND;
    let unknown = unknown.prop_filter("a known kind", |kind| MessageKind::try_from(*kind).is_err());
    prop_oneof![
        Just(Message::Released),
        Just(Message::Owned),
        Just(Message::Draining),
        Just(Message::Retired),
        Just(Message::Status),
        Just(Message::Upgrade),
        Just(Message::Watch),
        unknown.prop_map(Message::Unknown),
    ]
}

fn phase() -> impl Strategy<Value = Phase> {
    any::<u8>().prop_map(Phase::from)
}

/// Any characters, over and over, up to a length of at most `most` bytes.
fn text(most: usize) -> impl Strategy<Value = String> {
    (vec(any::<char>(), 1..8), 0..=most).prop_map(|(characters, length)| {
        let mut room = length;
        let fits = |character: &char| {
            let rest = room.checked_sub(character.len_utf8());
            room = rest.unwrap_or_default();
            rest.is_some()
        };
        characters.into_iter().cycle().take_while(fits).collect()
    })
}

/// At most `most` bytes: a few of any value, over and over.
fn bytes(most: usize) -> impl Strategy<Value = Vec<u8>> {
    (any::<[u8; 5]>(), 0..=most)
        .prop_map(|(bytes, length)| bytes.into_iter().cycle().take(length).collect())
}
