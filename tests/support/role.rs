//! The role's side: its settings, its orders, and the events it tells.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use heirloom::{Builder, Error, Strays, Takeover, Upgrader};
use nix::sys::signal::{Signal, raise};

use super::{serve, steps, sys};

/// A process in its role.
pub(crate) struct Role {
    settings: BTreeMap<String, String>,
    /// Orders of the test, and what the role's own threads have to say to it.
    pub(crate) inbox: Receiver<String>,
    pub(crate) outbox: Sender<String>,
}

/// What a process does in its role.
pub(crate) type Run = fn(&Role);

/// Does what the role in the environment does: one of `others`, or [`serve`](super::serve). Nothing
/// without a role: then this is a test like any other.
pub(crate) fn run_role(others: &[(&str, Run)]) {
    let Ok(name) = env::var("HEIRLOOM_TEST_ROLE") else {
        return;
    };
    let role = Role::begin();
    let other = others.iter().find(|(other, _)| *other == name);
    match other {
        Some((_, run)) => run(&role),
        None => serve::run(&role),
    }
}

static GENERATION: AtomicU64 = AtomicU64::new(0);

/// Tells an event.
pub(crate) fn emit(name: &str, details: &str) {
    let (pid, generation) = (std::process::id(), GENERATION.load(Ordering::Relaxed));
    let details = details.replace('\n', " ");
    let line = format!("event: {pid} {name} {generation} {details}\n");
    let mut output = io::stdout().lock();
    // A test that has gone listens no more.
    let _ = output.write_all(line.as_bytes());
    let _ = output.flush();
}

/// Tells what could not be done, by its kind and text.
pub(crate) fn emit_failed(what: &str, error: &Error) {
    let phase = error.phase();
    emit("failed", &format!("{what} {:?} {phase:?} {error}", error.kind()));
}

impl Role {
    fn begin() -> Self {
        emit("inherits", &descriptors().join(" "));
        let mut settings: BTreeMap<_, _> = env::vars()
            .filter_map(|(key, value)| Some((key.strip_prefix("HEIRLOOM_TEST_")?.into(), value)))
            .collect();
        settings.extend(planned(Path::new(&settings["FOLDER"])));
        let (outbox, inbox) = channel();
        let role = Self { settings, inbox, outbox };
        tracing::subscriber::set_global_default(steps::Steps).unwrap();
        role.all("HOLD").for_each(steps::hold);
        if role.is("RECORD", "yes") {
            steps::record();
        }
        if role.is("TRACE", "yes") {
            steps::trace();
        }
        let socket = UnixDatagram::bind(role.path(&format!("orders.{}", std::process::id())));
        let (socket, outbox) = (socket.unwrap(), role.outbox.clone());
        thread::spawn(move || take_orders(&socket, &outbox));
        thread::spawn(end_with_test);
        emit("begun", "");
        role
    }

    /// A setting, if it is set to something.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.settings.get(key).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Whether a setting has this value.
    pub(crate) fn is(&self, key: &str, value: &str) -> bool {
        self.get(key) == Some(value)
    }

    /// The values of a setting that is a list, with commas.
    pub(crate) fn all(&self, key: &str) -> impl Iterator<Item = &str> {
        let values = self.get(key).unwrap_or_default().split(',');
        values.filter(|value| !value.is_empty())
    }

    /// A setting that is a number.
    pub(crate) fn number<T: std::str::FromStr>(&self, key: &str) -> Option<T> {
        self.get(key).and_then(|value| value.parse().ok())
    }

