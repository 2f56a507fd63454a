//! Sequence charts of what both machines do.
//!
//! To have them printed:
//! `cargo test -p heirloom-proto --test charts -- --ignored --nocapture`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "../support/mod.rs"]
mod support;

mod event;
mod gallery;
mod layout;
mod moment;
mod recorder;
mod render;
mod scenario;
mod steps;
mod words;

#[test]
#[ignore = "prints every chart, for a change of the protocol"]
fn the_charts_as_the_machines_draw_them() {
    for gallery::Chart { heading, body, .. } in gallery::charts() {
        println!("{heading}\n\n```\n{body}```\n");
    }
}
