//! Limits of the kernel that a role puts itself under, and lets go when it is told.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;

use heirloom::{Error, Fds};
use nix::errno::Errno;
use nix::sys::resource::{Resource, setrlimit};
use nix::unistd::{Uid, setuid};
use socket2::SockRef;

use super::role::{Role, emit};
use super::sys;

/// What a role has done to itself.
#[derive(Default)]
pub(crate) struct Limits {
    /// Takes every descriptor slot that is free.
    hoard: Vec<File>,
}

/// Puts the role under the limits of its settings, before it asks the library for anything.
pub(crate) fn begin(role: &Role) {
    if let Some(limit) = role.get("NOFILE") {
        limit_descriptors(limit);
    }
    if let Some(what) = role.get("MOUNT") {
        mount(role, what);
    }
    if let Some(user) = role.number("USER") {
        setuid(Uid::from_raw(user)).unwrap();
    }
}

impl Limits {
    /// Does what an order says, if it is about limits. Tells whether it was.
    pub(crate) fn follow(&mut self, role: &Role, order: &str) -> bool {
        match order.split_once(' ').unwrap_or((order, "")) {
            ("nofile", limit) => limit_descriptors(limit),
            ("fill", spare) => self.fill(spare.parse().unwrap()),
            ("free", _) => self.hoard.clear(),
            ("tighten", mib) => tighten(mib.parse().unwrap()),
            ("unmount", what) => sys::unmount(&place(role, what)),
            _ => return false,
        }
        emit("limited", order);
        true
    }

    /// Leaves so many descriptor slots free and no more.
    fn fill(&mut self, spare: usize) {
        let null = File::open("/dev/null").unwrap();
        let error = loop {
            match null.try_clone() {
                Ok(copy) => self.hoard.push(copy),
                Err(error) => break error,
            }
        };
        assert_eq!(error.raw_os_error(), Some(Errno::EMFILE as i32), "{error}");
        self.hoard.push(null);
        self.hoard.truncate(self.hoard.len() - spare);
    }
}

/// Binds or inherits so many sockets, and tells a digest of their cookies by name.
pub(crate) fn bind_many(fds: &Fds, count: usize) -> Result<(), Error> {
    let mut digest = DefaultHasher::new();
    for number in 0..count {
        let name = format!("socket {number}");
        // They have no name in any namespace, so there may be as many as there are slots.
        let socket: UnixDatagram = fds.bind_with(&name, UnixDatagram::unbound)?;
        (name, SockRef::from(&socket).cookie().unwrap()).hash(&mut digest);
    }
    emit("many", &format!("{count} {}", digest.finish()));
    Ok(())
}

/// Limits the address space to what is used now and a little more.
fn tighten(mib: u64) {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let size = status.lines().find_map(|line| line.strip_prefix("VmSize:")).unwrap();
    let kib: u64 = size.split_whitespace().next().unwrap().parse().unwrap();
    let limit = (kib + mib * 1_024) * 1_024;
    setrlimit(Resource::RLIMIT_AS, limit, limit).unwrap();
}

/// Sets the limit of open descriptors: `soft:hard`.
fn limit_descriptors(limit: &str) {
    let (soft, hard) = limit.split_once(':').unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, soft.parse().unwrap(), hard.parse().unwrap()).unwrap();
}

/// Where a mount is: `proc`, or a folder of the family's own.
fn place(role: &Role, what: &str) -> PathBuf {
    match what {
        "proc" => "/proc".into(),
        _ => role.path("run"),
    }
}

/// Lays a file system over a folder, in the role's own mount namespace: one that is `full`, or
/// `readonly`, or hides `proc`.
fn mount(role: &Role, what: &str) {
    let place = place(role, what);
    sys::mount_tmpfs(&place, what == "readonly");
    if what == "full" {
        let mut file = File::create(place.join("everything")).unwrap();
        let error = file.write_all(&vec![0; sys::TMPFS_BYTES + 1]).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(Errno::ENOSPC as i32), "{error}");
        assert!(fs::write(place.join("more"), "x").is_err(), "there is room left");
    }
}
