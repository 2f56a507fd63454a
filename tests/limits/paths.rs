//! Sockets with a path: left behind by a crash, or replaced by somebody else's file.

use std::fs;
use std::path::{Path, PathBuf};

use super::expect_parts;
use crate::support::outcome::{expect_next_try_succeeds, expect_owner};
use crate::support::{Family, Way, ask, both_ways};

/// A family that meets on one path, and listens on another.
fn family() -> (Family, PathBuf, PathBuf) {
    let mut family = Family::new();
    let (control, listener) = (family.path("control"), family.path("listener"));
    family.set("HANDOFF", control.to_str().unwrap()).set("UNIX", listener.to_str().unwrap());
    (family, control, listener)
}

/// Somebody else's file takes the place of a socket, which lies aside meanwhile.
fn replace(path: &Path) -> PathBuf {
    let aside = path.with_extension("aside");
    fs::rename(path, &aside).unwrap();
    fs::write(path, "precious").unwrap();
    aside
}

fn assert_precious(path: &Path) {
    assert_eq!(fs::read_to_string(path).unwrap(), "precious");
}

both_ways! {
    fn paths_left_by_a_crash_amid_a_handoff_are_stale_and_replaced(way: Way) {
        let (mut family, control, listener) = family();
        let (first, _) = family.start_service();
        family.hold_next("successor.after.receive-welcome");
        let second = family.succeed(first, way);
        family.expect(second, "held");
        family.kill(second);
        family.kill(first);
        assert!(control.exists() && listener.exists(), "they are stale");
        family.set_next("TAKEOVER", "require");
        let third = family.start();
        let failed = family.expect_like(third, "failed", "start Absent ");
        let text = format!("nobody listens on the handoff socket {}", control.display());
        expect_parts(&failed, &[&text]);
        let (fourth, address) = family.start_service();
        expect_owner(&family, fourth, 1, &address);
        std::os::unix::net::UnixStream::connect(&listener).unwrap();
        expect_next_try_succeeds(&mut family, fourth, &address, way);
    }

    fn handoff_path_replaced_by_a_file_is_told_and_the_file_left_alone(way: Way) {
        let (mut family, control, _) = family();
        let (first, address) = family.start_service();
        let aside = replace(&control);
        let text = format!("{} exists and is no handoff socket", control.display());
        let failed = match way {
            Way::Spawned => {
                family.tell(first, "upgrade");
                family.expect_like(first, "failed", "upgrade Spawn ")
            }
            Way::External => {
                let second = family.start();
                family.expect_like(second, "failed", "start InvalidAddress ")
            }
        };
        expect_parts(&failed, &[&text, "remove it or choose another"]);
        family.expect_only(&[first]);
        assert_eq!(ask(&address).unwrap(), (first, 1));
        assert_precious(&control);
        fs::rename(aside, &control).unwrap();
        expect_next_try_succeeds(&mut family, first, &address, way);
    }

    fn path_of_a_listener_replaced_by_a_file_is_inherited_all_the_same(way: Way) {
        let (mut family, control, listener) = family();
        let (first, address) = family.start_service();
        let aside = replace(&listener);
        let second = expect_next_try_succeeds(&mut family, first, &address, way);
        std::os::unix::net::UnixStream::connect(aside).unwrap();
        family.tell(second, "stop");
        family.expect_end(second);
        assert_precious(&listener);
        assert!(!control.exists(), "what was its own is unlinked");
    }
}

#[test]
fn handoff_path_replaced_by_a_file_is_left_alone_when_the_service_ends() {
    let (mut family, control, listener) = family();
    let (first, address) = family.start_service();
    let second = expect_next_try_succeeds(&mut family, first, &address, Way::Spawned);
    replace(&control);
    let pid_file = family.path("pid");
    fs::write(family.path("theirs"), "precious").unwrap();
    fs::rename(family.path("theirs"), &pid_file).unwrap();
    family.tell(second, "stop");
    family.expect_end(second);
    assert_precious(&control);
    assert_precious(&pid_file);
    assert!(!listener.exists(), "what was its own is unlinked");
}
