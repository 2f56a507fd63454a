//! A process that has no descriptor slot left for what it asks the library for.

use std::fs::File;
use std::net::{TcpListener, UdpSocket};
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::thread::spawn;

use heirloom::{Error, Fds, Signal, Upgrader};

use super::expect_parts;
use crate::support::limits::{self, Limits};
use crate::support::outcome::{expect_next_try_succeeds, expect_owner};
use crate::support::role::{Role, emit, emit_failed};
use crate::support::{Event, Family, both_ways, serve};

/// The limit of a process that has taken nothing over, and what its errors tell of it.
const LOW: (&str, &str) = ("256:512", "its limit is 256, the hard one 512: raise the soft one, or");

/// The limit of a process that has raised the one to the other.
const RAISED: &str = "its limit is 512, the hard one 512: raise";

/// What an owner asks for without a free slot.
const ASKED: [&str; 9] = [
    "bind-tcp",
    "bind-udp",
    "bind-path",
    "bind-name",
    "bind-with",
    "add",
    "signal",
    "begin-name",
    "begin-path",
];

/// A service that becomes ready without a slot, then with some, and asks for everything without one
/// when it is told. A successor begins with so many as `SPARE` tells, and claims without one.
pub(crate) fn run(role: &Role) {
    let (file, mut limits) = (tempfile::tempfile().unwrap(), Limits::default());
    limits::begin(role);
    if let Some(spare) = role.get("SPARE") {
        limits.follow(role, &format!("fill {spare}"));
    }
    let Some(upgrader) = role.start() else {
        return;
    };
    limits.follow(role, "free");
    let fds = upgrader.fds();
    limits.follow(role, "fill 0");
    if upgrader.generation() > 1 {
        tell("claim", fds.claim::<TcpListener>("service").map(drop));
    }
    tell("ready", upgrader.ready());
    limits.follow(role, "free");
    let listener: TcpListener = fds.nonblocking().bind_as("service", "127.0.0.1:0").unwrap();
    emit("bound", &listener.local_addr().unwrap().to_string());
    serve::watch_exit(role, upgrader.exit());
    upgrader.ready().unwrap();
    emit("ready", "");
    let (exit, generation) = (upgrader.exit(), upgrader.generation());
    // A blocking accept would hold a slot while it waits.
    spawn(move || serve::answer_until(&listener, &exit, generation));
    for order in &role.inbox {
        match order.as_str() {
            "upgrade" => drop(serve::upgrade(&upgrader)),
            "ask" => {
                limits.follow(role, "fill 0");
                ask_for_everything(role, &upgrader, &file);
                limits.follow(role, "free");
                emit("asked", "");
            }
            _ => break,
        }
    }
}

fn ask_for_everything(role: &Role, upgrader: &Upgrader, file: &File) {
    let fds: Fds = upgrader.fds();
    let path = |name| role.path(name).to_str().unwrap().to_owned();
    tell("bind-tcp", fds.bind::<TcpListener>("127.0.0.1:0").map(drop));
    tell("bind-udp", fds.bind::<UdpSocket>("127.0.0.1:0").map(drop));
    tell("bind-path", fds.bind::<UnixListener>(path("listener")).map(drop));
    let name = format!("{}-x", role.get("HANDOFF").unwrap());
    tell("bind-name", fds.bind::<UnixListener>(&name).map(drop));
    tell("bind-with", fds.bind_with("own", UnixDatagram::unbound).map(drop));
    tell("add", fds.add("file", file).map(drop));
    tell("signal", upgrader.upgrade_on(Signal::SIGHUP));
    tell("begin-name", Upgrader::builder().handoff_socket(name).start().map(drop));
    tell("begin-path", Upgrader::builder().handoff_socket(path("other")).start().map(drop));
}

fn tell(what: &str, result: Result<(), Error>) {
    emit_failed(what, &result.unwrap_err());
}

fn family() -> Family {
    let mut family = Family::new();
    family.set("ROLE", "own-slots");
    family
}

fn expect_way_out(failed: &Event, limit: &str) {
    expect_parts(failed, &[&format!("{limit} LimitNOFILE")]);
    assert_eq!(failed.details.matches("Too many open files").count(), 1, "{}", failed.details);
}

both_ways! {
    fn whatever_is_asked_for_without_a_free_slot_tells_the_way_out(way: Way) {
        let mut family = family();
        family.set_next("NOFILE", LOW.0);
        let (first, address) = family.start_service();
        expect_way_out(&family.expect_like(first, "failed", "ready PidFile "), LOW.1);
        family.tell(first, "ask");
        for what in ASKED {
            expect_way_out(&family.expect_like(first, "failed", &format!("{what} Io ")), LOW.1);
        }
        family.expect(first, "asked");
        expect_owner(&family, first, 1, &address);
        family.set_next("NOFILE", LOW.0);
        let second = expect_next_try_succeeds(&mut family, first, &address, way);
        expect_way_out(&family.expect_like(second, "failed", "claim Io "), RAISED);
        expect_way_out(&family.expect_like(second, "failed", "ready PidFile "), RAISED);
    }
}

/// From no slot at all on, until there are enough.
#[test]
fn successor_without_enough_free_slots_of_its_own_says_so_at_every_step() {
    let mut family = family();
    let (first, address) = family.start_service();
    let mut has_counted_none = false;
    for spare in 0.. {
        family.set_next("SPARE", &spare.to_string()).set_next("NOFILE", "256:256");
        let second = family.start();
        let outcome = family.expect_where("its end or its beginning", |event| {
            event.pid == second && ["failed", "started"].contains(&event.name.as_str())
        });
        if outcome.name == "started" {
            assert!(has_counted_none, "it says how many it has, though it cannot even count");
            family.expect(second, "ready");
            family.expect_end(first);
            return expect_owner(&family, second, 2, &address);
        }
        expect_parts(&outcome, &["raise LimitNOFILE"]);
        has_counted_none |= outcome.details.contains("successor has 0 free descriptor slots");
        family.expect_end(second);
        expect_owner(&family, first, 1, &address);
    }
}
