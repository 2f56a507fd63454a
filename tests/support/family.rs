//! The test's side: the processes of one service, what they tell, and what they are told.

mod environment;
mod hear;

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use tempfile::TempDir;

use super::{DEADLINE, process, sys, wait_until};

/// How a successor comes to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Its predecessor spawns it.
    Spawned,
    /// Somebody else does: here, the test.
    External,
}

/// One line that a role has told.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) pid: u32,
    pub(crate) name: String,
    /// 0 until the role knows it.
    pub(crate) generation: u64,
    pub(crate) details: String,
}

/// What a test binary is started with to be in its role.
pub(crate) const ROLE: [&str; 4] = ["role_main", "--exact", "--nocapture", "--quiet"];

/// The processes of one service, and everything they have told. Dropping it kills them all and
/// whatever they have spawned.
pub(crate) struct Family {
    folder: TempDir,
    settings: BTreeMap<String, String>,
    environment: BTreeMap<String, String>,
    program: PathBuf,
    sender: Sender<Event>,
    receiver: Receiver<Event>,
    /// Told and not yet asked for.
    events: Vec<Event>,
    /// Asked for.
    taken: Vec<Event>,
    errors: Arc<Mutex<Vec<u8>>>,
    started: Vec<Started>,
}

/// A process that the test has started: it leads a process group, which its successors are in.
struct Started {
    pid: u32,
    /// Never written to: a role whose standard input ends has lost its test, and ends too.
    input: Option<ChildStdin>,
    readers: Vec<JoinHandle<()>>,
}

impl Family {
    /// Nobody yet. The service has a handoff socket (abstract), a PID file, and listens on a free
    /// TCP port under the name `service`.
    pub(crate) fn new() -> Self {
        sys::adopt_orphans();
        let folder = TempDir::with_prefix("heirloom-").unwrap();
        let (sender, receiver) = channel();
        let mut family = Self {
            folder,
            settings: BTreeMap::new(),
            environment: BTreeMap::new(),
            program: std::env::current_exe().unwrap(),
            sender,
            receiver,
            events: Vec::new(),
            taken: Vec::new(),
            errors: Arc::default(),
            started: Vec::new(),
        };
        let name = family.folder.path().file_name().unwrap().to_str().unwrap();
        let handoff = format!("@{name}");
        let (root, pid_file) = (family.path(""), family.path("pid"));
        family
            .set("ROLE", "serve")
            .set("FOLDER", root.to_str().unwrap())
            .set("HANDOFF", &handoff)
            .set("PID_FILE", pid_file.to_str().unwrap())
            .set("LISTEN", "127.0.0.1:0");
        family
    }

    /// Changes a setting (see [`serve`](super::serve)) for the processes started from now on.
    pub(crate) fn set(&mut self, key: &str, value: &str) -> &mut Self {
        self.settings.insert(key.into(), value.into());
        self
    }

    /// Takes a setting away from the processes started from now on.
    pub(crate) fn unset(&mut self, key: &str) -> &mut Self {
        self.settings.remove(key);
        self
    }

    /// A setting as it is now.
    pub(crate) fn setting(&self, key: &str) -> &str {
        &self.settings[key]
    }

    /// The binary that is started from now on, instead of this one.
    pub(crate) fn set_program(&mut self, program: &Path) {
        self.program = program.into();
    }

    /// A path in the family's own folder, which every setting may name.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Changes a setting for the next process that begins, whoever starts it, and for no other.
    pub(crate) fn set_next(&mut self, key: &str, value: &str) -> &mut Self {
        let (plan, draft) = (self.path("plan"), self.path("plan.draft"));
        let already = fs::read_to_string(&plan).unwrap_or_default();
        fs::write(&draft, format!("{already}{key}={value}\n")).unwrap();
        fs::rename(draft, plan).unwrap();
        self
    }

    /// Has the next process that begins stop its driver at a step of the library: it tells
    /// `held <point>` and goes on when it is told `resume`.
    pub(crate) fn hold_next(&mut self, point: &str) -> &mut Self {
        self.set_next("HOLD", point)
    }

    /// As [`hold_next`](Self::hold_next), for a process that runs.
    pub(crate) fn hold(&mut self, pid: u32, point: &str) {
        self.tell(pid, &format!("hold {point}"));
        self.expect(pid, "holding");
    }

    /// What tells a process its role, whoever starts it with [`ROLE`].
    pub(crate) fn role(&self) -> impl Iterator<Item = (String, &str)> {
        let settings = self.settings.iter();
        settings.map(|(key, value)| (format!("HEIRLOOM_TEST_{key}"), value.as_str()))
    }

