//! A PID file that cannot be written: the disk is full, the folder is read-only.

use std::fs;

use super::{expect_parts, namespace};
use crate::support::outcome::{expect_next_try_succeeds, expect_owner};
use crate::support::{Family, Way, ask, both_ways};

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
    let failed = family.expect_like(second, "failed", "ready PidFile ");
    let names = format!("the PID file {} cannot be written", path.display());
    expect_parts(&failed, &[&names, why, "its folder must exist and be writable"]);
    assert!(!family.has_logged(first, "the successor is ready"));
    assert_eq!(ask(&address).unwrap(), (first, 1));
    assert_eq!(family.pid_file(), Some(first));
    family.tell(second, &format!("unmount {mount}"));
    family.expect(second, "limited");
    family.tell(second, "ready");
    family.expect(second, "ready");
    family.expect_end(first);
    expect_owner(&family, second, 2, &address);
    assert_eq!(fs::read_dir(family.path("run")).unwrap().count(), 1, "nothing is left beside it");
    expect_next_try_succeeds(&mut family, second, &address, way);
}

both_ways! {
    fn full_disk_is_told_before_the_predecessor_is(way: Way) {
        let why = "No space left on device";
        successor_says_so_and_becomes_ready_later("full", why, way);
    }

    fn read_only_folder_is_told_before_the_predecessor_is(way: Way) {
        let why = "Read-only file system";
        successor_says_so_and_becomes_ready_later("readonly", why, way);
    }
}
