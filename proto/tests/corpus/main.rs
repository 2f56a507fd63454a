//! The corpora of the fuzz targets, replayed on any toolchain, and the seeds in them.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod frames;
mod lives;
mod script;
mod steps;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use heirloom_proto::fuzzing::TARGETS;

/// A file to begin with, and what it is there for.
type Seed = (&'static str, Vec<u8>);

/// Replays every file of a target's corpus: a finding panics.
macro_rules! replayed {
    ($($target:ident)*) => {
        $(
            #[test]
            fn $target() {
                replay(stringify!($target));
            }
        )*

        #[test]
        fn every_target_is_replayed() {
            let targets: Vec<_> = TARGETS.iter().map(|(target, _)| *target).collect();
            assert_eq!(targets, [$(stringify!($target)),*]);
        }
    };
}

replayed! { manifest frame round_trip predecessor_steps successor_steps pair_steps }

fn replay(target: &str) {
    let (_, body) = TARGETS.iter().find(|(name, _)| *name == target).unwrap();
    for file in fs::read_dir(corpus(target)).unwrap() {
        let path = file.unwrap().path();
        println!("{}", path.display());
        body(&fs::read(path).unwrap());
    }
}

#[test]
fn every_seed_is_in_its_corpus_and_nothing_else_has_a_name() {
    for (target, _) in TARGETS {
        let seeds = seeds(target);
        assert!(seeds.len() >= 5, "{target} has only {} seeds", seeds.len());
        let named: BTreeSet<_> = seeds.iter().map(|(name, _)| (*name).to_owned()).collect();
        let files = fs::read_dir(corpus(target)).unwrap();
        let found = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        let found = found.filter(|name| !is_hash(name)).collect();
        assert_eq!(named, found, "{target}: write the seeds anew, see fuzz/README.md");
        for (name, bytes) in seeds {
            let found = fs::read(corpus(target).join(name)).unwrap();
            assert_eq!(found, bytes, "{target}/{name}: write the seeds anew, see fuzz/README.md");
        }
    }
}

#[test]
#[ignore = "writes the seeds"]
fn write_the_seeds() {
    for (target, _) in TARGETS {
        fs::create_dir_all(corpus(target)).unwrap();
        for (name, bytes) in seeds(target) {
            fs::write(corpus(target).join(name), bytes).unwrap();
        }
    }
}

/// What a fuzzer calls what it finds.
fn is_hash(name: &str) -> bool {
    name.len() == 40 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn corpus(target: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target)
}

fn seeds(target: &str) -> Vec<Seed> {
    match target {
        "manifest" => frames::manifests(),
        "frame" => frames::frames(),
        "round_trip" => frames::messages(),
        "predecessor_steps" => steps::predecessor().into_iter().map(|(seed, _)| seed).collect(),
        "successor_steps" => steps::successor().into_iter().map(|(seed, _)| seed).collect(),
        "pair_steps" => lives::lives().into_iter().map(|(seed, _)| seed).collect(),
        other => panic!("a target without seeds: {other}"),
    }
}
