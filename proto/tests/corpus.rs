//! The corpus of the fuzz target, replayed on any toolchain.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::path::PathBuf;

use heirloom_proto::fuzzing;
use support::entry;
use support::samples::{batch, samples};

#[test]
fn every_seed_is_read_without_a_finding() {
    let mut seeds = 0;
    for file in fs::read_dir(corpus()).unwrap() {
        fuzzing::manifest(&fs::read(file.unwrap().path()).unwrap());
        seeds += 1;
    }
    assert!(seeds >= 12, "only {seeds} seeds: is the corpus there?");
}

#[test]
fn every_seed_that_is_made_here_is_in_the_corpus() {
    for (name, bytes) in seeds() {
        let found = fs::read(corpus().join(name));
        assert_eq!(found.ok(), Some(bytes), "{name}: write the seeds anew, see fuzz/README.md");
    }
}

#[test]
#[ignore = "writes the seeds"]
fn write_the_seeds() {
    fs::create_dir_all(corpus()).unwrap();
    for (name, bytes) in seeds() {
        fs::write(corpus().join(name), bytes).unwrap();
    }
}

fn corpus() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/manifest")
}

/// Frames worth beginning with, and some that are no frames.
fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    let mut seeds: Vec<_> =
        samples().into_iter().map(|(name, message)| (name, message.encode().unwrap())).collect();
    let manifest = batch(vec![entry(0)], true).encode().unwrap();
    let whole = batch((0..250).map(entry).collect(), true).encode().unwrap();
    let mut claim = manifest.clone();
    claim[13..21].copy_from_slice(&u64::MAX.to_le_bytes());
    let mut flag = manifest.clone();
    flag[12] = 2;
    let cut = manifest[..manifest.len() - 9].to_vec();
    seeds.extend([
        ("empty", Vec::new()),
        ("manifest-250-files", whole),
        ("header-only", manifest[..12].to_vec()),
        ("manifest-claims-2-to-the-64-entries", claim),
        ("manifest-cut-in-its-entry", cut),
        ("manifest-flag-of-two", flag),
    ]);
    seeds
}
