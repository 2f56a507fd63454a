//! A stranger speaks it: handoffs between real processes of this crate and programs that were written
//! in another language from `PROTOCOL.md` alone.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod bad_predecessors;
mod bad_successors;
mod chain;
mod crashes;
mod draining;
mod estate;
mod from_real;
mod from_stranger;
mod keep;
mod stage;
mod state;
mod stranger;
#[path = "../support/mod.rs"]
mod support;
mod tools;
mod two;
mod versions;
mod words;

#[test]
fn role_main() {
    support::run_role(&[("estate", estate::run)]);
}
