//! Today's reader and writer against the bytes.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use heirloom_proto::limits::{FROZEN_VERSION, VERSION};
use heirloom_proto::{AbortReason, Kind, Message, MessageKind, Phase, RefuseReason};

use crate::support::samples::samples;

const CHANGED: &str = "the layout has changed: peers of the version in the header cannot read it. \
    A changed layout needs a new version number, and new vectors beside the old ones";

#[test]
fn every_vector_is_read_as_the_message_it_is() {
    for (name, message) in samples() {
        assert_eq!(Message::decode(&vector(name)), Ok(message), "{name}: {CHANGED}");
    }
}

#[test]
fn every_message_is_written_as_its_vector() {
    for (name, message) in samples() {
        let written = hex(&message.encode().unwrap());
        assert_eq!(written, hex(&vector(name)), "{name}: {CHANGED}");
    }
}

#[test]
fn bytes_behind_the_known_fields_are_left_to_newer_versions() {
    for (name, message) in samples() {
        let mut frame = vector(name);
        frame.extend([0xee; 5]);
        let body = u32::try_from(frame.len() - 12).unwrap();
        frame[8..12].copy_from_slice(&body.to_le_bytes());
        assert_eq!(Message::decode(&frame), Ok(message), "{name}");
    }
}

#[test]
fn every_kind_has_a_vector_and_every_vector_is_known() {
    let kinds: BTreeSet<_> = samples()
        .iter()
        .filter_map(|(_, message)| message.kind())
        .map(|kind| kind as u16)
        .collect();
    let all = MessageKind::ALL.iter().map(|kind| *kind as u16).collect();
    assert_eq!(kinds, all, "a kind without a sample in support/samples.rs");
    let known: BTreeSet<_> = samples().iter().map(|(name, _)| file(name)).collect();
    let files = fs::read_dir(vectors()).unwrap();
    let found = files.map(|file| file.unwrap().path()).collect();
    assert_eq!(known, found);
}

#[test]
fn every_number_on_the_wire_stays() {
    let kinds = MessageKind::ALL.iter().map(|kind| *kind as u16);
    let expected = [
        0x8001, 0x8002, 0x8003, 0x8004, 0x8005, 0x0006, 0x8007, 0x8008, 0x8009, 0x800a, 0x000b,
        0x800c, 0x800d, 0x800e, 0x800f, 0x8010,
    ];
    assert_eq!(kinds.collect::<Vec<_>>(), expected, "{CHANGED}");
    numbers(AbortReason::ALL.iter().map(|reason| u16::from(*reason)), 10);
    numbers(RefuseReason::ALL.iter().map(|reason| u16::from(*reason)), 8);
    numbers(Phase::ALL.iter().map(|phase| u8::from(*phase).into()), 12);
    for number in 0..=u16::MAX {
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
fn three_messages_are_frozen_and_the_others_bear_the_version() {
    for (name, message) in samples() {
        let frozen =
            matches!(message, Message::Hello(_) | Message::Welcome(_) | Message::Refuse(_));
        let version = if frozen { FROZEN_VERSION } else { VERSION };
        assert_eq!(vector(name)[4..6], version.to_le_bytes(), "{name}");
    }
}

#[test]
#[ignore = "writes the vectors that are missing"]
fn write_the_missing_vectors() {
    fs::create_dir_all(vectors()).unwrap();
    for (name, message) in samples() {
        if !file(name).exists() {
            fs::write(file(name), hex(&message.encode().unwrap())).unwrap();
        }
    }
}

fn vectors() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vectors")
}

fn file(name: &str) -> PathBuf {
    vectors().join(name).with_extension("hex")
}

#[track_caller]
fn vector(name: &str) -> Vec<u8> {
    let text = fs::read_to_string(file(name));
    let text = text.unwrap_or_else(|error| panic!("no vector for {name}: {error}"));
    let bytes = text.split_whitespace();
    bytes.map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect()
}

/// The header in a line of its own, then sixteen bytes a line.
fn hex(frame: &[u8]) -> String {
    let (header, body) = frame.split_at(12);
    let mut text = String::new();
    for line in std::iter::once(header).chain(body.chunks(16)) {
        let bytes: Vec<_> = line.iter().map(|byte| format!("{byte:02x}")).collect();
        writeln!(text, "{}", bytes.join(" ")).unwrap();
    }
    text
}
