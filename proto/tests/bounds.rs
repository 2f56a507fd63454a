//! Bytes that are no message: each is an error with its text and its numbers, never a panic.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use heirloom_proto::limits::{MAX_DESCRIPTORS, MAX_FRAME, MAX_TEXT};
use heirloom_proto::{Abort, AbortReason, InvalidMessage, Manifest, Message};
use support::entry;
use support::samples::{batch, samples};

#[track_caller]
fn text(frame: &[u8]) -> String {
    Message::decode(frame).unwrap_err().to_string()
}

fn manifest() -> Vec<u8> {
    batch(vec![entry(0)], true).encode().unwrap()
}

/// The frame with the length in its header made right.
fn with_length(mut frame: Vec<u8>) -> Vec<u8> {
    let length = u32::try_from(frame.len() - 12).unwrap();
    frame[8..12].copy_from_slice(&length.to_le_bytes());
    frame
}

#[test]
fn a_frame_that_is_cut_anywhere_is_an_error() {
    for (name, message) in samples() {
        let frame = message.encode().unwrap();
        for length in 0..frame.len() {
            let cut = &frame[..length];
            assert!(Message::decode(cut).is_err(), "{name} cut to {length} bytes");
        }
    }
}

#[test]
fn a_body_that_is_cut_anywhere_is_an_error() {
    for (name, message) in samples() {
        let frame = message.encode().unwrap();
        for length in 12..frame.len() {
            let cut = with_length(frame[..length].to_vec());
            assert!(Message::decode(&cut).is_err(), "{name} cut to {length} bytes");
        }
    }
}

#[test]
fn no_flipped_bit_panics_and_what_is_read_can_be_written() {
    for (_, message) in samples() {
        let frame = message.encode().unwrap();
        for bit in 0..frame.len() * 8 {
            let mut flipped = frame.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            heirloom_proto::fuzzing::manifest(&flipped);
        }
    }
}

#[test]
fn a_frame_shorter_than_its_header_tells_its_length() {
    assert_eq!(text(&[0; 11]), "a frame of 11 bytes is shorter than its header of 12");
}

#[test]
fn a_frame_longer_than_allowed_tells_the_bound() {
    let frame = vec![0; MAX_FRAME + 1];
    let length = MAX_FRAME + 1;
    assert_eq!(Message::decode(&frame), Err(InvalidMessage::TooLong { length }));
    assert_eq!(text(&frame), "a frame is longer than 65536 bytes");
}

#[test]
fn another_protocol_is_recognised() {
    let expected = "a frame begins with 0x20544547: the peer does not speak this protocol";
    assert_eq!(text(b"GET / HTTP/1.1\r\n"), expected);
}

#[test]
fn a_header_that_tells_another_length_is_refused() {
    let mut frame = manifest();
    frame.push(0);
    assert_eq!(text(&frame), "the header tells a body of 54 bytes, the frame holds 55");
}

#[test]
fn a_known_kind_in_another_version_is_refused() {
    let mut frame = manifest();
    frame[4] = 2;
    assert_eq!(text(&frame), "Manifest came in version 2, expected 1");
}

#[test]
fn an_unknown_kind_that_must_be_understood_is_refused() {
    let mut frame = manifest();
    frame[6] = 0xab;
    let expected = "message kind 0x80ab is unknown and must not be skipped: one side is too old";
    assert_eq!(text(&frame), expected);
}

#[test]
fn an_unknown_kind_that_may_be_skipped_is_read_in_any_version() {
    let mut frame = manifest();
    frame[4..8].copy_from_slice(&[9, 0, 0xab, 0x00]);
    assert_eq!(Message::decode(&frame), Ok(Message::Unknown(0x00ab)));
}

#[test]
fn a_flipped_flag_is_refused() {
    let mut frame = manifest();
    frame[12] = 2;
    assert_eq!(text(&frame), "Manifest cannot be read: last: a flag is 2, not 0 or 1");
}

#[test]
fn an_unknown_identity_is_refused() {
    let mut frame = manifest();
    // Header, flag, count, kind, length of the name, the name.
    frame[12 + 1 + 8 + 2 + 8 + 6] = 5;
    let expected = "Manifest cannot be read: entries[0].identity.variant: number 5 is unknown";
    assert_eq!(text(&frame), expected);
}

#[test]
fn an_entry_without_a_name_is_refused() {
    let mut frame = manifest();
    let at = 12 + 1 + 8 + 2;
    frame[at] = 0;
    frame.drain(at + 8..at + 14);
    let expected = "Manifest cannot be read: entries[0].name: a name must not be empty: choose \
                    one of 1 to 255 bytes with `bind_as`";
    assert_eq!(text(&with_length(frame)), expected);
}

#[test]
fn a_list_that_claims_more_than_there_is_ends_with_the_frame() {
    for claim in [2, 251, 1 << 20, 1 << 40, u64::MAX] {
        let mut frame = manifest();
        frame[13..21].copy_from_slice(&claim.to_le_bytes());
        let expected = "Manifest cannot be read: entries[1].kind: the frame ends before it does";
        assert_eq!(text(&frame), expected, "{claim}");
    }
}

#[test]
fn more_entries_than_descriptors_fit_a_frame_are_refused() {
    let entries = (0..=MAX_DESCRIPTORS).map(|index| (entry(index), ()));
    let manifest = Manifest { entries: entries.collect(), last: true };
    let frame = Message::Manifest(manifest).encode().unwrap();
    assert_eq!(text(&frame), "a manifest has 251 entries, at most 250 are allowed");
}

#[test]
fn a_message_that_fits_no_frame_is_not_written() {
    let late_state = vec![0; MAX_FRAME];
    let commit = Message::Commit(heirloom_proto::Commit { late_state });
    let length = 12 + 8 + MAX_FRAME;
    assert_eq!(commit.encode(), Err(InvalidMessage::TooLong { length }));
}

#[test]
fn text_is_cut_at_a_character_never_refused() {
    let clipped = |text: &str| Abort::new(AbortReason::System, text).text;
    assert_eq!(clipped(&"x".repeat(MAX_TEXT)).len(), MAX_TEXT);
    assert_eq!(clipped(&"x".repeat(MAX_TEXT + 1)).len(), MAX_TEXT);
    let umlauts = format!("x{}", "ä".repeat(MAX_TEXT));
    let clipped = clipped(&umlauts);
    assert_eq!(clipped.len(), MAX_TEXT - 1);
    assert!(umlauts.starts_with(&clipped));
}