    /// Starts a process and waits until it has begun.
    pub(crate) fn start(&mut self) -> u32 {
        let (output, writer) = io::pipe().unwrap();
        let (errors, error_writer) = io::pipe().unwrap();
        let mut command = Command::new(&self.program);
        command
            .args(ROLE)
            .env_remove("HEIRLOOM_SOCKET")
            .env_remove("HEIRLOOM_SECRET")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(writer)
            .stderr(error_writer);
        command.envs(self.role()).envs(&self.environment);
        #[expect(clippy::zombie_processes, reason = "reaped with its group when it is dropped")]
        let mut child = command.spawn().unwrap();
        drop(command); // and its ends of the pipes
        let (sender, kept) = (self.sender.clone(), Arc::clone(&self.errors));
        let readers = vec![
            thread::spawn(move || read_events(output, &sender)),
            thread::spawn(move || keep(errors, &kept)),
        ];
        self.started.push(Started { pid: child.id(), input: child.stdin.take(), readers });
        self.expect(child.id(), "begun");
        child.id()
    }

    /// Starts the service, waits until it is ready, and tells its process and address.
    pub(crate) fn start_service(&mut self) -> (u32, String) {
        let pid = self.start();
        let address = self.expect(pid, "bound").details;
        self.expect(pid, "ready");
        (pid, address)
    }

    /// Lets a successor begin; tells which process it is.
    pub(crate) fn succeed(&mut self, predecessor: u32, way: Way) -> u32 {
        match way {
            Way::External => self.start(),
            Way::Spawned => {
                self.tell(predecessor, "upgrade");
                self.expect_new()
            }
        }
    }

    /// The next process that begins without the test having started it.
    pub(crate) fn expect_new(&mut self) -> u32 {
        self.expect_where("a new process", |event| event.name == "begun").pid
    }

    /// Gives an order to a role.
    pub(crate) fn tell(&self, pid: u32, order: &str) {
        let socket = UnixDatagram::unbound().unwrap();
        let path = self.path(&format!("orders.{pid}"));
        if let Err(error) = socket.send_to(order.as_bytes(), path) {
            self.fail(&format!("process {pid} cannot be told `{order}`: {error}"));
        }
    }

    /// Waits for an event and takes it; those before it stay.
    pub(crate) fn expect(&mut self, pid: u32, name: &str) -> Event {
        self.expect_where(&format!("`{name}` of process {pid}"), |event| {
            event.pid == pid && event.name == name
        })
    }

    /// Waits for an event whose details begin as told.
    pub(crate) fn expect_like(&mut self, pid: u32, name: &str, details: &str) -> Event {
        self.expect_where(&format!("`{name} {details}` of process {pid}"), |event| {
            event.pid == pid && event.name == name && event.details.starts_with(details)
        })
    }

    /// Waits until the library has logged something with this among its fields.
    pub(crate) fn expect_field(&mut self, pid: u32, field: &str) -> Event {
        self.expect_where(&format!("a field `{field}` of process {pid}"), |event| {
            event.pid == pid && event.name == "fields" && event.details.contains(field)
        })
    }

    /// Waits for an event and takes it; those before it stay.
    pub(crate) fn expect_where(&mut self, what: &str, is: impl Fn(&Event) -> bool) -> Event {
        let deadline = Instant::now() + DEADLINE;
        let mut seen = 0;
        loop {
            let index = self.events.iter().skip(seen).position(&is);
            if let Some(index) = index {
                let event = self.events.remove(seen + index);
                self.taken.push(event.clone());
                return event;
            }
            seen = self.events.len();
            let left = deadline.saturating_duration_since(Instant::now());
            match self.receiver.recv_timeout(left) {
                Ok(event) => self.events.push(event),
                Err(_) => self.fail(&format!("{what} has not come")),
            }
        }
    }

    /// Whether an event has come by now.
    pub(crate) fn has_come(&mut self, pid: u32, name: &str) -> bool {
        self.events.extend(self.receiver.try_iter());
        let mut events = self.events.iter();
        events.any(|event| event.pid == pid && event.name == name)
    }

    /// Whether the library has logged something by now, asked for or not.
    pub(crate) fn has_logged(&mut self, pid: u32, text: &str) -> bool {
        self.events.extend(self.receiver.try_iter());
        let mut events = self.events.iter().chain(&self.taken);
        events
            .any(|event| event.pid == pid && event.name == "log" && event.details.starts_with(text))
    }

    /// Sends a signal to a process.
    pub(crate) fn signal(&self, pid: u32, signal: Signal) {
        if let Err(errno) = kill(raw(pid), signal) {
            self.fail(&format!("process {pid} cannot be sent {signal}: {errno}"));
        }
    }

