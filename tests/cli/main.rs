//! The command line, by its real binary against real services.

#![cfg(feature = "cli")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[allow(unused_macros, reason = "who starts a successor is what is tested here")]
#[path = "../support/mod.rs"]
mod support;

mod command;
mod launch;
mod manual;
mod status;
mod terminal;
mod upgrade;
mod watch;

#[test]
fn role_main() {
    support::run_role(&[]);
}
