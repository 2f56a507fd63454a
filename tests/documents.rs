//! The documents tell the truth about the code.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

/// The README's program is the example, so that what is read is what is tested.
#[test]
fn readme_shows_the_echo_example() {
    let example = include_str!("../examples/echo.rs");
    let program = example.split_once("\nuse ").unwrap().1.trim_end();
    assert!(include_str!("../README.md").contains(program));
}
