//! Frames worth beginning with, and some that are no frames.

use heirloom_proto::{Commit, LateState, Message, Name, Schema, Words};

use super::Seed;
use super::script::Script;
use super::support::entry;
use super::support::samples::{batch, samples};

const HEADER: usize = 12;

pub(crate) fn frames() -> Vec<Seed> {
    let mut seeds: Vec<_> =
        samples().into_iter().map(|(name, message)| (name, message.encode().unwrap())).collect();
    seeds.extend(late_states());
    seeds.extend([("empty", Vec::new()), ("header-only", one_file()[..HEADER].to_vec())]);
    seeds.extend(broken());
    seeds
}

/// `Commit` with last words, whole and with one that comes twice.
fn late_states() -> Vec<Seed> {
    let words = |name: &str, schema: &str| Words {
        name: Name::new(name).unwrap(),
        schema: Schema::new(schema).unwrap(),
        bytes: b"4711".to_vec(),
    };
    let late_state = LateState { words: vec![words("counter", "v2"), words("counter", "v1")] };
    let whole = late_state.encode().unwrap();
    let mut twice = whole.clone();
    let length = twice.len();
    twice[length - 13] = b'2'; // the last byte of the second schema
    let commit = |late_state| Message::Commit(Commit { late_state }).encode().unwrap();
    vec![("commit-with-last-words", commit(whole)), ("commit-with-words-twice", commit(twice))]
}

/// The bodies of manifests.
pub(crate) fn manifests() -> Vec<Seed> {
    let good = samples().into_iter().filter(|(name, _)| name.starts_with("manifest"));
    let good = good.map(|(name, message)| (name, message.encode().unwrap()));
    let all = good.chain(broken());
    all.map(|(name, frame)| (name, frame[HEADER..].to_vec())).collect()
}

fn one_file() -> Vec<u8> {
    batch(vec![entry(0)], true).encode().unwrap()
}

fn broken() -> Vec<Seed> {
    let manifest = one_file();
    let whole = batch((0..250).map(entry).collect(), true).encode().unwrap();
    let mut claim = manifest.clone();
    claim[13..21].copy_from_slice(&u64::MAX.to_le_bytes());
    let mut flag = manifest.clone();
    flag[HEADER] = 2;
    let cut = manifest[..manifest.len() - 9].to_vec();
    vec![
        ("manifest-250-files", whole),
        ("manifest-claims-2-to-the-64-entries", claim),
        ("manifest-cut-in-its-entry", cut),
        ("manifest-flag-of-two", flag),
    ]
}

/// Messages as `round_trip` makes them: each kind, and lists that are cut into batches.
pub(crate) fn messages() -> Vec<Seed> {
    const KINDS: [&str; 21] = [
        "hello",
        "welcome",
        "refuse",
        "manifest",
        "received",
        "progress",
        "ready",
        "commit",
        "released",
        "owned",
        "retired",
        "abort",
        "status",
        "status-report",
        "upgrade",
        "outcome",
        "draining",
        "open",
        "watch",
        "happened",
        "unknown",
    ];
    let of_kind = |(number, name): (usize, &&'static str)| {
        let script = Script::new().byte(u8::try_from(number).unwrap());
        (*name, script.then(words()).into_bytes())
    };
    let mut seeds: Vec<_> = KINDS.iter().enumerate().map(of_kind).collect();
    let released = Script::new().byte(8);
    let entries = |count, opaque: usize| {
        let one = file("file", &vec![7; opaque]);
        let all = std::iter::repeat_n(one, usize::from(count)).fold(Script::new(), Script::then);
        released.clone().number(count).then(all).into_bytes()
    };
    seeds.push(("batches-by-count", entries(251, 0)));
    seeds.push(("batches-by-bytes", entries(255, 255)));
    seeds
}

/// Numbers and texts of every length.
fn words() -> Script {
    let texts = Script::new().bytes("größe".as_bytes()).bytes(b"1.0").byte(1).zeros(3);
    Script::new().number(1).number(255).then(texts.clone()).number(3).then(texts).byte(1)
}

/// An entry as the targets read one.
pub(crate) fn file(name: &str, opaque: &[u8]) -> Script {
    let identity = Script::new().byte(1).number(1).number(2);
    Script::new().number(8).bytes(name.as_bytes()).then(identity).byte(0).bytes(opaque)
}