    /// Kills a process, with what it was doing, and waits until it has ended.
    pub(crate) fn kill(&self, pid: u32) {
        self.signal(pid, Signal::SIGKILL);
        self.expect_end(pid);
    }

    /// Freezes a process, which may be held, and waits until every thread of it stands still.
    pub(crate) fn freeze(&self, pid: u32) {
        self.signal(pid, Signal::SIGSTOP);
        // The kernel tells only a parent.
        wait_until(|| sys::is_frozen(pid), || format!("process {pid} runs on"));
    }

    /// Lets a frozen process go on, from where it was held if it was.
    pub(crate) fn thaw(&self, pid: u32) {
        self.tell(pid, "resume");
        self.signal(pid, Signal::SIGCONT);
    }

    /// Waits until a process has ended.
    pub(crate) fn expect_end(&self, pid: u32) {
        if !sys::wait_for_end(pid) {
            self.fail(&format!("process {pid} has not ended"));
        }
    }

    /// Waits until no process of the family is left but those named.
    pub(crate) fn expect_only(&self, pids: &[u32]) {
        for pid in self.members().filter(|pid| !pids.contains(pid)) {
            self.expect_end(pid);
        }
        for pid in pids {
            assert!(Path::new(&format!("/proc/{pid}")).exists(), "process {pid} has ended");
        }
    }

    /// What the PID file says.
    pub(crate) fn pid_file(&self) -> Option<u32> {
        let text = fs::read_to_string(self.setting("PID_FILE")).ok()?;
        Some(text.trim().parse().unwrap())
    }

    /// Takes every event of a name that has come by now.
    pub(crate) fn take_all(&mut self, pid: u32, name: &str) -> Vec<Event> {
        self.events.extend(self.receiver.try_iter());
        let is = |event: &mut Event| event.pid == pid && event.name == name;
        self.events.extract_if(.., is).collect()
    }

    /// The processes of the family that have taken a lock of the kind a token has, and hold it.
    pub(crate) fn lock_holders(&self) -> Vec<u32> {
        self.members().filter(|pid| process::holds_lock(*pid)).collect()
    }

    fn members(&self) -> impl Iterator<Item = u32> {
        self.started.iter().flat_map(|started| sys::members(started.pid))
    }

    /// Everything that was told so far, for people.
    pub(crate) fn report(&self) -> String {
        let list = |events: &[Event]| events.iter().map(Event::to_string).collect::<String>();
        let (taken, events) = (list(&self.taken), list(&self.events));
        let errors = self.errors.lock().unwrap();
        let errors = String::from_utf8_lossy(&errors);
        format!("events asked for:\n{taken}others:\n{events}standard error:\n{errors}")
    }

    fn fail(&self, what: &str) -> ! {
        panic!("{what}");
    }
}

impl Drop for Family {
    fn drop(&mut self) {
        if thread::panicking() {
            self.events.extend(self.receiver.try_iter());
            eprintln!("{}", self.report());
        }
        for started in &mut self.started {
            // Nobody but this test reaps the leader, so the group is still its own.
            let _ = killpg(raw(started.pid), Signal::SIGKILL);
            sys::reap(started.pid);
            started.input = None;
        }
        for reader in self.started.drain(..).flat_map(|started| started.readers) {
            let _ = reader.join();
        }
    }
}

fn raw(pid: u32) -> Pid {
    Pid::from_raw(pid.cast_signed())
}

fn read_events(output: impl Read, sender: &Sender<Event>) {
    let lines = BufReader::new(output).lines().map_while(Result::ok);
    for event in lines.filter_map(|line| Event::parse(&line)) {
        let _ = sender.send(event);
    }
}

fn keep(mut errors: impl Read, kept: &Mutex<Vec<u8>>) {
    let mut buffer = [0; 4_096];
    while let Ok(length @ 1..) = errors.read(&mut buffer) {
        kept.lock().unwrap().extend_from_slice(&buffer[..length]);
    }
}

impl Event {
    fn parse(line: &str) -> Option<Self> {
        let (_, rest) = line.split_once("event: ")?;
        let mut words = rest.splitn(4, ' ');
        Some(Self {
            pid: words.next()?.parse().ok()?,
            name: words.next()?.into(),
            generation: words.next()?.parse().ok()?,
            details: words.next().unwrap_or_default().into(),
        })
    }

    /// The words of the details.
    pub(crate) fn word(&self, index: usize) -> &str {
        self.details.split(' ').nth(index).unwrap_or_default()
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pid, name, generation, details } = self;
        writeln!(f, "  {pid} {name} {generation} {details}")
    }
}
