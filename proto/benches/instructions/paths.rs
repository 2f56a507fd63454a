//! The paths that are counted.

use std::hint::black_box;
use std::sync::Arc;

use heirloom_proto::Message;

use crate::handoff::Handoff;
use crate::manifest::{listener, manifest};

pub(crate) struct Path {
    pub(crate) name: &'static str,
    run: fn(),
}

/// What a handoff takes beside its entries shows with one of them; whether it takes more for each of
/// many shows with ten times as many.
pub(crate) const PATHS: [Path; 5] = [
    Path { name: "encode 250 entries", run: encode },
    Path { name: "decode 250 entries", run: decode },
    Path { name: "hand over 1 entry", run: || hand_over(1) },
    Path { name: "hand over 1000 entries", run: || hand_over(1_000) },
    Path { name: "hand over 10000 entries", run: || hand_over(10_000) },
];

pub(crate) fn run(name: &str) {
    (PATHS.iter().find(|path| path.name == name).unwrap().run)();
}

/// The name of [`count`], as callgrind looks for it.
pub(crate) const COUNTED: &str = "*instructions::paths::count*";

/// Nothing is counted but what runs in here. It has one caller's type, and so it is there once.
#[inline(never)]
fn count(path: &mut dyn FnMut()) {
    path();
    black_box(path); // so that it is no tail call, which would leave this too early
}

fn encode() {
    let message = Message::Manifest(manifest());
    let mut frame = None;
    count(&mut || frame = Some(black_box(&message).encode()));
    assert_eq!(Message::decode(&frame.unwrap().unwrap()).unwrap(), message);
}

fn decode() {
    let message = Message::Manifest(manifest());
    let frame = message.encode().unwrap();
    let mut decoded = None;
    count(&mut || decoded = Some(Message::decode(black_box(&frame))));
    assert_eq!(decoded.unwrap().unwrap(), message);
}

fn hand_over(entries: usize) {
    let mut handoff = Handoff::new((0..entries).map(|index| Arc::new(listener(index))).collect());
    count(&mut || handoff.run());
    handoff.expect_over(entries);
}
