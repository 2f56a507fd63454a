//! Frames that arrive damaged. Each is an error that tells where, or another message, whole.

use heirloom_proto::limits::{HEADER, MAGIC};
use heirloom_proto::{BodyError, InvalidMessage, Message};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestCaseResult;

use super::cases;
use super::messages::message;
use super::support::layout::{Field, at, layout};
use super::support::samples::samples;

#[test]
fn a_sample_cut_anywhere_names_the_field_in_which_it_ends() {
    for (name, message) in samples() {
        let frame = message.encode().unwrap();
        for length in 0..frame.len() {
            check_cut(&message, &frame, length).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn a_message_cut_anywhere_names_the_field_in_which_it_ends(
        message in message(),
        cuts in vec(any::<Index>(), 10),
    ) {
        let frame = message.encode().unwrap();
        for cut in cuts {
            check_cut(&message, &frame, cut.index(frame.len()))?;
        }
    }

    #[test]
    fn a_flipped_byte_makes_another_message_or_an_error_that_tells_where(
        message in message(),
        flips in vec((any::<Index>(), 1..=u8::MAX), 10),
    ) {
        let frame = message.encode().unwrap();
        for (offset, flip) in flips {
            check_flip(&message, &frame, offset.index(frame.len()), flip)?;
        }
    }

    #[test]
    fn any_bytes_behind_a_header_are_a_message_or_an_error_that_tells_where(
        message in message(),
        body in vec(prop_oneof![0..3_u8, any::<u8>()], 0..200),
    ) {
        let mut frame = message.encode().unwrap();
        frame.truncate(HEADER);
        frame.extend(body);
        put_length_right(&mut frame);
        match Message::decode(&frame) {
            Ok(read) => prop_assert_eq!(Message::decode(&read.encode().unwrap()), Ok(read)),
            Err(InvalidMessage::TooManyEntries { entries }) => prop_assert!(entries > 250),
            Err(InvalidMessage::Body { kind, field, .. }) => {
                prop_assert_eq!(Some(kind), message.kind());
                prop_assert!(!field.is_empty());
            }
            Err(other) => prop_assert!(false, "{}", other),
        }
    }
}

/// The first `length` bytes of a frame, as they are and with the length in the header put right.
fn check_cut(message: &Message, frame: &[u8], length: usize) -> TestCaseResult {
    let mut cut = frame[..length].to_vec();
    let found = Message::decode(&cut).unwrap_err();
    let Some(offset) = length.checked_sub(HEADER) else {
        prop_assert_eq!(found, InvalidMessage::TooShort { length });
        return Ok(());
    };
    let told = u32::try_from(frame.len() - HEADER).unwrap();
    prop_assert_eq!(found, InvalidMessage::Length { told, found: offset });

    put_length_right(&mut cut);
    let fields = layout(message);
    let (field, _) = at(&fields, offset);
    let (kind, field) = (message.kind().unwrap(), field.name.clone());
    let expected = InvalidMessage::Body { kind, field, error: BodyError::Cut };
    prop_assert_eq!(Message::decode(&cut), Err(expected), "cut to {} bytes", length);
    Ok(())
}

fn check_flip(message: &Message, frame: &[u8], offset: usize, flip: u8) -> TestCaseResult {
    let mut flipped = frame.to_vec();
    flipped[offset] ^= flip;
    match (Message::decode(&flipped), offset.checked_sub(HEADER)) {
        (Ok(read), offset) => {
            if offset.is_some() {
                prop_assert_ne!(&read, message, "no byte of a body means nothing");
            }
            prop_assert_eq!(Message::decode(&read.encode().unwrap()), Ok(read));
        }
        (Err(error), None) => check_header(error, &flipped, offset)?,
        (Err(InvalidMessage::Body { kind, field, error }), Some(offset)) => {
            prop_assert_eq!(Some(kind), message.kind());
            let fields = layout(message);
            let (flipped, before) = at(&fields, offset);
            check_blame(&field, &error, flipped, before)?;
        }
        (Err(error), Some(_)) => prop_assert!(false, "{}", error),
    }
    Ok(())
}

/// A flip at `offset` of the header is told by the field of the header, except that another kind
/// may read what stands behind in its own way.
fn check_header(error: InvalidMessage, frame: &[u8], offset: usize) -> TestCaseResult {
    let word = |at: usize| u16::from_le_bytes([frame[at], frame[at + 1]]);
    match (offset, error) {
        (0..4, InvalidMessage::Magic { found }) => prop_assert_ne!(found, MAGIC),
        (4..6, InvalidMessage::WrongVersion { found, .. }) => prop_assert_eq!(found, word(4)),
        (6..8, InvalidMessage::UnknownKind { kind }) => prop_assert_eq!(kind, word(6)),
        (6..8, InvalidMessage::WrongVersion { kind, .. } | InvalidMessage::Body { kind, .. }) => {
            prop_assert_eq!(kind as u16, word(6));
        }
        (8.., InvalidMessage::Length { told, found }) => {
            prop_assert_eq!(told.to_le_bytes(), &frame[8..HEADER]);
            prop_assert_eq!(found, frame.len() - HEADER);
        }
        (_, error) => prop_assert!(false, "{}", error),
    }
    Ok(())
}

/// What precedes the flipped field is right and is not blamed. The field itself is, or, if it still
/// can be read, one of those that it has moved.
fn check_blame(
    field: &str,
    error: &BodyError,
    flipped: &Field,
    before: &[Field],
) -> TestCaseResult {
    prop_assert!(!field.is_empty());
    prop_assert!(before.iter().all(|before| before.name != field), "{} is right", field);
    // Only a count, and what says whether or what follows, moves what stands behind.
    let moves = flipped.counted
        || ["secret", "variant", "path"].iter().any(|name| flipped.name.ends_with(name));
    prop_assert!(moves || field == flipped.name, "{field} for {}: {error}", flipped.name);
    Ok(())
}

fn put_length_right(frame: &mut [u8]) {
    let length = u32::try_from(frame.len() - HEADER).unwrap();
    frame[8..HEADER].copy_from_slice(&length.to_le_bytes());
}
