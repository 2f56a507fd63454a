//! Bodies of the fuzz targets, so that `cargo test` can replay the corpus on any toolchain.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "no part of the library: a fuzz target reports by panicking"
)]

pub mod world;

use crate::message::Message;

/// Reads `data` as a frame. What can be read must survive being written and read again.
///
/// # Panics
///
/// When it does not: that is a finding.
pub fn manifest(data: &[u8]) {
    let Ok(message) = Message::decode(data) else {
        return;
    };
    let again = message.encode().and_then(|frame| Message::decode(&frame));
    if again.as_ref() != Ok(&message) {
        panic!("{message:?} became {again:?}");
    }
}
