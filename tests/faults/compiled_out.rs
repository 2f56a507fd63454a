//! The library as its users build it has no fault points.

use std::fs;
use std::path::Path;
use std::process::Command;

/// Where every point is told: the source file is named in the event.
const SOURCE: &str = "src/step/point.rs";

#[test]
fn the_library_as_its_users_build_it_has_no_fault_points() {
    let built = build(&[]);
    assert!(!contains(&built), "fault points are compiled in");
    let built = build(&["--features", "fault-points"]);
    assert!(contains(&built), "fault points have moved: this test proves nothing");
}

/// Builds the library alone, in a folder of this test's own.
fn build(features: &[&str]) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fault-points");
    let built = Command::new(env!("CARGO"))
        .args(["build", "--lib", "--package", "heirloom", "--target-dir"])
        .arg(&folder)
        .args(features)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    fs::read(folder.join("debug/libheirloom.rlib")).unwrap()
}

fn contains(library: &[u8]) -> bool {
    library.windows(SOURCE.len()).any(|bytes| bytes == SOURCE.as_bytes())
}
