//! What a handoff hands over, and who serves while it does.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod inheritance;
mod kinds;
mod many;
mod pid_file;
mod service;
#[path = "../support/mod.rs"]
mod support;

#[test]
fn role_main() {
    support::run_role(&[("kinds", kinds::run), ("many", many::run)]);
}
