//! What whoever changes the bytes has to know.

/// What to tell when the bytes of the vector `name` are not what they were.
pub(crate) fn changed(name: &str) -> String {
    let frozen = ["hello", "welcome", "refuse"];
    let file = name.rsplit('/').next().unwrap_or(name);
    match frozen.iter().any(|kind| file.starts_with(kind)) {
        true => format!("{name}: {FROZEN}"),
        false => format!("{name}: {CHANGED}"),
    }
}

const FROZEN: &str = "\
the layout of `Hello`, `Welcome` and `Refuse` never changes, in no version (PROTOCOL.md, section 10):
they are what two releases agree on a version with, so no version number allows it. Undo the change.
What has to be told in addition may follow behind their last field, where older releases ignore it,
with vectors of its own.
";

pub(crate) const CHANGED: &str = "\
this is not the layout that was released: a peer of the version in the header would misread it.
If the change is not meant, undo it. If it is, it needs a new version number, which is
  1. in `src/limits.rs` a higher `VERSION`, and a constant of its own for the lowest version offered,
     which stays as long as releases that speak nothing higher are to be met;
  2. in `src/message.rs` both layouts: the version in the header tells which to read, the version in
     `Welcome` which to write. In `src/message_kind.rs` the kind bears the new version from then on;
  3. new vectors beside the old ones, whose bytes stay, with `cargo test -p heirloom-proto --test
     golden -- --ignored`: one for each variant of the new layout, under a name of its own;
  4. in `tests/golden/layout.rs` the new layout by hand, with its version, beside the old one;
  5. in `vectors/older` what the last release of the old version sends;
  6. in `PROTOCOL.md` the versions of section 3, the tables of section 5, what section 10 promises;
  7. in `../CHANGELOG.md` which releases can hand over to which.
A new reason, phase, kind of message or kind of entry needs no new version: it gets a new number
(PROTOCOL.md, section 6), and a vector.
";

#[test]
fn whoever_changes_a_layout_is_told_of_files_that_exist() {
    let paths = CHANGED.split('`').skip(1).step_by(2).filter(|word| word.contains(['/', '.']));
    let paths: Vec<_> = paths.filter(|word| !word.contains(' ')).collect();
    assert!(paths.len() >= 7, "{paths:?}");
    for path in paths {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        assert!(root.join(path).exists(), "{path}");
    }
}

#[test]
fn whoever_changes_a_layout_is_told_whether_a_version_number_helps() {
    for frozen in ["hello", "welcome-longest-build", "newer/refuse-unknown-reason"] {
        assert!(changed(frozen).contains("never changes, in no version"), "{frozen}");
    }
    for other in ["commit", "manifest-two", "older/ready"] {
        assert!(changed(other).contains("needs a new version number"), "{other}");
    }
}
