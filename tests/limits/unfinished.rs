//! A start that fails halfway: wherever that is, nothing of it is left.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use heirloom::{Takeover, Upgrader};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::{Uid, chown, setuid};

use crate::support::role::emit;
use crate::support::{Family, Role};

/// The role: starts with no descriptor slot, then with one, and so on until that is enough.
pub(crate) fn run(role: &Role) {
    let path = role.get("HANDOFF").unwrap();
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    for slots in 0.. {
        setrlimit(Resource::RLIMIT_NOFILE, limit_that_leaves(slots), hard).unwrap();
        let started = Upgrader::builder().handoff_socket(path).takeover(Takeover::Never).start();
        setrlimit(Resource::RLIMIT_NOFILE, soft, hard).unwrap();
        match started {
            Ok(upgrader) => {
                emit("enough", &slots.to_string());
                return drop(upgrader);
            }
            Err(error) => emit("tried", &format!("{} {error}", Path::new(path).exists())),
        }
    }
}

/// The limit below which so many slots are free.
fn limit_that_leaves(slots: usize) -> u64 {
    let listed = fs::read_dir("/proc/self/fd").unwrap().map(|entry| entry.unwrap().file_name());
    let listed: Vec<_> = listed.collect();
    // The listing itself had one of them.
    let is_open = |number: &u64| {
        listed.contains(&number.to_string().into())
            && Path::new(&format!("/proc/self/fd/{number}")).exists()
    };
    (0..).filter(|number| !is_open(number)).nth(slots).unwrap()
}

#[test]
fn start_that_fails_anywhere_leaves_no_socket_at_its_path() {
    let mut family = Family::new();
    let path = family.path("control");
    family.set("ROLE", "unfinished").set("HANDOFF", path.to_str().unwrap());
    let pid = family.start();
    let enough = family.expect(pid, "enough");
    let tried = family.take_all(pid, "tried");
    assert_eq!(tried.len(), enough.word(0).parse::<usize>().unwrap());
    assert!(tried.iter().any(|tried| tried.details.contains("the token cannot be made")));
    for tried in tried {
        assert_eq!(tried.word(0), "false", "the socket is left: {}", tried.details);
    }
    family.expect_end(pid);
    assert!(!path.exists());
}

/// The role: a user who may have no thread more starts a service.
pub(crate) fn run_without_threads(role: &Role) {
    const USER: u32 = 65_533;
    let folder = role.path("open");
    fs::create_dir(&folder).unwrap();
    chown(&folder, Some(Uid::from_raw(USER)), None).unwrap();
    fs::set_permissions(role.path(""), Permissions::from_mode(0o755)).unwrap();
    setuid(Uid::from_raw(USER)).unwrap();
    setrlimit(Resource::RLIMIT_NPROC, 0, 0).unwrap();
    let path = folder.join("control");
    let builder = Upgrader::builder().handoff_socket(path.to_str().unwrap());
    let error = builder.takeover(Takeover::Never).start().unwrap_err();
    emit("tried", &format!("{} {error}", path.exists()));
}

#[test]
fn start_without_a_thread_leaves_no_socket_at_its_path() {
    if !Uid::effective().is_root() {
        eprintln!("SKIPPED: only root can become a user with a limit of its own");
        return;
    }
    let mut family = Family::new();
    let pid = family.set("ROLE", "threadless").start();
    let tried = family.expect(pid, "tried").details;
    assert!(tried.starts_with("false the driver's thread cannot be started"), "{tried}");
}
