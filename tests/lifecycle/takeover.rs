//! What a process that starts finds on its handoff socket, under each policy.

use std::net::TcpListener;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use heirloom::{ErrorKind, Upgrader};
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, UnixAddr, accept, bind, listen, socket,
};
use nix::unistd::{Uid, close, setuid};

use crate::support::role::{Role, emit};
use crate::support::{Family, ask};

/// Nobody of importance: what most systems call `nobody`.
const FOREIGN: u32 = 65_534;

/// Listens on the handoff socket as another user, and answers nobody.
pub(crate) fn squat(role: &Role) {
    setuid(Uid::from_raw(FOREIGN)).unwrap();
    let _squatter = listen_at(role.get("HANDOFF").unwrap());
    emit("squatting", "");
    role.next_order();
}

/// Listens at an abstract name.
fn listen_at(address: &str) -> OwnedFd {
    let (family, flags) = (AddressFamily::Unix, SockFlag::SOCK_CLOEXEC);
    let listener = socket(family, SockType::SeqPacket, flags, None).unwrap();
    let name = address.strip_prefix('@').unwrap();
    let name = UnixAddr::new_abstract(name.as_bytes()).unwrap();
    bind(listener.as_raw_fd(), &name).unwrap();
    listen(&listener, Backlog::new(8).unwrap()).unwrap();
    listener
}

/// Listens on the handoff socket, and closes that and whoever connects first before everything else,
/// as a process may that ends.
pub(crate) fn leave(role: &Role) {
    let service = TcpListener::bind(role.get("LISTEN").unwrap()).unwrap();
    emit("bound", &service.local_addr().unwrap().to_string());
    let visited = listen_at(role.get("HANDOFF").unwrap());
    emit("listening", "");
    let visitor = accept(visited.as_raw_fd()).unwrap();
    drop(visited);
    close(visitor).unwrap();
    emit("leaving", "");
    role.next_order();
    drop(service);
}

#[test]
fn service_is_begun_when_whoever_went_away_has_closed_everything() {
    let mut family = Family::new();
    let leaving = family.set("ROLE", "leave").start();
    let address = family.expect(leaving, "bound").details;
    family.expect(leaving, "listening");
    let started = family.set("ROLE", "serve").set("LISTEN", &address).start();
    family.expect(leaving, "leaving");
    assert!(!family.comes_within(started, "started", Duration::from_millis(100)), "too early");
    family.tell(leaving, "end");
    family.expect(started, "ready");
    assert_eq!(ask(&address).unwrap(), (started, 1));
}

/// A process that starts under each policy finds this.
fn expect_failures(family: &mut Family, if_present: &str, require: &str, never: &str) {
    // All at once: some take their time.
    let policies = [("if-present", if_present), ("require", require), ("never", never)];
    let started = policies.map(|(policy, kind)| {
        family.set_next("TAKEOVER", policy);
        (family.start(), kind)
    });
    for (pid, kind) in started {
        family.expect_like(pid, "failed", &format!("start {kind} "));
        family.expect_end(pid);
    }
}

#[test]
fn nobody_is_begun_for_unless_a_predecessor_is_required() {
    for policy in ["if-present", "never"] {
        let mut family = Family::new();
        family.set_next("TAKEOVER", policy);
        let (first, address) = family.start_service();
        assert_eq!(ask(&address).unwrap(), (first, 1));
    }
    let mut family = Family::new();
    family.set_next("TAKEOVER", "require");
    let first = family.start();
    family.expect_like(first, "failed", "start Absent ");
    family.expect_end(first);
}

#[test]
fn predecessor_is_taken_over_from_unless_that_is_ruled_out() {
    for policy in ["if-present", "require"] {
        let mut family = Family::new();
        let (first, _) = family.start_service();
        family.set_next("TAKEOVER", policy);
        let second = family.start();
        assert_eq!(family.expect(second, "ready").generation, 2);
        family.expect_end(first);
    }
    let mut family = Family::new();
    let (first, address) = family.start_service();
    family.set_next("TAKEOVER", "never");
    let second = family.start();
    family.expect_like(second, "failed", "start AddressInUse ");
    assert_eq!(ask(&address).unwrap(), (first, 1));
}

