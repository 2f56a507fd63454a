//! Today's reader and writer against the bytes.

use std::collections::BTreeSet;
use std::fs;

use heirloom_proto::limits::{FROZEN_VERSION, VERSION};
use heirloom_proto::{
    AbortReason, Happening, InvalidMessage, Kind, Message, MessageKind, Phase, RefuseReason,
};

use crate::cases;
use crate::changed::{CHANGED, changed};
use crate::files;
use crate::twin::Twin;

#[test]
fn every_vector_is_read_as_the_message_it_is() {
    for case in cases::all() {
        let read = Message::decode(&files::frame(&case.name));
        assert_eq!(read, Ok(case.message), "{}", changed(&case.name));
    }
}

/// A reader drops what it does not know. So what is written of a newer release's message is the known
/// part, and the test adds what follows it.
#[test]
fn every_message_that_was_read_is_written_as_the_known_part_of_its_vector() {
    for case in cases::all() {
        let vector = files::frame(&case.name);
        let message = Message::decode(&vector);
        let message = message.unwrap_or_else(|error| panic!("{error}: {}", changed(&case.name)));
        let written = cases::Case { message, ..case.clone() }.frame();
        assert_eq!(files::hex(&written), files::hex(&vector), "{}", changed(&case.name));
    }
}

#[test]
fn a_kind_that_is_unknown_may_be_skipped_unless_its_bit_15_is_set() {
    let expected =
        [Ok(Message::Unknown(0x0021)), Err(InvalidMessage::UnknownKind { kind: 0x8021 })];
    for ((name, frame), expected) in cases::unknown_kinds().into_iter().zip(expected) {
        assert_eq!(files::hex(&frame), files::hex(&files::frame(name)), "{name}");
        assert_eq!(Message::decode(&frame), expected, "{name}");
    }
}

#[test]
fn every_vector_is_sixteen_bytes_a_line_after_its_header() {
    for name in cases::names() {
        let text = fs::read_to_string(files::path(&name, "hex")).unwrap();
        assert_eq!(text, files::hex(&files::frame(&name)), "{name}");
    }
}

#[test]
fn bytes_behind_the_known_fields_are_left_to_newer_versions() {
    for case in cases::today() {
        let mut frame = files::frame(&case.name);
        frame.extend([0xee; 5]);
        let body = u32::try_from(frame.len() - 12).unwrap();
        frame[8..12].copy_from_slice(&body.to_le_bytes());
        assert_eq!(Message::decode(&frame), Ok(case.message), "{}", case.name);
    }
}

#[test]
fn every_kind_stands_in_each_set_and_every_file_is_known() {
    let all: BTreeSet<_> = MessageKind::ALL.iter().map(|kind| *kind as u16).collect();
    for set in [cases::today(), cases::older(), cases::newer()] {
        let kinds = set.iter().filter_map(|case| case.message.kind());
        let kinds: BTreeSet<_> = kinds.map(|kind| kind as u16).collect();
        assert_eq!(kinds, all, "a kind without a vector: add it to tests/golden/cases");
    }
    let names = cases::names().into_iter();
    let known: BTreeSet<_> =
        names.flat_map(|name| [files::path(&name, "hex"), files::path(&name, "txt")]).collect();
    assert_eq!(known, files::found(), "a vector that nobody reads, or one that is not there");
}

#[test]
fn every_number_on_the_wire_stays() {
    let kinds = MessageKind::ALL.iter().map(|kind| *kind as u16);
    let expected = [
        0x8001, 0x8002, 0x8003, 0x8004, 0x8005, 0x0006, 0x8007, 0x8008, 0x8009, 0x800a, 0x000b,
        0x800c, 0x800d, 0x800e, 0x800f, 0x8010, 0x0011, 0x0012, 0x8013, 0x0014,
    ];
    assert_eq!(kinds.collect::<Vec<_>>(), expected, "{CHANGED}");
    numbers(AbortReason::ALL.iter().map(|reason| u16::from(*reason)), 10);
    numbers(RefuseReason::ALL.iter().map(|reason| u16::from(*reason)), 9);
    numbers(Phase::ALL.iter().map(|phase| u8::from(*phase).into()), 12);
    numbers(Happening::ALL.iter().map(|event| u16::from(*event)), 10);
    for number in 0..=u16::MAX {
        assert_eq!(u16::from(Happening::from(number)), number);
        assert_eq!(u16::from(Kind::from(number)), number);
        assert_eq!(u16::from(AbortReason::from(number)), number);
        assert_eq!(u16::from(RefuseReason::from(number)), number);
    }
}

#[track_caller]
fn numbers(found: impl Iterator<Item = u16>, last: u16) {
    let found: Vec<_> = found.collect();
    assert_eq!(found, (1..=last).collect::<Vec<_>>(), "{CHANGED}");
}

#[test]
fn every_number_that_is_given_and_an_unknown_one_stand_in_a_vector() {
    let (mut refuse, mut abort) = (BTreeSet::new(), BTreeSet::new());
    let (mut phases, mut entries) = (BTreeSet::new(), BTreeSet::new());
    let mut events = BTreeSet::new();
    for case in cases::today() {
        match case.message {
            Message::Refuse(message) => {
                refuse.insert(message.reason.into());
                phases.insert(u16::from(u8::from(message.phase)));
            }
            Message::Happened(message) => drop(events.insert(message.event.into())),
            Message::Abort(message) => drop(abort.insert(message.reason.into())),
            Message::Manifest(message) => {
                entries.extend(message.entries.iter().map(|(entry, ())| u16::from(entry.kind)));
            }
            _ => {}
        }
    }
    for (what, found, last) in [
        ("refuse", refuse, 9),
        ("abort", abort, 10),
        ("phase", phases, 12),
        ("kind of entry", entries, 10),
        ("event", events, 10),
    ] {
        let (known, unknown): (Vec<u16>, Vec<u16>) = found.iter().partition(|n| **n <= last);
        assert_eq!(known, (1..=last).collect::<Vec<_>>(), "{what}");
        assert!(!unknown.is_empty(), "{what}: no unknown number");
    }
}

#[test]
fn three_messages_are_frozen_and_the_others_bear_the_version() {
    for case in cases::all() {
        let frozen =
            matches!(case.message, Message::Hello(_) | Message::Welcome(_) | Message::Refuse(_));
        let version = if frozen { FROZEN_VERSION } else { VERSION };
        let vector = files::frame(&case.name);
        assert_eq!(vector[4..6], version.to_le_bytes(), "{}", changed(&case.name));
    }
}

#[test]
#[ignore = "writes the vectors and the twins that are missing"]
fn write_the_missing_vectors() {
    let frames = cases::all().into_iter().map(|case| (case.frame(), case.name));
    let unknown = cases::unknown_kinds().map(|(name, frame)| (frame, name.into()));
    for (frame, name) in frames.chain(unknown) {
        write_missing(&name, "hex", || files::hex(&frame));
        write_missing(&name, "txt", || Twin::of(&files::frame(&name)).unwrap().text);
    }
}

fn write_missing(name: &str, extension: &str, text: impl FnOnce() -> String) {
    let path = files::path(name, extension);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    if !path.exists() {
        fs::write(path, text()).unwrap();
    }
}
