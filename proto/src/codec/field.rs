//! Fields that claim a length. None reserves memory for a claim before it has seen what is there;
//! serde's own `String` and `Vec` do.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};

use crate::limits::MAX_DESCRIPTORS;

/// A text: copied once it is known to be there.
pub(crate) fn text<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    from.deserialize_str(Text)
}

/// A list: it grows by what is there, from room for as many items as a frame has descriptors.
pub(crate) fn list<'de, D, T>(from: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    from.deserialize_seq(List(PhantomData))
}

/// Bytes: copied in one piece once they are known to be there.
pub(crate) mod bytes {
    use alloc::vec::Vec;

    use serde::de::Deserializer;
    use serde::ser::Serializer;

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], into: S) -> Result<S::Ok, S::Error> {
        into.serialize_bytes(bytes)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        from.deserialize_bytes(super::Bytes)
    }
}

struct Text;

impl Visitor<'_> for Text {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<String, E> {
        Ok(text.into())
    }
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
}

struct List<T>(PhantomData<T>);

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

#[cfg(test)]
mod tests {
    use core::marker::PhantomData;

    use serde::Deserialize;
    use serde::de::value::{Error, UnitDeserializer};
    use serde::de::{DeserializeSeed, SeqAccess, Visitor};

    use super::List;
    use crate::limits::MAX_DESCRIPTORS;

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
        let items = List::<Item>(PhantomData).visit_seq(Liar { left: 3 });
        let items = items.unwrap();
        assert_eq!(items.len(), 3);
        assert_eq!(items.capacity(), MAX_DESCRIPTORS);
    }
}
