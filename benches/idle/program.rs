//! The program that is watched, built as a user builds it: a benchmark of this package would have the
//! features that its tests ask for.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Builds it, with the versions that this package is tested with.
pub(crate) fn build() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("idle");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("Cargo.toml"), manifest()).unwrap();
    fs::copy(Path::new(ROOT).join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    let built = Command::new(env!("CARGO"))
        .args(["build", "--release", "--offline", "--quiet", "--target-dir", "target"])
        .current_dir(&folder)
        .status()
        .unwrap();
    assert!(built.success());
    folder.join("target/release/service")
}

fn manifest() -> String {
    format!(
        r#"[package]
name = "service"
edition = "2024"

[workspace]

[[bin]]
name = "service"
path = "{ROOT}/benches/idle/service.rs"

[dependencies]
heirloom = {{ path = "{ROOT}" }}
nix = {{ version = "0.31", features = ["poll"] }}
"#
    )
}
