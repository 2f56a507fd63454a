//! The bytes, and today's writer, against the layout written by hand.

use std::collections::BTreeSet;

use crate::cases::{self, MUST_UNDERSTAND, SKIPPABLE};
use crate::changed::changed;
use crate::files;
use crate::layout::KINDS;
use crate::twin::Twin;

#[track_caller]
fn twin(name: &str, frame: &[u8]) -> Twin {
    Twin::of(frame).unwrap_or_else(|error| panic!("{error}\n{}", changed(name)))
}

#[test]
fn every_vector_reads_as_its_twin() {
    for name in cases::names() {
        let found = twin(&name, &files::frame(&name)).text;
        assert_eq!(found, files::twin(&name), "{}", changed(&name));
    }
}

/// Whatever the vectors say: what is written today is what the tables of PROTOCOL.md describe.
#[test]
fn every_message_is_written_as_its_twin_reads() {
    for case in cases::all() {
        let found = twin(&case.name, &case.frame());
        assert_eq!(found.text, files::twin(&case.name), "{}", changed(&case.name));
        assert_eq!(found.rest, case.extra.len(), "{}", changed(&case.name));
    }
}

#[test]
fn a_frame_that_is_cut_or_has_another_header_has_no_twin() {
    for case in cases::older() {
        let frame = files::frame(&case.name);
        for length in 0..frame.len() {
            assert!(Twin::of(&frame[..length]).is_err(), "{} of {length} bytes", case.name);
        }
        for (offset, what) in [(0, "magic"), (4, "version"), (8, "length")] {
            let mut wrong = frame.clone();
            wrong[offset] ^= 2;
            assert!(Twin::of(&wrong).is_err(), "{} with another {what}", case.name);
        }
    }
}

#[test]
fn a_twin_tells_how_many_descriptors_travel_with_its_frame() {
    let descriptors = |name| twin(name, &files::frame(name)).descriptors;
    assert_eq!(descriptors("welcome"), 2);
    assert_eq!(descriptors("manifest-empty-and-last"), 0);
    assert_eq!(descriptors("manifest-every-kind-of-socket"), 8);
    assert_eq!(descriptors("ready-with-strays"), 0);
    assert_eq!(descriptors(SKIPPABLE), 0);
}

#[test]
fn every_kind_has_its_layout_and_the_unknown_ones_have_none() {
    let kinds: BTreeSet<_> = KINDS.iter().map(|layout| layout.kind).collect();
    assert_eq!(kinds.len(), KINDS.len());
    let names = cases::names().into_iter();
    let unknown = names.filter(|name| twin(name, &files::frame(name)).name.is_none());
    assert_eq!(unknown.collect::<Vec<_>>(), ["unknown", SKIPPABLE, MUST_UNDERSTAND]);
}

/// All but the late state: 49,152 bytes of it would be most of the folder.
#[test]
fn every_field_that_has_a_bound_is_as_long_as_it_may_be_in_a_vector() {
    let mut full = BTreeSet::new();
    for case in cases::today() {
        let twin = twin(&case.name, &files::frame(&case.name));
        full.extend(twin.full.into_iter().map(|field| (twin.name.unwrap(), field)));
    }
    let expected = [
        ("Abort", "text"),
        ("Happened", "text"),
        ("Hello", "build label"),
        ("Hello", "service label"),
        ("Manifest", "local address"),
        ("Manifest", "name"),
        ("Manifest", "opaque"),
        ("Outcome", "text"),
        ("Progress", "text"),
        ("Ready", "name"),
        ("Refuse", "text"),
        ("StatusReport", "build label"),
        ("StatusReport", "local address"),
        ("StatusReport", "name"),
        ("StatusReport", "service label"),
        ("StatusReport", "text"),
        ("Welcome", "build label"),
    ];
    assert_eq!(full.into_iter().collect::<Vec<_>>(), expected);
}
