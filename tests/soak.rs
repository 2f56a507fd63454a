//! The example `soak`, in short: fifty upgrades under load leave nothing behind.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::process::Command;

use serde_json::Value;

#[test]
fn fifty_upgrades_under_load_lose_no_request_and_leave_nothing_behind() {
    let output = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--all-features", "--example", "soak", "--"])
        .args(["--upgrades", "50", "--json"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    let told = String::from_utf8_lossy(&output.stdout);
    let last = told.lines().last().unwrap_or_else(|| panic!("{errors}"));
    let told: Value = serde_json::from_str(last).unwrap();
    assert!(output.status.success(), "{told}\n{errors}");
    assert_eq!((&told["upgrades"], &told["failed_on_purpose"]), (&45.into(), &5.into()));
    assert_eq!(told["failed"], 0, "{errors}");
    assert!(told["requests"].as_u64().unwrap() > 1_000, "{told}");
    for name in ["descriptors", "threads", "zombies", "temporary_files", "abstract_names"] {
        assert_eq!(told[name]["first"], told[name]["last"], "{name}");
    }
}