    /// A path in the family's folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        Path::new(&self.settings["FOLDER"]).join(name)
    }

    /// The library's settings, from this role's.
    pub(crate) fn builder(&self) -> Builder {
        let mut builder = Upgrader::builder();
        if let Some(address) = self.get("HANDOFF") {
            builder = builder.handoff_socket(address);
        }
        if let Some(path) = self.get("PID_FILE") {
            builder = builder.pid_file(path);
        }
        if let Some(label) = self.get("SERVICE") {
            builder = builder.service(label);
        }
        if let Some(label) = self.get("BUILD") {
            builder = builder.build_label(label);
        }
        if let Some(program) = self.get("PROGRAM") {
            builder = builder.program(program);
        }
        if let Some(user) = self.number("TRUST") {
            builder = builder.trust_user(user);
        }
        let time = |key| self.number(key).map(Duration::from_millis);
        if let Some(timeout) = time("READY_MS") {
            builder = builder.ready_timeout(timeout);
        }
        if let Some(cap) = time("READY_CAP_MS") {
            builder = builder.ready_cap(cap);
        }
        if let Some(timeout) = time("COMMIT_MS") {
            builder = builder.commit_timeout(timeout);
        }
        if let Some(cap) = self.number("DRAINING_CAP") {
            builder = builder.draining_cap(cap);
        }
        #[cfg(feature = "systemd")]
        if self.is("SYSTEMD", "yes") {
            builder = builder.systemd(heirloom::Systemd::new());
        }
        builder
            .fence(!self.is("FENCE", "no"))
            .strays(match self.get("STRAYS") {
                Some("keep") => Strays::Keep,
                Some("fail") => Strays::Fail,
                _ => Strays::Close,
            })
            .takeover(match self.get("TAKEOVER") {
                Some("require") => Takeover::Require,
                Some("never") => Takeover::Never,
                _ => Takeover::IfPresent,
            })
    }

    /// Meets the predecessor. Tells `started <predecessor's pid or 0> <handoff socket>`, or
    /// `failed start <kind> ..`.
    pub(crate) fn start(&self) -> Option<Upgrader> {
        match self.builder().start() {
            Ok(upgrader) => {
                GENERATION.store(upgrader.generation(), Ordering::Relaxed);
                let predecessor = upgrader.predecessor().map_or(0, |info| info.pid);
                emit("started", &format!("{predecessor} {}", upgrader.handoff_socket()));
                Some(upgrader)
            }
            Err(error) => {
                emit_failed("start", &error);
                None
            }
        }
    }

    /// The next order, or what the role's own threads have put in.
    pub(crate) fn next_order(&self) -> String {
        self.inbox.recv().unwrap()
    }
}

/// The descriptors that are open, by number; none where `/proc` is hidden.
fn descriptors() -> Vec<String> {
    let Ok(entries) = fs::read_dir("/proc/self/fd") else {
        return Vec::new();
    };
    let names = entries.map(|entry| entry.unwrap().file_name());
    let mut numbers: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
    // The listing itself takes one while it lasts.
    numbers.retain(|number| fs::symlink_metadata(format!("/proc/self/fd/{number}")).is_ok());
    numbers
}

/// What was planned for the process that begins next: this one, unless another was quicker.
fn planned(folder: &Path) -> Vec<(String, String)> {
    let taken = folder.join(format!("plan.{}", std::process::id()));
    if fs::rename(folder.join("plan"), &taken).is_err() {
        return Vec::new();
    }
    let text = fs::read_to_string(taken).unwrap();
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    pairs.map(|(key, value)| (key.into(), value.into())).collect()
}

/// Takes what must be done at once, even while the role's main thread waits for the library, and
/// puts every other order into the inbox.
fn take_orders(socket: &UnixDatagram, outbox: &Sender<String>) {
    let mut buffer = [0; 4_096];
    while let Ok(length) = socket.recv(&mut buffer) {
        let order = String::from_utf8_lossy(&buffer[..length]);
        match order.split_once(' ').unwrap_or((&order, "")) {
            ("resume", _) => steps::resume(),
            ("hold", point) => {
                steps::hold(point);
                emit("holding", point);
            }
            ("leak", _) => emit("leaked", &sys::fork_idle_child().to_string()),
            _ => {
                let _ = outbox.send(order.into_owned());
            }
        }
    }
}

/// Nobody writes to the standard input of a role: its end is the end of the test.
fn end_with_test() {
    let _ = io::stdin().read(&mut [0]);
    let _ = raise(Signal::SIGKILL);
}
