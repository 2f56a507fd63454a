//! A role without clients, which does nothing that it is not told.
//!
//! | setting | |
//! |---|---|
//! | `TIMEOUTS` | `endless`: the longest there are |
//! | `FILES` | how many files the first generation registers |
//!
//! Events: `started`, `inherited <count>`, `ready`, `upgraded`, `exit`, `second <generation>`,
//! `watched <exit fired> <ticks>`, `token lost`, or `failed`. Orders: `ready`, `upgrade`,
//! `second <address>` (start another service in this process, on a private name without an address),
//! `watch` (wait for the exit a little, and tell how much the driver has computed meanwhile),
//! `lose token` (put an empty file in the token's place).

use std::fs;
use std::os::fd::AsRawFd;
use std::thread;
use std::time::Duration;

use heirloom::{Error, Upgrader};
use nix::libc;

use crate::support::role::{Role, emit, emit_failed};

pub(crate) fn run(role: &Role) {
    let upgrader = match start(role) {
        Ok(upgrader) => upgrader,
        Err(error) => return emit_failed("start", &error),
    };
    emit("started", &upgrader.generation().to_string());
    emit("inherited", &upgrader.fds().inherited().count().to_string());
    if upgrader.generation() == 1 {
        register_files(&upgrader, role.number("FILES").unwrap_or(0));
    }
    let exit = upgrader.exit();
    thread::spawn(move || {
        exit.wait();
        emit("exit", "");
    });
    let mut others = Vec::new();
    loop {
        let order = role.next_order();
        match order.split_once(' ').unwrap_or((&order, "")) {
            ("ready", _) => ask("ready", &upgrader, Upgrader::ready),
            ("upgrade", _) => ask("upgraded", &upgrader, |upgrader| upgrader.upgrade().map(drop)),
            ("second", address) => others.extend(start_second(address)),
            ("watch", _) => watch(&upgrader),
            ("lose", _) => lose_token(),
            (other, _) => panic!("unknown order `{other}`"),
        }
    }
}

fn start(role: &Role) -> Result<Upgrader, Error> {
    let builder = role.builder();
    match role.get("TIMEOUTS") {
        Some("endless") => builder
            .ready_timeout(Duration::MAX)
            .ready_cap(Duration::MAX)
            .commit_timeout(Duration::MAX)
            .start(),
        _ => builder.start(),
    }
}

fn register_files(upgrader: &Upgrader, count: usize) {
    let file = fs::File::open("/dev/null").unwrap();
    for number in 0..count {
        upgrader.fds().add(&format!("file {number}"), &file).unwrap().keep();
    }
}

/// Asks for something that takes its time, and tells when it is done.
fn ask(
    done: &'static str,
    upgrader: &Upgrader,
    what: impl FnOnce(&Upgrader) -> Result<(), Error> + Send + 'static,
) {
    let upgrader = upgrader.clone();
    thread::spawn(move || match what(&upgrader) {
        Ok(()) => emit(done, ""),
        Err(error) => emit_failed(done, &error),
    });
}

fn start_second(address: &str) -> Option<Upgrader> {
    let mut builder = Upgrader::builder();
    if !address.is_empty() {
        builder = builder.handoff_socket(address);
    }
    match builder.start() {
        Ok(second) => {
            second.ready().unwrap();
            emit("second", &second.generation().to_string());
            Some(second)
        }
        Err(error) => {
            emit_failed("second", &error);
            None
        }
    }
}

fn watch(upgrader: &Upgrader) {
    const A_LITTLE: Duration = Duration::from_millis(300);
    let before = driver_ticks();
    let fired = upgrader.exit().wait_timeout(A_LITTLE);
    emit("watched", &format!("{fired} {}", driver_ticks() - before));
}

/// The processor time of this process's driver, in clock ticks (commonly 100 a second). See
/// `proc_pid_stat(5)`: `utime` and `stime` are fields 14 and 15.
fn driver_ticks() -> u64 {
    let tasks = fs::read_dir("/proc/self/task").unwrap().map(|task| task.unwrap().path());
    let is_driver = |comm: &str| comm.trim_end() == "heirloom";
    let driver = tasks
        .filter(|task| fs::read_to_string(task.join("comm")).is_ok_and(|comm| is_driver(&comm)));
    let stats = driver.map(|task| fs::read_to_string(task.join("stat")).unwrap());
    let ticks = stats.map(|stat| {
        let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    });
    ticks.sum()
}

/// Puts an empty file in the token's place: it can be locked, and says nothing of any attempt.
fn lose_token() {
    let empty = tempfile::tempfile().unwrap();
    let entries = fs::read_dir("/proc/self/fd").unwrap().map(|entry| entry.unwrap().path());
    let is_token = |target: std::path::PathBuf| target.to_string_lossy().contains("heirloom-token");
    for entry in entries.filter(|entry| fs::read_link(entry).is_ok_and(is_token)) {
        let number = entry.file_name().unwrap().to_str().unwrap().parse().unwrap();
        // SAFETY: the call takes integers. The driver's descriptor stays open under its number.
        assert_eq!(unsafe { libc::dup2(empty.as_raw_fd(), number) }, number);
    }
    emit("lost", "");
}
