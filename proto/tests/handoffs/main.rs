//! Whole handoffs in memory: both machines, a kernel's token, a clock wound by hand.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "../support/mod.rs"]
mod support;

mod attempt;
mod deadlines;
mod faults;
mod fence;
mod good;
mod open;
mod refusals;
mod settling;
mod stop;
mod token;
mod told;
mod tools;
mod watching;
