//! What `Commit` carries of an application that has frozen something: its last words.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::codec::{self, BodyError};
use crate::limits::MAX_LATE_STATE;
use crate::name::Name;
use crate::schema::Schema;

/// The content of [`Commit::late_state`](crate::Commit::late_state): the last words of everything
/// that was frozen, in the order in which it was.
///
/// ```
/// use heirloom_proto::{LateState, Name, Schema, Words};
///
/// let words = Words {
///     name: Name::new("visits")?,
///     schema: Schema::new("u64")?,
///     bytes: 42_u64.to_le_bytes().to_vec(),
/// };
/// let late = LateState { words: vec![words] };
/// let bytes = late.encode()?;
/// assert_eq!(bytes.len(), late.encoded_len());
/// assert_eq!(LateState::decode(&bytes)?, late);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LateState {
    /// Each has a name and a schema that no other has together.
    #[serde(deserialize_with = "crate::codec::list")]
    pub words: Vec<Words>,
}

/// What one thing that was frozen has said last.
///
/// ```
/// use heirloom_proto::{Name, Schema, Words};
///
/// let words = Words { name: Name::new("visits")?, schema: Schema::new("u64")?, bytes: vec![0; 8] };
/// // Three lengths of 8 bytes, then 6, 3 and 8.
/// assert_eq!(words.encoded_len(), 41);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Words {
    /// The name by which the successor asks for it.
    pub name: Name,
    /// How to read it.
    pub schema: Schema,
    /// The application's own.
    #[serde(with = "crate::codec::bytes")]
    pub bytes: Vec<u8>,
}

impl LateState {
    /// How many bytes it takes in `Commit`.
    pub fn encoded_len(&self) -> usize {
        const LENGTH: usize = 8;
        match self.words.is_empty() {
            true => 0,
            false => LENGTH + self.words.iter().map(Words::encoded_len).sum::<usize>(),
        }
    }

    /// The bytes of it: none if nothing was said.
    ///
    /// # Errors
    ///
    /// [`InvalidLateState::TooLong`] when there are more than [`MAX_LATE_STATE`].
    pub fn encode(&self) -> Result<Vec<u8>, InvalidLateState> {
        match self.encoded_len() {
            0 => Ok(Vec::new()),
            length if length > MAX_LATE_STATE => Err(InvalidLateState::TooLong { length }),
            length => codec::encode(self).ok_or(InvalidLateState::TooLong { length }),
        }
    }

    /// Reads what [`encode`](Self::encode) has written.
    ///
    /// # Errors
    ///
    /// [`InvalidLateState`] tells what is wrong with it.
    pub fn decode(bytes: &[u8]) -> Result<Self, InvalidLateState> {
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        let read: Self = codec::decode(bytes).map_err(|unreadable| InvalidLateState::Body {
            field: unreadable.field,
            error: unreadable.error,
        })?;
        match read.first_duplicate() {
            Some((name, schema)) => Err(InvalidLateState::Duplicate { name, schema }),
            None => Ok(read),
        }
    }

    fn first_duplicate(&self) -> Option<(Name, Schema)> {
        let mut keys: Vec<_> =
            self.words.iter().map(|words| (&words.name, &words.schema)).collect();
        keys.sort_unstable();
        let mut pairs = keys.iter().zip(keys.iter().skip(1));
        let (key, _) = pairs.find(|(one, next)| one == next)?;
        Some((key.0.clone(), key.1.clone()))
    }
}

impl Words {
    /// How many bytes it takes in a late state.
    pub fn encoded_len(&self) -> usize {
        const LENGTHS: usize = 3 * 8;
        LENGTHS + self.name.as_str().len() + self.schema.as_str().len() + self.bytes.len()
    }
}

/// Bytes that are no late state.
///
/// ```
/// use heirloom_proto::{InvalidLateState, LateState, Name, Schema, Words};
///
/// let words = Words { name: Name::new("visits")?, schema: Schema::new("u64")?, bytes: vec![0; 50_000] };
/// let error = LateState { words: vec![words] }.encode();
/// assert_eq!(error, Err(InvalidLateState::TooLong { length: 50_041 }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidLateState {
    /// There are too many of them.
    #[error(
        "all last words take {length} bytes together, at most {MAX_LATE_STATE} are allowed: provide \
         the bulk before, and freeze what has changed since"
    )]
    TooLong {
        /// How many.
        length: usize,
    },
    /// They cannot be read.
    #[error("last words cannot be read: {field}: {error}")]
    Body {
        /// The field at fault.
        field: String,
        /// What is wrong.
        error: BodyError,
    },
    /// Two that cannot be told apart.
    #[error("last words of {name} in schema {schema} came twice")]
    Duplicate {
        /// Their name.
        name: Name,
        /// Their schema.
        schema: Schema,
    },
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::vec;
    use alloc::vec::Vec;

    use super::{InvalidLateState, LateState, Words};
    use crate::limits::MAX_LATE_STATE;
    use crate::name::Name;
    use crate::schema::Schema;

    fn words(name: &str, schema: &str, length: usize) -> Words {
        let (name, schema) = (Name::new(name).unwrap(), Schema::new(schema).unwrap());
        Words { name, schema, bytes: vec![7; length] }
    }

    #[test]
    fn nothing_said_takes_no_bytes() {
        assert_eq!(LateState::default().encode(), Ok(Vec::new()));
        assert_eq!(LateState::decode(&[]), Ok(LateState::default()));
    }

    #[test]
    fn the_length_told_is_the_length_written() {
        let late = LateState { words: vec![words("a", "1", 0), words("ä", "zwei", 300)] };
        assert_eq!(late.encode().unwrap().len(), late.encoded_len());
        assert_eq!(LateState::decode(&late.encode().unwrap()), Ok(late));
    }

    #[test]
    fn all_words_together_have_at_most_48_kib() {
        let fixed = LateState { words: vec![words("a", "1", 0)] }.encoded_len();
        let full = LateState { words: vec![words("a", "1", MAX_LATE_STATE - fixed)] };
        assert_eq!(full.encode().unwrap().len(), MAX_LATE_STATE);
        let more = LateState { words: vec![words("a", "1", MAX_LATE_STATE - fixed + 1)] };
        let error = more.encode().unwrap_err();
        assert_eq!(error, InvalidLateState::TooLong { length: 49_153 });
        assert!(format!("{error}").contains("49153 bytes together, at most 49152"), "{error}");
    }

    #[test]
    fn one_name_may_come_in_two_schemas_and_not_twice_in_one() {
        let both = LateState { words: vec![words("a", "2", 1), words("a", "1", 1)] };
        assert_eq!(LateState::decode(&both.encode().unwrap()), Ok(both.clone()));
        let twice = LateState { words: [both.words.clone(), both.words].concat() };
        let error = LateState::decode(&twice.encode().unwrap()).unwrap_err();
        assert_eq!(format!("{error}"), "last words of a in schema 1 came twice");
    }

    #[test]
    fn what_cannot_be_read_is_told_by_its_field() {
        let mut bytes = LateState { words: vec![words("a", "1", 3)] }.encode().unwrap();
        bytes.pop();
        let text = format!("{}", LateState::decode(&bytes).unwrap_err());
        assert_eq!(
            text,
            "last words cannot be read: words[0].bytes: the frame ends before it does"
        );
    }
}
