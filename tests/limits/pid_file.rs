//! A PID file that cannot be written: the disk is full, the folder is read-only.

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::PathBuf;

use nix::unistd::Uid;

use super::{expect_parts, namespace};
use crate::support::outcome::{expect_failed, expect_next_try_succeeds, expect_owner};
use crate::support::{Family, Way, ask, both_ways, sys};

/// A successor finds the folder of its PID file as `mount` makes it; then it is mended.
fn successor_says_so_and_becomes_ready_later(mount: &str, why: &str, way: Way) {
    let mut family = Family::new();
    let Some(program) = namespace::program(&mut family) else {
        return;
    };
    fs::create_dir(family.path("run")).unwrap();
    let path = family.path("run/pid");
    family.set("PID_FILE", path.to_str().unwrap()).set("PROGRAM", program.to_str().unwrap());
    family.set_program(&program);
    let (first, address) = family.start_service();
    family.set_next("MOUNT", mount);
    let second = family.succeed(first, way);
    expect_told(&mut family, second, why);
    assert!(!family.has_logged(first, "the successor is ready"));
    assert_eq!(ask(&address).unwrap(), (first, 1));
    assert_eq!(family.pid_file(), Some(first));
    family.tell(second, &format!("unmount {mount}"));
    family.expect(second, "limited");
    expect_ready_now(&mut family, first, second, &address, way);
}

/// A successor could not be ready, and says so.
fn expect_told(family: &mut Family, successor: u32, why: &str) {
    let failed = family.expect_like(successor, "failed", "ready PidFile ");
    let names = format!("the PID file {} cannot be written", family.setting("PID_FILE"));
    expect_parts(&failed, &[&names, why, "its folder must exist and be writable"]);
}

/// What was wrong with the folder is mended.
fn expect_ready_now(family: &mut Family, first: u32, second: u32, address: &str, way: Way) {
    family.tell(second, "ready");
    family.expect(second, "ready");
    family.expect_end(first);
    expect_owner(family, second, 2, address);
    assert_eq!(fs::read_dir(family.path("run")).unwrap().count(), 1, "nothing is left beside it");
    expect_next_try_succeeds(family, second, address, way);
}

/// A service of a user who is not root, to whom the bits of a folder apply, and that folder.
fn family_without_privileges() -> (Family, PathBuf) {
    let mut family = Family::new();
    let (root, folder) = (family.path(""), family.path("run"));
    fs::create_dir(&folder).unwrap();
    family.set("PID_FILE", folder.join("pid").to_str().unwrap());
    if Uid::effective().is_root() {
        /// What most systems call `nobody`.
        const NOBODY: u32 = 65_534;
        for path in [&root, &folder] {
            chown(path, Some(NOBODY), None).unwrap();
        }
        family.set("USER", &NOBODY.to_string());
    }
    (family, folder)
}

fn set_mode(folder: &PathBuf, mode: u32) {
    fs::set_permissions(folder, Permissions::from_mode(mode)).unwrap();
}

const FORBIDDEN: &str = "Permission denied";

both_ways! {
    fn full_disk_is_told_before_the_predecessor_is(way: Way) {
        let why = "No space left on device";
        successor_says_so_and_becomes_ready_later("full", why, way);
    }

    fn read_only_folder_is_told_before_the_predecessor_is(way: Way) {
        let why = "Read-only file system";
        successor_says_so_and_becomes_ready_later("readonly", why, way);
    }

    fn folder_without_write_permission_is_told_before_the_predecessor_is(way: Way) {
        let (mut family, folder) = family_without_privileges();
        let (first, address) = family.start_service();
        set_mode(&folder, 0o500);
        let second = family.succeed(first, way);
        expect_told(&mut family, second, FORBIDDEN);
        assert!(!family.has_logged(first, "the successor is ready"));
        assert_eq!(ask(&address).unwrap(), (first, 1));
        assert_eq!(family.pid_file(), Some(first));
        set_mode(&folder, 0o700);
        expect_ready_now(&mut family, first, second, &address, way);
    }

    fn folder_that_loses_write_permission_while_the_service_moves_leaves_it_to_the_predecessor(way: Way) {
        let (mut family, folder) = family_without_privileges();
        let (first, address) = family.start_service();
        family.hold_next("successor.before.publish");
        let second = family.succeed(first, way);
        family.expect(second, "held");
        set_mode(&folder, 0o500);
        family.tell(second, "resume");
        let failed = family.expect_like(second, "failed", "ready NotOwner ");
        expect_parts(&failed, &["could not be published: the PID file", FORBIDDEN]);
        family.expect_end(second);
        let failed = expect_failed(&mut family, first, way);
        assert_eq!(failed.details.starts_with("upgrade PidFile "), way == Way::Spawned);
        expect_owner(&family, first, 1, &address);
        set_mode(&folder, 0o700);
        expect_next_try_succeeds(&mut family, first, &address, way);
    }
}

#[test]
fn first_process_in_a_folder_without_write_permission_says_so_and_becomes_ready_later() {
    let (mut family, folder) = family_without_privileges();
    set_mode(&folder, 0o500);
    let first = family.start();
    let address = family.expect(first, "bound").details;
    expect_told(&mut family, first, FORBIDDEN);
    set_mode(&folder, 0o700);
    family.tell(first, "ready");
    family.expect(first, "ready");
    expect_owner(&family, first, 1, &address);
}

/// What was written while there was room is put back, from the predecessor's own mount namespace.
#[test]
fn disk_that_is_full_when_the_service_comes_back_names_the_predecessor_again() {
    let mut family = Family::new();
    let Some(program) = namespace::program(&mut family) else {
        return;
    };
    fs::create_dir(family.path("run")).unwrap();
    let path = family.path("run/pid");
    family.set("PID_FILE", path.to_str().unwrap());
    family.set_program(&program);
    family.set_next("MOUNT", "empty");
    let (first, address) = family.start_service();
    let seen = |name: &str| format!("/proc/{first}/root{}", family.path(name).display());
    let (pid_file, ballast) = (seen("run/pid"), seen("run/everything"));
    family.hold_next("successor.after.publish");
    let second = family.succeed(first, Way::Spawned);
    family.expect(second, "held");
    assert_eq!(fs::read_to_string(&pid_file).unwrap(), format!("{second}\n"));
    let mut file = fs::File::create(ballast).unwrap();
    let error = file.write_all(&vec![0; sys::TMPFS_BYTES + 1]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    family.kill(second);
    family.expect_like(first, "failed", "upgrade SuccessorExited ");
    assert_eq!(fs::read_to_string(&pid_file).unwrap(), format!("{first}\n"));
    assert_eq!(ask(&address).unwrap(), (first, 1));
}
