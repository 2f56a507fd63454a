//! The key by which a successor claims an entry.

use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::limits::MAX_NAME;

/// The name of an entry: 1 to [`MAX_NAME`] bytes of UTF-8 without a NUL. A clone shares the text.
///
/// ```
/// use heirloom_proto::Name;
///
/// let name = Name::new("127.0.0.1:8080")?;
/// assert_eq!(name.as_str(), "127.0.0.1:8080");
/// # Ok::<(), heirloom_proto::InvalidName>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Arc<str>);

impl Name {
    /// Checks a name. Nothing after this checks its length again.
    ///
    /// # Errors
    ///
    /// [`InvalidName`] when it is empty, too long or holds a NUL.
    pub fn new(name: impl AsRef<str>) -> Result<Self, InvalidName> {
        let name = name.as_ref();
        match (name.len(), name.find('\0')) {
            (0, _) => Err(InvalidName::Empty),
            (length, _) if length > MAX_NAME => Err(InvalidName::TooLong { length }),
            (_, Some(at)) => Err(InvalidName::Nul { at }),
            (_, None) => Ok(Self(name.into())),
        }
    }

    /// The name as given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.as_str().into()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, into: S) -> Result<S::Ok, S::Error> {
        into.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_str(Text)
    }
}

struct Text;

impl Visitor<'_> for Text {
    type Value = Name;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of an entry")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Name, E> {
        Name::new(name).map_err(E::custom)
    }
}

/// Why a text cannot be the name of an entry.
///
/// ```
/// use heirloom_proto::{InvalidName, Name};
///
/// assert_eq!(Name::new(""), Err(InvalidName::Empty));
/// assert_eq!(Name::new("a\0b"), Err(InvalidName::Nul { at: 1 }));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidName {
    /// It has no character.
    #[error("a name must not be empty: choose one of 1 to {MAX_NAME} bytes with `bind_as`")]
    Empty,
    /// It is too long.
    #[error(
        "a name has {length} bytes, at most {MAX_NAME} are allowed: choose a shorter one with `bind_as`"
    )]
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// It holds a NUL.
    #[error("a name must not hold a NUL, and has one at byte {at}: choose one without")]
    Nul {
        /// How many bytes lie before the first.
        at: usize,
    },
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::{InvalidName, Name};
    use crate::codec;

    fn name(length: usize) -> Result<Name, InvalidName> {
        Name::new("x".repeat(length))
    }

    #[test]
    fn a_name_has_one_to_255_bytes() {
        assert_eq!(name(0), Err(InvalidName::Empty));
        assert!(name(1).is_ok() && name(255).is_ok());
        let long = name(256).unwrap_err();
        assert_eq!(long, InvalidName::TooLong { length: 256 });
        assert!(format!("{long}").starts_with("a name has 256 bytes, at most 255 are allowed"));
    }

    #[test]
    fn the_length_of_a_name_is_counted_in_bytes_not_in_characters() {
        assert!(Name::new("ä".repeat(127)).is_ok());
        assert_eq!(Name::new("ä".repeat(128)), Err(InvalidName::TooLong { length: 256 }));
    }

    #[test]
    fn a_name_holds_no_nul() {
        assert_eq!(Name::new("a\0b"), Err(InvalidName::Nul { at: 1 }));
    }

    #[test]
    fn a_name_that_comes_in_a_frame_is_checked_too() {
        for bad in ["", "a\0b", &"x".repeat(256)] {
            let bytes = codec::encode(&bad).unwrap();
            assert!(codec::decode::<Name>(&bytes).is_err(), "{bad:?}");
        }
    }
}
