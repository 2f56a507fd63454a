//! What a user of the default features builds: no async runtime, and fewer crates than of the libraries that
//! do the same.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::process::Command;

/// The crates of each, itself included, as `benches/weight/run` counts them: with default features, on
/// Linux, each name and version once, with what builds them.
const PEERS: [(&str, &str, usize); 2] = [("ecdysis", "1.1.1", 58), ("shellflip", "2.1.3", 51)];

/// How many there are. One more is a cost for every user: raise this knowingly, or do without.
const MOST: usize = 34;

#[test]
fn default_features_have_no_async_runtime() {
    const RUNTIMES: [&str; 12] = [
        "actix-rt",
        "async-executor",
        "async-global-executor",
        "async-io",
        "async-std",
        "compio",
        "futures-executor",
        "glommio",
        "mio",
        "monoio",
        "smol",
        "tokio",
    ];
    let crates = crates(&[]);
    let is_runtime = |name: &String| RUNTIMES.iter().any(|runtime| name == runtime);
    let found: Vec<_> = crates.iter().filter(|(name, _)| is_runtime(name)).collect();
    assert!(found.is_empty(), "{found:?}");
    let with_tokio = self::crates(&["--features", "tokio"]);
    assert!(with_tokio.iter().any(|(name, _)| is_runtime(name)), "nothing would be found");
}

#[test]
fn default_features_have_fewer_crates_than_either_peer() {
    let crates = crates(&[]);
    assert!(crates.len() <= MOST, "{} crates: {crates:#?}", crates.len());
    for (peer, _, theirs) in PEERS {
        assert!(crates.len() < theirs, "{peer} has {theirs}, this {}", crates.len());
    }
}

/// The peers whose crates were counted are those that `MIGRATING.md` is about.
#[test]
fn peers_are_counted_at_the_versions_that_are_compiled() {
    let manifest = include_str!("../docs/migrating/peers/Cargo.toml");
    for (peer, version, _) in PEERS {
        let dependency = format!("\n{peer} = \"{version}\"\n");
        assert!(manifest.contains(&dependency), "count {peer} anew: benches/weight/run");
    }
}

/// Every crate that is built for the library, by name and version, itself included.
fn crates(features: &[&str]) -> BTreeSet<(String, String)> {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--package", "heirloom", "--edges", "normal,build", "--prefix", "none"])
        .args(["--offline", "--locked"])
        .args(features)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let listed = String::from_utf8(tree.stdout).unwrap();
    let words = listed.lines().map(|line| line.split(' '));
    words.map(|mut words| (words.next().unwrap().into(), words.next().unwrap().into())).collect()
}
