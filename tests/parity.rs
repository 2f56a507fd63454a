//! Every call of tableflip's API has its counterpart, and it works: the tests that begin with one
//! of its names stand for a row of that table, the others for what heirloom says beyond it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod parity {
    mod addresses;
    mod exit;
    mod files;
    mod generations;
    mod listen;
    mod mode;
    mod names;
    mod packet;
    mod ready;
    mod registration;
    mod stop;
    mod upgrade;
}

mod support;

#[test]
fn role_main() {
    support::run_role(&[]);
}
