//! Peers that speak nonsense, lie or say nothing, and settings that cannot work: each is answered
//! with an error that names what was wrong, the service goes on untouched, and nothing leaks.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod bad_input {
    mod addresses;
    mod control_listener;
    mod crowd;
    mod descriptors;
    mod entries;
    mod frames;
    mod hello;
    mod impostor;
    pub(super) mod leaks;
    mod liars;
    mod order;
    mod peer;
    mod pid_file;
    mod service;
    mod unlinking;
}

#[allow(unused_macros, reason = "no test here has a successor that is spawned")]
mod support;

#[test]
fn role_main() {
    support::run_role(&[
        ("nonsense", bad_input::leaks::hear_nonsense),
        ("narrow", bad_input::leaks::start_with_few_slots),
    ]);
}
