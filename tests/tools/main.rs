//! What tools and the application are told: how things stand, what happens, why an upgrade failed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod diagnostics;
mod status;
#[path = "../support/mod.rs"]
mod support;
mod upgrade;
mod watch;

#[test]
fn role_main() {
    support::run_role(&[]);
}
