//! How a state's bytes are to be read.

use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::limits::MAX_SCHEMA;

/// The label of a schema: 1 to [`MAX_SCHEMA`] bytes of UTF-8 without a NUL. Two labels are the same
/// schema or are not; nothing is read into them. A clone shares the text.
///
/// ```
/// use heirloom_proto::Schema;
///
/// let schema = Schema::new("sessions/2")?;
/// assert_eq!(Schema::from_bytes(b"sessions/2")?, schema);
/// assert_eq!(schema.as_str(), "sessions/2");
/// # Ok::<(), heirloom_proto::InvalidSchema>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Schema(Arc<str>);

impl Schema {
    /// Checks a label. Nothing after this checks its length again.
    ///
    /// # Errors
    ///
    /// [`InvalidSchema`] when it is empty, too long or holds a NUL.
    pub fn new(label: impl AsRef<str>) -> Result<Self, InvalidSchema> {
        let label = label.as_ref();
        let length = label.len();
        match (length, label.find('\0')) {
            (1..=MAX_SCHEMA, None) => Ok(Self(label.into())),
            (_, Some(at)) => Err(InvalidSchema::Nul { at }),
            (_, None) => Err(InvalidSchema::Length { length }),
        }
    }

    /// Reads the label that the opaque bytes of an entry are.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new), and when they are no text.
    pub fn from_bytes(label: &[u8]) -> Result<Self, InvalidSchema> {
        core::str::from_utf8(label).map_err(|_| InvalidSchema::Text).and_then(Self::new)
    }

    /// The label as given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Schema> for String {
    fn from(schema: Schema) -> Self {
        schema.as_str().into()
    }
}

impl fmt::Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Schema {
    fn serialize<S: Serializer>(&self, into: S) -> Result<S::Ok, S::Error> {
        into.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Schema {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_str(Text)
    }
}

struct Text;

impl Visitor<'_> for Text {
    type Value = Schema;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the label of a schema")
    }

    fn visit_str<E: Error>(self, label: &str) -> Result<Schema, E> {
        Schema::new(label).map_err(E::custom)
    }
}

/// Why a text cannot be the label of a schema.
///
/// ```
/// use heirloom_proto::{InvalidSchema, Schema};
///
/// assert_eq!(Schema::new(""), Err(InvalidSchema::Length { length: 0 }));
/// assert_eq!(Schema::from_bytes(&[0xff]), Err(InvalidSchema::Text));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSchema {
    /// It is empty or too long.
    #[error("a schema label has {length} bytes, 1 to {MAX_SCHEMA} are allowed: choose another")]
    Length {
        /// Its length in bytes.
        length: usize,
    },
    /// It holds a NUL.
    #[error("a schema label must not hold a NUL, and has one at byte {at}: choose one without")]
    Nul {
        /// How many bytes lie before the first.
        at: usize,
    },
    /// It is no text.
    #[error("a schema label is not UTF-8")]
    Text,
}

#[cfg(test)]
mod tests {
    use super::{InvalidSchema, Schema};
    use crate::codec;

    #[test]
    fn a_label_has_one_to_255_bytes_and_no_nul() {
        let label = |length| Schema::new("x".repeat(length));
        assert_eq!(label(0), Err(InvalidSchema::Length { length: 0 }));
        assert!(label(1).is_ok() && label(255).is_ok());
        assert_eq!(label(256), Err(InvalidSchema::Length { length: 256 }));
        assert_eq!(Schema::new("a\0"), Err(InvalidSchema::Nul { at: 1 }));
        assert_eq!(Schema::from_bytes(b"\xff"), Err(InvalidSchema::Text));
    }

    #[test]
    fn a_label_that_comes_in_a_frame_is_checked_too() {
        for bad in ["", "a\0b", &"x".repeat(256)] {
            let bytes = codec::encode(&bad).unwrap();
            assert!(codec::decode::<Schema>(&bytes).is_err(), "{bad:?}");
        }
    }
}
