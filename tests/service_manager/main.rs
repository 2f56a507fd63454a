//! What a service manager is told, and what is taken from it, without one: by its sockets and variables.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod manager;
mod passed;
#[path = "../support/mod.rs"]
mod support;
mod told;

#[test]
fn role_main() {
    support::run_role(&[]);
}
