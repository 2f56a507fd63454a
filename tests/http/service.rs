//! The service of the example `http`, in the role that `demo` gives it: on a leash, so that no process
//! outlives its test.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::event::Event;
use crate::{PACE, UPGRADES};

/// Far beyond what anything takes.
const DEADLINE: Duration = Duration::from_secs(20);

/// How long the example may take to be built.
const BUILD: Duration = Duration::from_secs(600);

/// All its generations: when this is dropped the leash is, and each of them ends.
pub(crate) struct Service {
    leash: Option<ChildStdin>,
    first: Child,
    events: Events,
    owner: u32,
    generation: u64,
    address: SocketAddr,
    _folder: TempDir,
}

impl Service {
    /// The first generation.
    pub(crate) fn start() -> Self {
        let folder = TempDir::with_prefix("heirloom-http-").unwrap();
        let pid_file = folder.path().join("pid");
        let handoff = format!("@{}", folder.path().file_name().unwrap().display());
        let arguments = ["--events", "--listen", "127.0.0.1:0", "--handoff-socket", &handoff];
        // Cargo becomes the program that it runs.
        let mut first = Command::new(env!("CARGO"))
            .args(["run", "--quiet", "--all-features", "--example", "demo", "--"])
            .args(["--service", "sound"])
            .args(arguments)
            .args(["--pid-file", pid_file.to_str().unwrap()])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut events = Events::of(first.stdout.take().unwrap());
        let ready = events.expect("ready", None, BUILD);
        let (leash, owner) = (first.stdin.take(), ready.pid);
        let (generation, address) =
            (ready.get("generation").unwrap(), ready.get("address").unwrap());
        Self { leash, first, events, owner, generation, address, _folder: folder }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Upgrades, and waits until the predecessor has drained.
    pub(crate) fn upgrade(&mut self) {
        let predecessor = self.owner;
        self.begin_upgrade();
        let gone = self.events.expect("gone", Some(predecessor), DEADLINE);
        assert_eq!(gone.get::<u64>("closed").unwrap(), 0, "connections were given up");
    }

    /// Upgrades, and waits until the predecessor drains. Tells how many connections it has.
    pub(crate) fn begin_upgrade(&mut self) -> usize {
        self.signal(Signal::SIGHUP);
        let ready = self.events.expect("ready", None, DEADLINE);
        assert_eq!(ready.get::<u64>("generation").unwrap(), self.generation + 1);
        let predecessor = std::mem::replace(&mut self.owner, ready.pid);
        self.generation += 1;
        let draining = self.events.expect("draining", Some(predecessor), DEADLINE);
        draining.get("connections").unwrap()
    }

    /// All upgrades, at their pace.
    pub(crate) fn upgrade_often(&mut self) {
        let begun = Instant::now();
        for number in 1..=UPGRADES {
            self.upgrade();
            self.events.wait_until(begun + PACE * number.try_into().unwrap());
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.owner.try_into().unwrap()), signal).unwrap();
    }

    /// Waits for an event of the owner.
    pub(crate) fn expect(&mut self, name: &str) -> Event {
        self.events.expect(name, Some(self.owner), DEADLINE)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.leash = None;
        let _ = self.first.wait();
        // The pipe ends when the last generation has.
        while self.events.receiver.recv_timeout(DEADLINE).is_ok() {}
    }
}

/// What the generations tell, in whatever order.
struct Events {
    receiver: Receiver<Event>,
    /// Told, and not asked for yet.
    waiting: Vec<Event>,
}

impl Events {
    fn of(output: ChildStdout) -> Self {
        let (sender, receiver) = channel();
        thread::spawn(move || {
            let lines = BufReader::new(output).lines().map_while(Result::ok);
            for event in lines.filter_map(|line| Event::parse(&line)) {
                let _ = sender.send(event);
            }
        });
        Self { receiver, waiting: Vec::new() }
    }

    /// Waits for an event.
    fn expect(&mut self, name: &str, pid: Option<u32>, timeout: Duration) -> Event {
        let is = |event: &Event| event.name == name && pid.is_none_or(|pid| pid == event.pid);
        let deadline = Instant::now() + timeout;
        loop {
            if let Some(index) = self.waiting.iter().position(is) {
                return self.waiting.remove(index);
            }
            assert!(self.hear(deadline), "no event `{name}` of {pid:?} among {:?}", self.waiting);
        }
    }

    /// Hears what there is until then.
    fn wait_until(&mut self, then: Instant) {
        while self.hear(then) {}
    }

    /// Waits for one more event, which is not to be a failure.
    fn hear(&mut self, deadline: Instant) -> bool {
        let left = deadline.saturating_duration_since(Instant::now());
        let event = match self.receiver.recv_timeout(left) {
            Ok(event) => event,
            Err(RecvTimeoutError::Timeout) => return false,
            Err(RecvTimeoutError::Disconnected) => panic!("all generations are gone"),
        };
        assert_ne!(event.name, "failed", "{}", event.error());
        self.waiting.push(event);
        true
    }
}
