//! Bytes to bodies and back: the only file that names the encoder.
//!
//! Integers are fixed-width and little-endian, lengths are `u64`, and nothing is read past the
//! frame. Bytes behind the known fields of a body are left for newer versions.

mod field;
mod trail;

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use bincode::config::{Configuration, Fixint, Limit, LittleEndian};
use bincode::enc::write::SizeWriter;
use bincode::error::DecodeError;
use bincode::serde::{
    BorrowedSerdeDecoder, decode_from_slice, encode_into_slice, encode_into_writer,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) use field::{bytes, list, text};

use crate::limits::{MAX_FRAME, clip};
use trail::{Traced, Trail};

type Layout = Configuration<LittleEndian, Fixint, Limit<MAX_FRAME>>;

const LAYOUT: Layout = bincode::config::standard().with_fixed_int_encoding().with_limit();

/// The bytes of `value`, which the caller keeps within a frame.
///
/// Fails only where a value cannot be represented, which no type of this crate can bring about.
pub(crate) fn encode<T: Serialize>(value: &T) -> Option<Vec<u8>> {
    let mut size = SizeWriter::default();
    encode_into_writer(value, &mut size, LAYOUT).ok()?;
    let mut bytes = vec![0; size.bytes_written];
    encode_into_slice(value, &mut bytes, LAYOUT).ok()?;
    Some(bytes)
}

/// Reads a value from the front of `bytes`.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Unreadable> {
    match decode_from_slice(bytes, LAYOUT) {
        Ok((value, _)) => Ok(value),
        Err(_) => decode_traced(bytes),
    }
}

/// Reads it once more, and tells where it goes wrong. What is right is spared the cost of that.
#[cold]
fn decode_traced<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Unreadable> {
    let mut trail = Trail::default();
    let mut decoder = BorrowedSerdeDecoder::from_slice(bytes, LAYOUT, ());
    let read = T::deserialize(Traced::new(decoder.as_deserializer(), &mut trail));
    read.map_err(|error| Unreadable {
        field: alloc::format!("{trail}"),
        error: trail.unknown_variant.map_or_else(|| error.into(), BodyError::Variant),
    })
}

/// A value that could not be read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unreadable {
    /// Which part of it; empty for a value that has no parts.
    pub(crate) field: String,
    pub(crate) error: BodyError,
}

/// Why a field of a body could not be read.
///
/// ```
/// use heirloom_proto::{BodyError, LateState};
/// use heirloom_proto::InvalidLateState::Body;
///
/// // It claims one entry and ends.
/// let cut = LateState::decode(&1_u64.to_le_bytes());
/// assert!(matches!(cut, Err(Body { error: BodyError::Cut, .. })));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// It ends after the frame.
    #[error("the frame ends before it does")]
    Cut,
    /// A text is not UTF-8.
    #[error("a text is not UTF-8")]
    Text,
    /// A flag, or the byte that tells whether an optional field is there, is neither 0 nor 1.
    #[error("a flag is {0}, not 0 or 1")]
    Flag(u8),
    /// A variant is not one of those the version knows.
    #[error("number {0} is unknown")]
    Variant(u32),
    /// It is outside its bounds; the text tells them.
    #[error("{0}")]
    Refused(String),
    /// Anything else.
    #[error("it is malformed")]
    Malformed,
}

impl From<DecodeError> for BodyError {
    fn from(error: DecodeError) -> Self {
        match error {
            // What claims to be longer than a frame, or than memory, is longer than this frame.
            DecodeError::UnexpectedEnd { .. }
            | DecodeError::LimitExceeded
            | DecodeError::OutsideUsizeRange(_) => Self::Cut,
            DecodeError::Utf8 { .. } => Self::Text,
            DecodeError::InvalidBooleanValue(found) => Self::Flag(found),
            // Of an optional field: the variants of our own types are looked up by serde.
            DecodeError::UnexpectedVariant { found, .. } => {
                u8::try_from(found).map_or(Self::Malformed, Self::Flag)
            }
            DecodeError::OtherString(reason) => Self::Refused(clip(&reason)),
            _ => Self::Malformed,
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;
    use core::fmt::Debug;

    use serde::Deserialize;
    use serde::de::DeserializeOwned;

    use super::{BodyError, bytes, decode, encode};
    use crate::limits::MAX_FRAME;
    use crate::name::Name;

    #[track_caller]
    fn error<T: DeserializeOwned + Debug>(bytes: &[u8]) -> BodyError {
        decode::<T>(bytes).unwrap_err().error
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Blob(#[serde(with = "bytes")] Vec<u8>);

    #[test]
    fn bytes_that_claim_more_than_a_frame_are_refused() {
        for claim in [MAX_FRAME as u64, u64::from(u32::MAX), u64::MAX] {
            assert_eq!(error::<Blob>(&claim.to_le_bytes()), BodyError::Cut, "{claim}");
        }
    }

    #[test]
    fn a_text_that_claims_more_than_a_frame_is_refused() {
        let claim = u64::MAX.to_le_bytes();
        assert_eq!(error::<Name>(&claim), BodyError::Cut);
    }

    #[test]
    fn integers_are_little_endian_and_of_fixed_width() {
        let bytes = encode(&(1_u16, 2_u32, 3_u64, true, Some(4_u8))).unwrap();
        let expected = [1, 0, 2, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 1, 1, 4];
        assert_eq!(bytes, expected);
    }

    #[derive(Debug, Deserialize)]
    enum Choice {
        #[expect(dead_code, reason = "it is never read")]
        Only(u8),
    }

    #[test]
    fn every_way_to_be_unreadable_has_its_name() {
        assert_eq!(error::<u32>(&[1, 2, 3]), BodyError::Cut);
        assert_eq!(error::<bool>(&[2]), BodyError::Flag(2));
        assert_eq!(error::<Option<u8>>(&[7, 0]), BodyError::Flag(7));
        assert_eq!(error::<Choice>(&[9, 1, 0, 0, 0]), BodyError::Variant(0x109));
        let not_utf_8 = [1, 0, 0, 0, 0, 0, 0, 0, 0xff];
        assert_eq!(error::<Name>(&not_utf_8), BodyError::Text);
        let empty = error::<Name>(&[0; 8]);
        assert_eq!(
            alloc::format!("{empty}"),
            "a name must not be empty: choose one of 1 to 255 bytes with `bind_as`"
        );
    }
}
