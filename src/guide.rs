//! Guides: how to use the library in a given place.

#[cfg(feature = "systemd")]
#[doc = include_str!("../docs/guide/systemd.md")]
pub mod systemd {}
