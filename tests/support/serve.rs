//! The role that most tests need: a service that answers on TCP.
//!
//! | setting | |
//! |---|---|
//! | `HANDOFF`, `PID_FILE`, `SERVICE`, `BUILD`, `READY_MS`, `READY_CAP_MS`, `COMMIT_MS`, `DRAINING_CAP` | the library's |
//! | `FENCE` | `no` |
//! | `STRAYS` | `keep`, `fail` |
//! | `TAKEOVER` | `require`, `never` |
//! | `HOLD` | steps of the library at which to be held, with commas |
//! | `RECORD` | `yes`: tells every step of the library |
//! | `TRACE` | `yes`: tells everything that is logged, at every level, whoever logs it |
//! | `LISTEN` | the address of the TCP listener `service` |
//! | `UNIX` | the address of a Unix listener |
//! | `BEGIN` | `kill`, `exit`, `fail`, `hang` before anything else |
//! | `PREPARE` | the same after everything was inherited; `manual`: ready only when told |
//! | `SERVE` | `no`: never accepts |
//! | `CARELESS` | `yes`: holds a descriptor that is not close-on-exec |
//! | `PROGRESS` | a text told before it is ready |
//! | `PROGRAM` | what a successor is, instead of this binary |
//! | `TRUST` | a user id to trust too |
//! | `USER` | the user id to become first |
//! | `NOFILE` | `soft:hard`: the limit of open descriptors to set first |
//! | `MOUNT` | `full`, `readonly` lie over the folder `run` then, `proc` over that of the kernel: needs a mount namespace of its own |
//! | `MANY` | how many sockets to bind or inherit |
//! | `DRAIN` | `manual`: drained only when told |
//! | `SYSTEMD` | `yes`: what `NOTIFY_SOCKET` and `LISTEN_FDS` ask for is done |
//! | `SIGNAL` | `SIGHUP`: upgrade on it |
//!
//! | event | |
//! |---|---|
//! | `inherits <numbers>` | the descriptors that it has been born with |
//! | `begun`, `started <pid> <socket>` | before and after the predecessor was met |
//! | `bound <address>` | of `service` |
//! | `many <count> <digest>` | every socket is bound; of their cookies |
//! | `prepared` | everything is bound |
//! | `ready`, `upgraded <pid> <generation>`, `exit`, `drained`, `gone` | as it says |
//! | `failed <what> <kind> <phase> <text>` | instead of `started`, `ready`, `upgraded`, `awaited` |
//! | `awaited` | the answer to the order `await <ms>` |
//! | `step <point>`, `held <point>`, `log <message>`, `fields <fields>`, `traced <level> <target> <fields>`, `holding`, `leaked <pid>` | see [`steps`](super::steps) |
//!
//! Orders: `status`, answered by `status <generation>|<phase>|<entries>|<last failure>`; `ready`, `upgrade`, `stop`, `drain`, `end`, `progress <text>`, `await <ms>`; `nofile
//! <soft:hard>`, `fill <spare>` (takes every descriptor slot but so many), `free`, `unmount <what>`,
//! `tighten <MiB>` (let this process and its children have so much more address space), each answered by
//! an event `limited`; and at any time `hold <point>`, `resume`, `leak` (fork a child that keeps every
//! descriptor).

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::net::UnixListener;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use heirloom::{Error, ErrorKind, Exit, Signal as Trigger, Status, Upgrader};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, raise};

use super::limits::{self, Limits};
use super::role::{Role, emit, emit_failed};

pub(crate) fn run(role: &Role) {
    if misbehaves(role, "BEGIN") {
        return;
    }
    limits::begin(role);
    let Some(upgrader) = role.start() else {
        return;
    };
    if misbehaves(role, "PREPARE") {
        return;
    }
    match Service::begin(role, &upgrader) {
        Ok(service) => {
            service.follow_orders();
            drop(upgrader);
            emit("gone", "");
        }
        Err(error) => emit_failed("serve", &error),
    }
}

/// Ends as a setting wants it. Tells whether the role is over.
fn misbehaves(role: &Role, setting: &str) -> bool {
    match role.get(setting) {
        Some("kill") => raise(Signal::SIGKILL).is_ok(),
        Some("fail") => panic!("as it was told"),
        Some("exit") => true,
        Some("hang") => loop {
            role.next_order();
        },
        _ => false,
    }
}

struct Service<'a> {
    role: &'a Role,
    upgrader: &'a Upgrader,
    listener: Option<TcpListener>,
    server: Option<JoinHandle<()>>,
    /// Threads that ask the upgrader for something, with a handle of their own.
    asking: Vec<JoinHandle<()>>,
    limits: Limits,
    _careless: Option<File>,
}

impl<'a> Service<'a> {
    fn begin(role: &'a Role, upgrader: &'a Upgrader) -> Result<Self, Error> {
        let fds = upgrader.fds();
        let bind = |address| fds.clone().nonblocking().bind_as::<TcpListener>("service", address);
        let listener = role.get("LISTEN").map(bind).transpose()?;
        if let Some(listener) = &listener {
            emit("bound", &listener.local_addr().unwrap().to_string());
        }
        role.number("MANY").map(|count| limits::bind_many(&fds, count)).transpose()?;
        let unix = role.get("UNIX").map(|address| fds.bind::<UnixListener>(address));
        drop(unix.transpose()?); // what is registered stays
        if role.is("SIGNAL", "SIGHUP") {
            upgrader.upgrade_on(Trigger::SIGHUP)?;
        }
        watch_exit(role, upgrader.exit());
        emit("prepared", "");
        if let Some(text) = role.get("PROGRESS") {
            upgrader.progress(text);
        }
        let asking = match role.is("PREPARE", "manual") {
            true => Vec::new(),
            false => vec![ready(role, upgrader)],
        };
        let _careless = role.is("CARELESS", "yes").then(open_carelessly);
        let limits = Limits::default();
        Ok(Self { role, upgrader, listener, server: None, asking, limits, _careless })
    }