#[test]
fn busy_predecessor_is_told_from_every_other() {
    let mut family = Family::new();
    let (first, _) = family.start_service();
    family.set_next("PREPARE", "manual");
    let second = family.start();
    family.expect(second, "prepared");
    expect_failures(&mut family, "Busy", "Busy", "AddressInUse");
    family.expect_only(&[first, second]);
}

#[test]
fn predecessor_that_is_not_ready_is_told_from_every_other() {
    let mut family = Family::new();
    family.set_next("PREPARE", "manual");
    let first = family.start();
    family.expect(first, "prepared");
    family.tell(first, "upgrade");
    family.expect_like(first, "failed", "upgrade NotReady ");
    expect_failures(&mut family, "NotReady", "NotReady", "AddressInUse");
}

#[test]
fn predecessor_of_another_service_is_told_from_every_other() {
    let mut family = Family::new();
    let (first, address) = family.set("SERVICE", "this").start_service();
    family.set("SERVICE", "that");
    expect_failures(&mut family, "OtherService", "OtherService", "AddressInUse");
    assert_eq!(ask(&address).unwrap(), (first, 1));
}

#[test]
fn hung_predecessor_is_told_from_every_other() {
    let mut family = Family::new();
    let (first, address) = family.start_service();
    family.freeze(first);
    expect_failures(&mut family, "Hung", "Hung", "AddressInUse");
    family.thaw(first);
    assert_eq!(ask(&address).unwrap(), (first, 1));
}

#[test]
fn squatter_is_told_from_every_predecessor() {
    if !Uid::effective().is_root() {
        return eprintln!("SKIPPED: only root can be another user too");
    }
    let mut family = Family::new();
    family.set("ROLE", "squat");
    let squatter = family.start();
    family.expect(squatter, "squatting");
    family.set("ROLE", "serve");
    expect_failures(&mut family, "Squatted", "Squatted", "AddressInUse");
}

#[test]
fn successor_of_a_foreign_user_is_given_nothing() {
    if !Uid::effective().is_root() {
        return eprintln!("SKIPPED: only root can be another user too");
    }
    let mut family = Family::new();
    let (first, address) = family.start_service();
    family.set_next("USER", &FOREIGN.to_string());
    let second = family.start();
    family.expect_like(first, "log", "a foreign user has connected to the handoff socket");
    family.expect_like(second, "failed", "start Untrusted ");
    assert_eq!(ask(&address).unwrap(), (first, 1));
    assert!(!family.has_logged(first, "a handoff has begun"));
}

/// A socket that nobody listens on any more is replaced by one of them; the others meet that one, which
/// is not ready.
#[test]
fn of_many_that_start_at_once_on_a_stale_path_one_begins_the_service() {
    const AT_ONCE: usize = 8;
    const ROUNDS: usize = 60;
    let folder = tempfile::tempdir().unwrap();
    for round in 0..ROUNDS {
        let path = folder.path().join(format!("control.{round}"));
        leave_stale(&path);
        let begin = Barrier::new(AT_ONCE);
        let start = || {
            begin.wait();
            Upgrader::builder().handoff_socket(path.to_str().unwrap()).start()
        };
        let started: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(start)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let others = started.iter().filter_map(|started| started.as_ref().err());
        let kinds: Vec<_> = others.map(heirloom::Error::kind).collect();
        assert_eq!(kinds, [ErrorKind::NotReady; AT_ONCE - 1], "in round {round}");
    }
}

/// What a service that was killed leaves behind.
fn leave_stale(path: &Path) {
    let flags = SockFlag::SOCK_CLOEXEC;
    let dead = socket(AddressFamily::Unix, SockType::SeqPacket, flags, None).unwrap();
    bind(dead.as_raw_fd(), &UnixAddr::new(path).unwrap()).unwrap();
    listen(&dead, Backlog::new(8).unwrap()).unwrap();
}
