//! Which field of a value could not be read.
//!
//! The bytes bear no names. A derived `Deserialize` does: it tells its deserializer what the fields
//! of the struct are called. [`Traced`] hands everything on to the deserializer it wraps, and when a
//! field fails, notes its name on the way out. Until then it only counts.

use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, IntoDeserializer, SeqAccess, VariantAccess,
    Visitor,
};

/// The way from a value to the part of it that could not be read: `entries[3].identity.local`.
#[derive(Debug, Default)]
pub(super) struct Trail {
    /// Innermost first.
    steps: Vec<Step>,
    /// The number of a variant that the type does not have.
    pub(super) unknown_variant: Option<u32>,
}

#[derive(Debug)]
enum Step {
    Field(&'static str),
    Item(usize),
}

impl fmt::Display for Trail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.steps.iter().rev().enumerate() {
            match step {
                Step::Field(name) if index == 0 => f.write_str(name)?,
                Step::Field(name) => write!(f, ".{name}")?,
                Step::Item(item) => write!(f, "[{item}]")?,
            }
        }
        Ok(())
    }
}

/// A deserializer, or a seed or an access that leads to one, that leaves a trail when it fails.
pub(super) struct Traced<'t, T> {
    inner: T,
    trail: &'t mut Trail,
}

impl<'t, T> Traced<'t, T> {
    pub(super) fn new(inner: T, trail: &'t mut Trail) -> Self {
        Self { inner, trail }
    }
}

/// Values that are a field as a whole.
macro_rules! whole {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            self.inner.$method(visitor)
        })*
    };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Traced<'_, D> {
    type Error = D::Error;

    whole! {
        deserialize_bool
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
        deserialize_str deserialize_bytes
        deserialize_unit
        deserialize_any
    }

    /// An array of bytes: as a field it has no parts.
    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.inner.deserialize_tuple(length, visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.inner.deserialize_option(Parts::new(visitor, self.trail, None))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.inner.deserialize_newtype_struct(name, Parts::new(visitor, self.trail, None))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.inner.deserialize_seq(Parts::new(visitor, self.trail, None))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let visitor = Parts::new(visitor, self.trail, Some(fields));
        self.inner.deserialize_struct(name, fields, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.inner.deserialize_enum(name, variants, Parts::new(visitor, self.trail, None))
    }

    // The layout has none of these, and whoever asks for any value is refused. (A text or bytes are
    // copied from where they lie, see `text` and `bytes`.)
    serde::forward_to_deserialize_any! {
        f32 f64 char string byte_buf unit_struct tuple_struct map identifier ignored_any
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

/// The visitor of a value that has parts, and then the parts.
struct Parts<'t, T> {
    inner: T,
    trail: &'t mut Trail,
    /// Those of a struct have names.
    names: Option<&'static [&'static str]>,
    next: usize,
}

