//! Bodies of the fuzz targets, so that `cargo test` can replay the corpus on any toolchain; and the
//! [`world`] in which the machines are searched.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "no part of the library: a fuzz target reports by panicking"
)]

mod frames;
mod input;
mod lock;
mod pair_steps;
mod predecessor_steps;
mod successor_steps;
pub mod world;

pub use frames::{frame, manifest, round_trip};
pub use pair_steps::{FAULTS, pair_steps};
pub use predecessor_steps::predecessor_steps;
pub use successor_steps::successor_steps;

/// A target: its name, and what it does with bytes.
pub type Target = (&'static str, fn(&[u8]));

/// Every target by its name, which is that of its corpus too.
pub const TARGETS: [Target; 6] = [
    ("manifest", manifest),
    ("frame", frame),
    ("round_trip", round_trip),
    ("predecessor_steps", |data| drop_end(predecessor_steps(data))),
    ("successor_steps", |data| drop_end(successor_steps(data))),
    ("pair_steps", |data| drop_end(pair_steps(data))),
];

/// How it ended is of no account to a fuzzer.
fn drop_end<T>(_: T) {}