    fn follow_orders(mut self) {
        while self.follow(&self.role.next_order()) {}
        let threads = self.server.into_iter().chain(self.asking);
        threads.for_each(|thread| thread.join().unwrap());
        emit("drained", "");
    }

    /// Does what an order says. Tells whether there is more to do.
    fn follow(&mut self, order: &str) -> bool {
        let (role, upgrader) = (self.role, self.upgrader);
        match order.split_once(' ').unwrap_or((order, "")) {
            ("ready", _) => self.asking.push(ready(role, upgrader)),
            ("owned", _) => self.open(),
            ("upgrade", _) => self.asking.push(upgrade(upgrader)),
            ("stop", _) => upgrader.stop(),
            ("status", _) => emit("status", &told(&upgrader.status())),
            ("progress", text) => upgrader.progress(text),
            ("await", ms) => await_predecessor(upgrader, ms.parse().unwrap()),
            ("exit-fired", _) => {
                emit("exit", "");
                return role.is("DRAIN", "manual");
            }
            ("drain" | "end", _) => return false,
            _ => assert!(self.limits.follow(role, order), "unknown order `{order}`"),
        }
        true
    }

    /// Serves from now on.
    fn open(&mut self) {
        let (exit, generation) = (self.upgrader.exit(), self.upgrader.generation());
        let served = self.listener.as_ref().filter(|_| !self.role.is("SERVE", "no"));
        let listener = served.map(|listener| listener.try_clone().unwrap());
        self.server = listener
            .map(|listener| thread::spawn(move || answer_until(&listener, &exit, generation)));
        emit("ready", "");
    }
}

/// `<generation>|<phase>|<entries>|<last failure>`, or the error.
fn told(status: &Result<Status, Error>) -> String {
    let Ok(status) = status else {
        return format!("{status:?}");
    };
    let failure = status.last_failure.as_ref();
    let failure =
        failure.map_or("none".into(), |failed| format!("{}: {}", failed.phase, failed.reason));
    let (phase, generation) = (status.phase, status.generation);
    format!("{generation}|{phase}|{}|{failure}", status.entry_count)
}

/// Holds a descriptor that is not close-on-exec.
fn open_carelessly() -> File {
    let file = File::open("/dev/null").unwrap();
    fcntl(&file, FcntlArg::F_SETFD(FdFlag::empty())).unwrap();
    file
}

pub(crate) fn watch_exit(role: &Role, exit: Exit) {
    let outbox = role.outbox.clone();
    thread::spawn(move || {
        exit.wait();
        let _ = outbox.send("exit-fired".into());
    });
}

/// Becomes ready, beside taking orders. Whoever cannot own the service ends.
pub(crate) fn ready(role: &Role, upgrader: &Upgrader) -> JoinHandle<()> {
    let (outbox, upgrader) = (role.outbox.clone(), upgrader.clone());
    thread::spawn(move || match upgrader.ready() {
        Ok(()) => {
            let _ = outbox.send("owned".into());
        }
        Err(error) => {
            emit_failed("ready", &error);
            if !matches!(error.kind(), ErrorKind::PidFile | ErrorKind::Strays) {
                let _ = outbox.send("end".into());
            }
        }
    })
}

pub(crate) fn upgrade(upgrader: &Upgrader) -> JoinHandle<()> {
    let upgrader = upgrader.clone();
    thread::spawn(move || match upgrader.upgrade() {
        Ok(upgraded) => emit("upgraded", &format!("{} {}", upgraded.pid, upgraded.generation)),
        Err(error) => emit_failed("upgrade", &error),
    })
}

fn await_predecessor(upgrader: &Upgrader, ms: u64) {
    let upgrader = upgrader.clone();
    thread::spawn(move || match upgrader.wait_for_predecessor(Duration::from_millis(ms)) {
        Ok(()) => emit("awaited", ""),
        Err(error) => emit_failed("await", &error),
    });
}

/// Answers every line of every connection until this process is to end; then what has begun.
pub(crate) fn answer_until(listener: &TcpListener, exit: &Exit, generation: u64) {
    let mut connections: Vec<JoinHandle<()>> = Vec::new();
    while !exit.is_fired() {
        let watch = |descriptor| PollFd::new(descriptor, PollFlags::POLLIN);
        let mut polled = [watch(listener.as_fd()), watch(exit.as_fd())];
        match poll(&mut polled, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => panic!("{errno}"),
        }
        while let Ok((client, _)) = listener.accept() {
            // There may be many, and little memory.
            let thread = thread::Builder::new().stack_size(128 * 1_024);
            connections.push(thread.spawn(move || answer(&client, generation)).unwrap());
        }
        connections.retain(|connection| !connection.is_finished());
    }
    for connection in connections {
        connection.join().unwrap();
    }
}

/// Answers every line with who answers: `<pid> <generation>`.
pub(crate) fn answer(mut client: &TcpStream, generation: u64) {
    let lines = BufReader::new(client).lines();
    for _ in lines.map_while(Result::ok) {
        let line = format!("{} {generation}\n", std::process::id());
        if client.write_all(line.as_bytes()).is_err() {
            return;
        }
    }
}
