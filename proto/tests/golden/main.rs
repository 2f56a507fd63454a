//! The bytes of every message, as PROTOCOL.md fixes them: `vectors/` holds them in hexadecimal.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "../support/mod.rs"]
mod support;

mod frozen;
