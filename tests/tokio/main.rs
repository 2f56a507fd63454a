//! The feature `tokio`: its sockets go from generation to generation, and no verb blocks a worker.
#![cfg(feature = "tokio")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod sockets;
#[path = "../support/mod.rs"]
#[allow(unused_macros, reason = "not every test is run both ways")]
mod support;
mod tasks;
mod verbs;

#[test]
fn role_main() {
    support::run_role(&[("tasks", tasks::run)]);
}
