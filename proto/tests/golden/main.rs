//! The bytes of every message, as PROTOCOL.md fixes them: `vectors/` holds each as a frame in
//! hexadecimal and beside it a twin that people can read. Two sets in it stand for an older and a
//! newer release, and meet today's machines.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "../support/mod.rs"]
mod support;

mod cases;
mod changed;
mod files;
mod frozen;
mod journeys;
mod layout;
mod meetings;
mod newer;
mod release;
mod tables;
mod twin;
mod twins;
mod unknown_kinds;
