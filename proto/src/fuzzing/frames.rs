//! What is read of bytes, and what becomes of a message on the wire.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::input::Input;
use crate::late_state::LateState;
use crate::limits::{HEADER, MAX_FRAME};
use crate::manifest::Batches;
use crate::message::{Message, encode_manifest};

/// Reads `data` as a frame. What can be read survives being written and read again.
///
/// # Panics
///
/// When it does not: that is a finding.
pub fn frame(data: &[u8]) {
    match Message::decode(data) {
        Ok(message) => {
            check_survival(&message);
            if let Message::Commit(commit) = message {
                late_state(&commit.late_state);
            }
        }
        // Whatever is wrong has a text.
        Err(invalid) => assert!(!alloc::format!("{invalid}").is_empty()),
    }
}

/// Reads the late state of a `Commit`. What can be read survives, if `Commit` holds it: one written by
/// a newer version may have more behind it.
fn late_state(data: &[u8]) {
    match LateState::decode(data) {
        Ok(read) => {
            if let Ok(bytes) = read.encode() {
                assert_eq!(LateState::decode(&bytes), Ok(read), "it became another");
            }
        }
        Err(invalid) => assert!(!alloc::format!("{invalid}").is_empty()),
    }
}

/// Reads `data` as the body of a manifest, behind a header that suits it.
///
/// # Panics
///
/// As [`frame`].
pub fn manifest(data: &[u8]) {
    frame(&manifest_of(data));
}

/// A manifest's header that suits this body, and the body. Beyond a frame the length is of no account.
fn manifest_of(body: &[u8]) -> Vec<u8> {
    let empty = Message::Manifest(crate::Manifest { entries: Vec::new(), last: true });
    let mut frame = empty.encode().unwrap_or_default();
    frame.truncate(HEADER);
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
    if let Some(field) = frame.get_mut(8..HEADER) {
        field.copy_from_slice(&length.to_le_bytes());
    }
    frame.extend(body);
    frame
}

/// Makes a message of `data`. It survives being written and read if a frame holds it, and is refused
/// with its length if none does; a list of entries is cut into batches that are the list.
///
/// # Panics
///
/// When it is not so: that is a finding.
pub fn round_trip(data: &[u8]) {
    let mut input = Input::new(data);
    let message = input.message();
    match message.encode() {
        Ok(_) => check_survival(&message),
        Err(invalid) => assert!(
            matches!(invalid, crate::InvalidMessage::TooLong { length } if length > MAX_FRAME),
            "{invalid}"
        ),
    }
    let entries: Vec<_> = input.entries(2_000).into_iter().map(Arc::new).collect();
    check_batches(entries);
}

fn check_survival(message: &Message) {
    let again = message.encode().and_then(|frame| Message::decode(&frame));
    assert_eq!(again.as_ref(), Ok(message), "it became another");
}

fn check_batches(entries: Vec<Arc<crate::Entry>>) {
    let mut batches = Batches::new(entries.clone());
    let mut taken = 0;
    while let Some(range) = batches.peek() {
        assert!(taken == 0 || !range.is_empty(), "a batch for nothing");
        let frame = encode_manifest(&batches.take(&range));
        let read = frame.and_then(|frame| Message::decode(&frame));
        let Ok(Message::Manifest(manifest)) = read else {
            panic!("a batch that is no manifest: {read:?}");
        };
        let expected = entries.get(range).unwrap_or_default();
        assert!(manifest.entries.iter().map(|(entry, ())| entry).eq(expected.iter().map(|e| &**e)));
        taken += expected.len();
        assert_eq!(manifest.last, taken == entries.len(), "{taken} of {}", entries.len());
    }
    assert_eq!(taken, entries.len(), "entries were left");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_of_a_manifest_suits_its_body() {
        let (kind, name, file) = (8_u16, b"file", [0_u8; 4 + 16 + 1 + 8]);
        let mut body = alloc::vec![1];
        body.extend(1_u64.to_le_bytes());
        body.extend(kind.to_le_bytes());
        body.extend((name.len() as u64).to_le_bytes());
        body.extend(name);
        let identity = body.len();
        body.extend(file);
        body[identity] = 1; // a file
        let read = Message::decode(&manifest_of(&body));
        assert!(
            matches!(&read, Ok(Message::Manifest(manifest)) if manifest.entries.len() == 1),
            "{read:?}"
        );
        assert_eq!(read.and_then(|manifest| manifest.encode()), Ok(manifest_of(&body)));
    }
}
