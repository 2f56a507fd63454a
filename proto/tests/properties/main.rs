//! What holds for every message there can be, not only for those somebody thought of.
//!
//! A case that fails is printed in its smallest form; it becomes a test with a name.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "../support/mod.rs"]
mod support;

mod damage;
mod late_state;
mod messages;
mod pairing;
mod survival;

use proptest::test_runner::Config;

/// `cases` of a property, which are kept in no file.
fn cases(cases: u32) -> Config {
    Config { cases, failure_persistence: None, ..Config::default() }
}
