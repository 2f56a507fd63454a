//! Bytes to bodies and back: the only file that names the encoder.
//!
//! Integers are fixed-width and little-endian, lengths are `u64`, and nothing is read past the
//! frame. Bytes behind the known fields of a body are left for newer versions.

mod field;

use alloc::vec;
use alloc::vec::Vec;

use bincode::config::{Configuration, Fixint, Limit, LittleEndian};
use bincode::enc::write::SizeWriter;
use bincode::error::DecodeError;
use bincode::serde::{decode_from_slice, encode_into_slice, encode_into_writer};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) use field::{bytes, list, text};

use crate::limits::MAX_FRAME;

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
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, BodyError> {
    match decode_from_slice(bytes, LAYOUT) {
        Ok((value, _)) => Ok(value),
        Err(DecodeError::UnexpectedEnd { .. } | DecodeError::LimitExceeded) => Err(BodyError::Cut),
        Err(DecodeError::Utf8 { .. }) => Err(BodyError::Text),
        Err(DecodeError::InvalidBooleanValue(found)) => Err(BodyError::Flag(found)),
        Err(DecodeError::UnexpectedVariant { found, .. }) => Err(BodyError::Variant(found)),
        Err(DecodeError::OtherString(reason)) => {
            Err(BodyError::Refused(crate::limits::clip(&reason)))
        }
        Err(_) => Err(BodyError::Malformed),
    }
}

/// Why a body could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// A field ends after the frame.
    #[error("it ends before its last field does")]
    Cut,
    /// A text is not UTF-8.
    #[error("a text is not UTF-8")]
    Text,
    /// A flag is neither 0 nor 1.
    #[error("a flag is {0}, not 0 or 1")]
    Flag(u8),
    /// A variant is not one of those the version knows.
    #[error("variant {0} is unknown")]
    Variant(u32),
    /// A field is outside its bounds; the text names it.
    #[error("{0}")]
    Refused(alloc::string::String),
    /// Anything else.
    #[error("it is malformed")]
    Malformed,
}

#[cfg(test)]
mod tests {
    use alloc::string::String;
    use alloc::vec::Vec;

    use serde::Deserialize;

    use super::{BodyError, bytes, decode, encode};
    use crate::limits::MAX_FRAME;
    use crate::name::Name;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Blob(#[serde(with = "bytes")] Vec<u8>);

    #[test]
    fn bytes_that_claim_more_than_a_frame_are_refused() {
        for claim in [MAX_FRAME as u64, u64::from(u32::MAX), u64::MAX] {
            assert_eq!(decode::<Blob>(&claim.to_le_bytes()), Err(BodyError::Cut), "{claim}");
        }
    }

    #[test]
    fn a_text_that_claims_more_than_a_frame_is_refused() {
        let claim = u64::MAX.to_le_bytes();
        assert_eq!(decode::<String>(&claim), Err(BodyError::Cut));
    }

    #[test]
    fn integers_are_little_endian_and_of_fixed_width() {
        let bytes = encode(&(1_u16, 2_u32, 3_u64, true, Some(4_u8))).unwrap();
        let expected = [1, 0, 2, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 1, 1, 4];
        assert_eq!(bytes, expected);
    }

    #[test]
    fn every_way_to_be_unreadable_has_its_name() {
        assert_eq!(decode::<u32>(&[1, 2, 3]), Err(BodyError::Cut));
        assert_eq!(decode::<bool>(&[2]), Err(BodyError::Flag(2)));
        assert_eq!(decode::<Option<u8>>(&[7, 0]), Err(BodyError::Variant(7)));
        let not_utf_8 = [1, 0, 0, 0, 0, 0, 0, 0, 0xff];
        assert_eq!(decode::<String>(&not_utf_8), Err(BodyError::Text));
        let empty = decode::<Name>(&[0; 8]).unwrap_err();
        assert_eq!(alloc::format!("{empty}"), "a name must not be empty");
    }
}
