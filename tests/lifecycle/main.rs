//! How a service begins, hands itself on again and again, and ends.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod addresses;
mod launching;
mod sequence;
mod stop;
mod strays;
#[path = "../support/mod.rs"]
mod support;
mod takeover;

#[test]
fn role_main() {
    support::run_role(&[("squat", takeover::squat), ("leave", takeover::leave)]);
}
