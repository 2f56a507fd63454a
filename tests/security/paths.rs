//! A handoff socket in the file system: whose it is, and who may connect to it.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use nix::unistd::Uid;

use super::attacker::{FOREIGN, attack, can_be_foreign, start};
use super::delay::{When, expect_no_delay};
use super::disguise::Disguise;
use super::expect_unharmed;
use crate::support::{Family, Way};

/// A service on a path, in a folder that everybody may look into.
fn on_a_path(mode: u32) -> (Family, std::path::PathBuf) {
    let mut family = Family::new();
    fs::set_permissions(family.path(""), Permissions::from_mode(mode)).unwrap();
    let path = family.path("control");
    family.set("HANDOFF", path.to_str().unwrap());
    (family, path)
}

fn expect_private(path: &Path) {
    let socket = fs::symlink_metadata(path).unwrap();
    assert_eq!(socket.mode() & 0o7777, 0o600, "{}", path.display());
    assert_eq!(socket.uid(), Uid::effective().as_raw());
}

#[test]
fn path_socket_belongs_to_the_owner_with_mode_0600_whatever_its_umask() {
    for umask in ["000", "022", "077"] {
        let (mut family, path) = on_a_path(0o700);
        let first = Disguise { umask, ..Disguise::default() }.start(&mut family);
        let address = family.expect(first, "bound").details;
        family.expect(first, "ready");
        expect_private(&path);
        expect_private(&family.path("control.lock"));
        expect_unharmed(&mut family, first, &address);
        expect_private(&path);
    }
}

#[test]
fn another_user_cannot_connect_to_a_path_and_delays_nobody() {
    if !can_be_foreign() {
        return;
    }
    let (mut family, _) = on_a_path(0o755);
    let (first, address) = family.start_service();
    let attacker = start(&mut family, Some(FOREIGN));
    assert_eq!(attack(&mut family, attacker, "flood 1000"), "0 EACCES");
    assert_eq!(attack(&mut family, attacker, "squat"), "EADDRINUSE");
    family.set_next("USER", &FOREIGN.to_string());
    let stranger = family.start();
    let failed = family.expect(stranger, "failed").details;
    assert!(failed.starts_with("start Io "), "{failed}");
    assert!(failed.contains("cannot be reached: Permission denied"), "{failed}");
    assert!(!family.has_logged(first, "a foreign user"), "nobody has come so far");
    let owner =
        expect_no_delay(&mut family, first, attacker, "flood 1000", (When::Beside, Way::Spawned));
    let owner =
        expect_no_delay(&mut family, owner, attacker, "flood 1000", (When::Beside, Way::External));
    expect_unharmed(&mut family, owner, &address);
}
