//! Bytes to bodies and back: the only file that names the encoder.
//!
//! Integers are fixed-width and little-endian, lengths are `u64`, and nothing is read past the
//! frame. Bytes behind the known fields of a body are left for newer versions.

use alloc::vec;
use alloc::vec::Vec;

use bincode::config::{Configuration, Fixint, Limit, LittleEndian};
use bincode::enc::write::SizeWriter;
use bincode::error::DecodeError;
use bincode::serde::{decode_from_slice, encode_into_slice, encode_into_writer};
use serde::Serialize;
use serde::de::DeserializeOwned;

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

/// A field of bytes: read in one piece, whose claimed length the size limit bounds.
pub(crate) mod bytes {
    use alloc::vec::Vec;
    use core::fmt;

    use serde::de::{Deserializer, Error, Visitor};
    use serde::ser::Serializer;

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], into: S) -> Result<S::Ok, S::Error> {
        into.serialize_bytes(bytes)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        from.deserialize_byte_buf(Bytes)
    }

    struct Bytes;

    impl Visitor<'_> for Bytes {
        type Value = Vec<u8>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("bytes")
        }

        fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
            Ok(bytes.into())
        }

        fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
            Ok(bytes)
        }
    }
}

/// A field that is a list: it grows by what is there, whatever length it claims. (A `Vec` of its own
/// accord reserves up to a mebibyte for a claim.)
pub(crate) mod list {
    use alloc::vec::Vec;
    use core::fmt;
    use core::marker::PhantomData;

    use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};

    use crate::limits::MAX_DESCRIPTORS;

    pub(crate) fn deserialize<'de, D, T>(from: D) -> Result<Vec<T>, D::Error>
    where
        D: Deserializer<'de>,
        T: Deserialize<'de>,
    {
        from.deserialize_seq(List(PhantomData))
    }

    pub(super) struct List<T>(pub(super) PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for List<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<T>, A::Error> {
            let claimed = items.size_hint().unwrap_or_default();
            let mut list = Vec::with_capacity(claimed.min(MAX_DESCRIPTORS));
            while let Some(item) = items.next_element()? {
                list.push(item);
            }
            Ok(list)
        }
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
    use core::marker::PhantomData;

    use serde::Deserialize;
    use serde::de::value::{Error, UnitDeserializer};
    use serde::de::{DeserializeSeed, SeqAccess, Visitor};

    use super::{BodyError, bytes, decode, encode, list};
    use crate::limits::{MAX_DESCRIPTORS, MAX_FRAME};
    use crate::name::Name;

    /// A list that claims any length and ends after `left` items.
    struct Liar {
        left: usize,
    }

    impl<'de> SeqAccess<'de> for Liar {
        type Error = Error;

        fn next_element_seed<T: DeserializeSeed<'de>>(
            &mut self,
            seed: T,
        ) -> Result<Option<T::Value>, Error> {
            let Some(left) = self.left.checked_sub(1) else {
                return Ok(None);
            };
            self.left = left;
            seed.deserialize(UnitDeserializer::new()).map(Some)
        }

        fn size_hint(&self) -> Option<usize> {
            Some(usize::MAX)
        }
    }

    #[derive(Debug, Default)]
    struct Item(#[expect(dead_code, reason = "it has a size")] [u64; 4]);

    impl<'de> Deserialize<'de> for Item {
        fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            <()>::deserialize(from).map(|()| Self::default())
        }
    }

    #[test]
    fn a_list_reserves_for_a_frame_of_items_whatever_it_claims() {
        let items = list::List::<Item>(PhantomData).visit_seq(Liar { left: 3 });
        let items = items.unwrap();
        assert_eq!(items.len(), 3);
        assert_eq!(items.capacity(), MAX_DESCRIPTORS);
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Blob(#[serde(with = "bytes")] Vec<u8>);

    #[test]
    fn bytes_that_claim_more_than_a_frame_are_refused_before_they_are_reserved() {
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
