//! Whatever is killed, frozen or slow, the service is being served, and one process owns it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod compiled_out;
mod frozen_predecessor;
mod frozen_successor;
mod killed_predecessor;
mod killed_successor;
mod leaked;
mod matrix;
mod misbehaving;
#[path = "../support/mod.rs"]
mod support;
mod unsettled;

use support::outcome::{FAILED, TAKEN_BACK, expect_failed, expect_next_try_succeeds, expect_owner};

#[test]
fn role_main() {
    support::run_role(&[]);
}
