//! Application state that goes from process to process with the sockets: in schemas that both builds
//! read, without a change missed, and never in the way of a service that goes on.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod adopted;
mod bounds;
mod counter;
mod counting;
mod freezing;
mod keeper;
mod liars;
mod passing;
mod providers;
mod schemas;
mod speed;
#[path = "../support/mod.rs"]
mod support;

#[test]
fn role_main() {
    support::run_role(&[("keeper", keeper::run), ("counter", counter::run)]);
}
