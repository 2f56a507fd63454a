//! Bytes to bodies and back: the only file that names the encoder.
//!
//! Integers are fixed-width and little-endian, lengths are `u64`, and nothing is read past the
//! frame. Bytes behind the known fields of a body are left for newer versions.

use alloc::vec::Vec;

use bincode::config::{Configuration, Fixint, Limit, LittleEndian};
use bincode::error::DecodeError;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::limits::MAX_FRAME;

type Layout = Configuration<LittleEndian, Fixint, Limit<MAX_FRAME>>;

const LAYOUT: Layout = bincode::config::standard()
    .with_fixed_int_encoding()
    .with_limit();

/// The bytes of `value`, which the caller keeps within a frame.
///
/// Fails only where a value cannot be represented, which no type of this crate can bring about.
pub(crate) fn encode<T: Serialize>(value: &T) -> Option<Vec<u8>> {
    bincode::serde::encode_to_vec(value, LAYOUT).ok()
}

/// Reads a value from the front of `bytes`.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, BodyError> {
    match bincode::serde::decode_from_slice(bytes, LAYOUT) {
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