impl<'t, T> Parts<'t, T> {
    fn new(inner: T, trail: &'t mut Trail, names: Option<&'static [&'static str]>) -> Self {
        Self { inner, trail, names, next: 0 }
    }
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Parts<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(f)
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_none()
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<V::Value, D::Error> {
        self.inner.visit_some(Traced::new(from, self.trail))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, from: D) -> Result<V::Value, D::Error> {
        self.inner.visit_newtype_struct(Traced::new(from, self.trail))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, parts: A) -> Result<V::Value, A::Error> {
        self.inner.visit_seq(Parts::new(parts, self.trail, self.names))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, from: A) -> Result<V::Value, A::Error> {
        self.inner.visit_enum(Traced::new(from, self.trail))
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Parts<'_, A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        let read = self.inner.next_element_seed(Traced::new(seed, self.trail));
        if read.is_err() {
            let name = self.names.and_then(|names| names.get(self.next));
            self.trail.steps.push(name.map_or(Step::Item(self.next), |name| Step::Field(name)));
        }
        self.next += 1;
        read
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Traced<'_, S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<S::Value, D::Error> {
        self.inner.deserialize(Traced::new(from, self.trail))
    }
}

impl<'t, 'de, A: EnumAccess<'de>> EnumAccess<'de> for Traced<'t, A> {
    type Error = A::Error;
    type Variant = Traced<'t, A::Variant>;

    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Self::Variant), A::Error> {
        let Self { inner, trail } = self;
        let read = inner.variant_seed(PhantomData::<u32>).and_then(|(number, fields)| {
            let variant = seed.deserialize(number.into_deserializer());
            trail.unknown_variant = variant.is_err().then_some(number);
            Ok((variant?, fields))
        });
        match read {
            Ok((variant, fields)) => Ok((variant, Traced::new(fields, trail))),
            Err(error) => {
                trail.steps.push(Step::Field("variant"));
                Err(error)
            }
        }
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Traced<'_, A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.inner.unit_variant()
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        self.inner.newtype_variant_seed(Traced::new(seed, self.trail))
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        self.inner.tuple_variant(length, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        self.inner.struct_variant(fields, Parts::new(visitor, self.trail, Some(fields)))
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::String;
    use alloc::vec::Vec;
    use core::fmt::Debug;

    use serde::de::DeserializeOwned;
    use serde::{Deserialize, Serialize};

    use crate::codec::{BodyError, decode, encode};

    #[derive(Debug, Serialize, Deserialize)]
    struct House {
        number: u16,
        rooms: Vec<Room>,
        owner: Option<Owner>,
    }

    #[derive(Debug, Serialize, Deserialize)]
    struct Room {
        lit: bool,
        kind: Kind,
        key: [u8; 4],
    }

    #[derive(Debug, Serialize, Deserialize)]
    enum Kind {
        Empty,
        Used(Use),
        Shared { first: Use, second: Use },
    }

    #[derive(Debug, Serialize, Deserialize)]
    struct Use {
        hours: u32,
    }

    #[derive(Debug, Serialize, Deserialize)]
    struct Owner(Person);

    #[derive(Debug, Serialize, Deserialize)]
    struct Person {
        name: String,
    }

    fn house() -> Vec<u8> {
        let rooms = [
            Kind::Empty,
            Kind::Used(Use { hours: 1 }),
            Kind::Shared { first: Use { hours: 2 }, second: Use { hours: 3 } },
        ];
        let rooms = rooms.map(|kind| Room { lit: true, kind, key: [0; 4] });
        let owner = Some(Owner(Person { name: "Ada".into() }));
        encode(&House { number: 7, rooms: rooms.into(), owner }).unwrap()
    }

    #[track_caller]
    fn field<T: DeserializeOwned + Debug>(bytes: &[u8]) -> String {
        decode::<T>(bytes).unwrap_err().field
    }

    /// Each field, and how many bytes it has.
    const FIELDS: [(&str, usize); 16] = [
        ("number", 2),
        ("rooms", 8),
        ("rooms[0].lit", 1),
        ("rooms[0].kind.variant", 4),
        ("rooms[0].key", 4),
        ("rooms[1].lit", 1),
        ("rooms[1].kind.variant", 4),
        ("rooms[1].kind.hours", 4),
        ("rooms[1].key", 4),
        ("rooms[2].lit", 1),
        ("rooms[2].kind.variant", 4),
        ("rooms[2].kind.first.hours", 4),
        ("rooms[2].kind.second.hours", 4),
        ("rooms[2].key", 4),
        ("owner", 1),
        ("owner.name", 8 + 3),
    ];

    #[test]
    fn the_field_in_which_the_bytes_end_is_named() {
        let house = house();
        let expected = FIELDS.iter().flat_map(|(name, length)| [*name].repeat(*length));
        let expected: Vec<_> = expected.collect();
        assert_eq!(expected.len(), house.len());
        for (end, expected) in expected.into_iter().enumerate() {
            assert_eq!(field::<House>(&house[..end]), expected, "cut at {end}");
        }
    }

    #[test]
    fn a_field_whose_value_is_refused_is_named_with_the_reason() {
        let at = |field| FIELDS.iter().take_while(|(name, _)| *name != field).map(|f| f.1).sum();
        for (name, reason) in [
            ("rooms[1].lit", BodyError::Flag(9)),
            ("rooms[2].kind.variant", BodyError::Variant(9)),
            ("owner", BodyError::Flag(9)),
        ] {
            let mut house = house();
            let at: usize = at(name);
            house[at] = 9;
            let unreadable = decode::<House>(&house).unwrap_err();
            assert_eq!((unreadable.field.as_str(), unreadable.error), (name, reason));
        }
    }

    #[test]
    fn a_value_without_fields_is_named_by_its_parts_alone() {
        assert_eq!(field::<Vec<Room>>(&[1, 0, 0, 0, 0, 0, 0, 0, 2]), "[0].lit");
        assert_eq!(field::<Kind>(&[1, 0]), "variant");
        assert_eq!(field::<u32>(&[1, 0]), "");
    }
}
