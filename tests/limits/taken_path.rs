//! A handoff socket whose path another living process has taken: it has unlinked what was there, and
//! listens there itself.

use std::fs::{self, Permissions};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, UnixAddr, bind, listen, socket,
};
use nix::unistd::Uid;

use super::expect_parts;
use crate::support::control::status;
use crate::support::outcome::expect_next_try_succeeds;
use crate::support::{Family, Way, ask, at_once, both_ways};

/// A service on a path.
fn service() -> (Family, PathBuf, u32, String) {
    let mut family = Family::new();
    let control = family.path("control");
    family.set("HANDOFF", control.to_str().unwrap());
    let (first, address) = family.start_service();
    (family, control, first, address)
}

/// Another service takes the path: one of another user, if told.
struct Other {
    family: Family,
    pid: u32,
    address: String,
    path: PathBuf,
    inode: u64,
}

impl Other {
    fn take(path: &Path, user: Option<u32>) -> Self {
        fs::remove_file(path).unwrap();
        let mut family = Family::new();
        family.set("HANDOFF", path.to_str().unwrap()).set("SERVICE", "other");
        if let Some(user) = user {
            // He may write where the path is, and could not open the lock of the first service.
            let folder = path.parent().unwrap();
            fs::set_permissions(folder, Permissions::from_mode(0o777)).unwrap();
            fs::remove_file(path.with_extension("lock")).unwrap();
            family.set("USER", &user.to_string()).unset("PID_FILE");
        }
        let (pid, address) = family.start_service();
        Self { family, pid, address, path: path.into(), inode: inode(path) }
    }

    fn expect_unharmed(&self) {
        assert_eq!(inode(&self.path), self.inode, "it is another socket");
        assert_eq!(ask(&self.address).unwrap(), (self.pid, 1));
        assert_eq!(status(self.path.to_str().unwrap()).unwrap().pid, self.pid);
    }

    /// Ends, and takes what is its own with it.
    fn end(self) {
        self.family.tell(self.pid, "stop");
        self.family.expect_end(self.pid);
        assert!(!self.path.exists());
    }
}

fn inode(path: &Path) -> u64 {
    fs::symlink_metadata(path).unwrap().ino()
}

/// What an owner says when it is to spawn a successor that could not find it.
const TAKEN: [&str; 2] = ["belongs to another process", "end that process or remove its socket"];

/// A try to replace the first process fails so, by its successor or before there is one.
fn expect_fails(family: &mut Family, first: u32, way: Way, (kind, parts): (&str, &[&str])) {
    let failed = match way {
        Way::Spawned => {
            family.tell(first, "upgrade");
            family.expect_like(first, "failed", &format!("upgrade {kind} "))
        }
        Way::External => {
            let second = family.start();
            let failed = family.expect_like(second, "failed", &format!("start {kind} "));
            family.expect_end(second);
            failed
        }
    };
    expect_parts(&failed, parts);
    family.expect_only(&[first]);
}

/// Both ways fail, nobody is harmed, and when the path is free again both ways succeed.
fn endure(user: Option<u32>, of_successor: (&str, &[&str])) {
    let (mut family, control, first, address) = service();
    let other = Other::take(&control, user);
    expect_fails(&mut family, first, Way::External, of_successor);
    other.expect_unharmed();
    expect_fails(&mut family, first, Way::Spawned, ("Spawn", &TAKEN));
    other.expect_unharmed();
    family.set_next("TAKEOVER", "never");
    let parts = ["belongs to another process", "end that process or choose another"];
    expect_fails(&mut family, first, Way::External, ("AddressInUse", &parts));
    other.expect_unharmed();
    assert_eq!(ask(&address).unwrap(), (first, 1));
    assert_eq!(family.pid_file(), Some(first));
    other.end();
    let second = expect_next_try_succeeds(&mut family, first, &address, Way::Spawned);
    expect_next_try_succeeds(&mut family, second, &address, Way::External);
}

#[test]
fn path_taken_by_another_service_of_the_same_user_is_told_and_bound_again_when_it_is_free() {
    endure(None, ("OtherService", &["belongs to service `other`", "give each service its own"]));
}

#[test]
fn path_taken_by_a_service_of_another_user_is_told_and_bound_again_when_it_is_free() {
    /// What most systems call `nobody`.
    const FOREIGN: u32 = 65_534;
    if !Uid::effective().is_root() {
        eprintln!("SKIPPED: only root can be another user too");
        return;
    }
    let text = format!("is squatted by user {FOREIGN}, this process is user 0");
    endure(Some(FOREIGN), ("Squatted", &[&text, "choose a path in a folder that is yours"]));
}

/// A process that listens at the path and is no service.
fn listen_at(path: &Path, kind: SockType) -> io::Result<OwnedFd> {
    fs::remove_file(path)?;
    let listener = socket(AddressFamily::Unix, kind, SockFlag::SOCK_CLOEXEC, None)?;
    bind(listener.as_raw_fd(), &UnixAddr::new(path)?)?;
    listen(&listener, Backlog::new(8)?)?;
    Ok(listener)
}

/// Here it is this very test.
#[test]
fn path_taken_by_what_is_no_service_is_told() {
    let cases = [
        (SockType::Stream, Way::External, "InvalidAddress", "is no handoff socket: remove it or"),
        (SockType::Stream, Way::Spawned, "Spawn", "is no handoff socket: remove it or"),
        (SockType::SeqPacket, Way::External, "Hung", "it is frozen, or has no descriptor slot"),
        (SockType::SeqPacket, Way::Spawned, "Spawn", TAKEN[1]),
    ];
    at_once(&cases, |(socket, way, kind, text)| {
        let (mut family, control, first, address) = service();
        let taker = listen_at(&control, *socket).unwrap();
        expect_fails(&mut family, first, *way, (kind, &[text]));
        assert_eq!(ask(&address).unwrap(), (first, 1));
        drop(taker);
        expect_next_try_succeeds(&mut family, first, &address, Way::Spawned);
    });
}

#[test]
fn path_that_was_removed_is_bound_again_before_a_successor_is_spawned() {
    let (mut family, control, first, address) = service();
    fs::remove_file(&control).unwrap();
    let second = expect_next_try_succeeds(&mut family, first, &address, Way::Spawned);
    expect_next_try_succeeds(&mut family, second, &address, Way::External);
}

#[test]
fn path_taken_by_another_service_is_left_alone_when_the_service_ends() {
    let (family, control, first, _) = service();
    let other = Other::take(&control, None);
    family.tell(first, "stop");
    family.expect_end(first);
    other.expect_unharmed();
}

both_ways! {
    /// The successor has met its predecessor there, and finds another's socket when it looks.
    fn path_taken_in_the_midst_of_a_handoff_is_not_thought_to_be_the_successors(way: Way) {
        let (mut family, control, first, address) = service();
        family.hold_next("successor.before.send-hello");
        let second = family.succeed(first, way);
        family.expect(second, "held");
        let other = Other::take(&control, None);
        family.tell(second, "resume");
        family.expect(second, "ready");
        family.expect_end(first);
        assert_eq!(ask(&address).unwrap(), (second, 2));
        expect_fails(&mut family, second, Way::Spawned, ("Spawn", &TAKEN));
        family.tell(second, "stop");
        family.expect_end(second);
        other.expect_unharmed();
    }
}
