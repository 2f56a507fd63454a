//! A thousand upgrades under load, every tenth of which must fail, and a look at what they leave behind.
//!
//! ```text
//! cargo run --release --example soak -- --upgrades 1000 --json
//! ```
//!
//! The service is the `http` example, and the clients are the demo's. The predecessor spawns every
//! other successor, the others are started by hand; those that must fail do so in five ways in turn.
//! With `--json` the last line is one object: what happened, and for all that could grow its first and
//! its last value. The exit code is 0 only if no request was refused, reset, cut or answered wrongly,
//! every upgrade ended as it must, the owner held after each failure what it held before, and nothing has
//! grown.

#[path = "../http/arguments.rs"]
mod arguments;
#[path = "../demo/clients.rs"]
mod clients;
#[path = "../demo/event.rs"]
#[allow(dead_code, reason = "the demo uses more of it")]
mod event;
mod levels;
mod options;
#[path = "../demo/process.rs"]
#[allow(dead_code, reason = "the demo uses more of it")]
mod process;
#[path = "../http/report.rs"]
mod report;
#[path = "../demo/response.rs"]
mod response;
#[path = "../demo/role.rs"]
mod role;
#[path = "../http/service.rs"]
mod service;
#[path = "../demo/statistics.rs"]
#[allow(dead_code, reason = "the demo uses more of it")]
mod statistics;
#[path = "../demo/step.rs"]
mod step;

use std::env;
use std::error::Error;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use clients::{CLIENTS, Clients};
use levels::Levels;
use options::Options;
use process::{Services, TIMEOUT};
use role::Fault;
use statistics::Statistics;

/// Every so many-th upgrade must fail.
const FAILS: usize = 10;

/// Between two looks at what nobody tells of.
const PAUSE: Duration = Duration::from_millis(20);

/// How long a successor may take to be ready, in seconds; the one that hangs takes longer.
const READY_TIMEOUT: &str = "1";

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1).peekable();
    if arguments.next_if(|first| first == role::SERVICE).is_some() {
        return role::play(arguments);
    }
    match Options::parse(arguments).map_err(Into::into).and_then(soak) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("soak: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The service under load.
struct Soak {
    services: Services,
    statistics: Arc<Statistics>,
    pid: u32,
    generation: u64,
    upgrades: usize,
    failed_on_purpose: usize,
}

/// True if all of it went as it must.
fn soak(options: Options) -> Result<bool, Box<dyn Error>> {
    let scratch = TempDir::with_prefix("heirloom-soak-")?;
    let (mut soak, address) = Soak::start(scratch.path())?;
    let clients = Clients::start(address, &soak.statistics)?;
    // Levels are those of a generation that was spawned: the others have what the shell has open too.
    soak.upgrade(true)?;
    drop(clients);
    let first = soak.levels(scratch.path())?;
    let clients = Clients::start(address, &soak.statistics)?;
    for number in 1..=options.upgrades {
        soak.follow(number, scratch.path())?;
        if number % 100 == 0 {
            eprintln!("{number} upgrades, {} of them failed on purpose", soak.failed_on_purpose);
        }
    }
    soak.upgrade(true)?;
    drop(clients);
    let last = soak.levels(scratch.path())?;
    soak.end()?;
    let failures = soak.statistics.failures();
    for failure in failures.iter().take(10) {
        eprintln!("client {} after {:?}: {}", failure.client, failure.at, failure.what);
    }
    let (told, is_level) = (soak.told(&first, &last), first.is_level_with(&last));
    println!("{}", if options.json { told.to_string() } else { format!("{told:#}") });
    Ok(failures.is_empty() && is_level)
}

impl Soak {
    /// Starts the first generation.
    fn start(scratch: &Path) -> Result<(Self, SocketAddr), Box<dyn Error>> {
        let name = scratch.file_name().unwrap_or_default();
        let handoff = format!("@{}", name.display());
        let arguments = ["--events", "--listen", "127.0.0.1:0", "--handoff-socket", &handoff];
        let arguments = arguments.into_iter().chain(["--ready-timeout", READY_TIMEOUT]);
        let arguments = arguments.map(str::to_owned).collect();
        let mut services = Services::new(arguments, scratch.join("owner.pid"))?;
        let pid = services.start(None)?;
        let ready = services.wait_for("ready", Some(pid), TIMEOUT)?;
        let soak = Self {
            services,
            statistics: Arc::new(Statistics::new()),
            pid,
            generation: ready.get("generation")?,
            upgrades: 0,
            failed_on_purpose: 0,
        };
        Ok((soak, ready.get("address")?))
    }

    /// The upgrade of this number, or one that must fail.
    fn follow(&mut self, number: usize, scratch: &Path) -> Result<(), Box<dyn Error>> {
        let spawned = number % 2 == 1;
        if number.is_multiple_of(FAILS) {
            let fails = number / FAILS;
            let fault = Fault::ALL.get(fails % Fault::ALL.len()).copied().unwrap_or(Fault::Crash);
            let before = self.descriptors()?;
            self.fail(fault, fails % 2 == 1, scratch)?;
            self.expect_descriptors(before)?;
            self.failed_on_purpose += 1;
        } else {
            self.upgrade(spawned)?;
            self.upgrades += 1;
        }
        Ok(())
    }

    /// Upgrades, and waits until the predecessor is gone and every client was answered anew.
    fn upgrade(&mut self, spawned: bool) -> Result<(), Box<dyn Error>> {
        match spawned {
            true => self.services.signal(self.pid, Signal::SIGHUP)?,
            false => self.services.start(None).map(drop)?,
        }
        let ready = self.services.wait_for("ready", None, TIMEOUT)?;
        let (pid, generation): (u32, u64) = (ready.pid, ready.get("generation")?);
        if generation != self.generation + 1 {
            return Err(format!("generation {generation} after {}", self.generation).into());
        }
        self.services.wait_for("gone", Some(self.pid), TIMEOUT)?;
        (self.pid, self.generation) = (pid, generation);
        self.check()
    }

    /// Lets a successor fail, and waits until nothing is left of it.
    fn fail(&mut self, fault: Fault, spawned: bool, scratch: &Path) -> Result<(), Box<dyn Error>> {
        if !spawned {
            let child = self.services.start(Some(fault))?;
            if fault == Fault::Hang {
                self.services.wait_for("given-up", Some(child), TIMEOUT)?;
                self.services.signal(child, Signal::SIGKILL)?;
            }
            fault.expect_end(self.services.wait_for_end(child, TIMEOUT)?)?;
            return self.check();
        }
        fault.plan(&scratch.join("owner.pid"))?;
        self.services.signal(self.pid, Signal::SIGHUP)?;
        let child = self.services.wait_for("doomed", None, TIMEOUT)?.pid;
        self.wait_until_reaped(child)?;
        self.check()
    }

    /// The PID file names the owner, and every client is answered by it.
    fn check(&self) -> Result<(), Box<dyn Error>> {
        let written = self.services.owner()?;
        if written != self.pid {
            return Err(format!("the PID file names {written}, the owner is {}", self.pid).into());
        }
        let now = Instant::now();
        match self.statistics.wait_for_all(CLIENTS, self.generation, now, TIMEOUT) {
            true => Ok(()),
            false => {
                Err(format!("generation {} does not answer everybody", self.generation).into())
            }
        }
    }

    /// Waits until nothing is left of a process, not even for its parent to wait for.
    fn wait_until_reaped(&mut self, pid: u32) -> Result<(), Box<dyn Error>> {
        let deadline = Instant::now() + TIMEOUT;
        while Path::new(&format!("/proc/{pid}")).exists() {
            if Instant::now() > deadline {
                return Err(format!("process {pid} has not ended").into());
            }
            self.services.watch(PAUSE)?;
        }
        Ok(())
    }

    /// Reads the levels once two readings in a row are the same in all but memory: the last clients have
    /// just gone.
    fn levels(&mut self, scratch: &Path) -> Result<Levels, Box<dyn Error>> {
        let deadline = Instant::now() + TIMEOUT;
        let mut before = Levels::read(self.pid, scratch)?;
        loop {
            self.services.watch(PAUSE)?;
            let now = Levels::read(self.pid, scratch)?;
            if now.without_memory() == before.without_memory() {
                return Ok(now);
            }
            if Instant::now() > deadline {
                return Err("the service does not come to rest".into());
            }
            before = now;
        }
    }

    /// How many descriptors the owner has open, connections of clients apart, once that does not change.
    fn descriptors(&mut self) -> Result<usize, Box<dyn Error>> {
        let mut before = None;
        loop {
            let now = levels::descriptors_beside_clients(self.pid)?;
            if before.replace(now) == Some(now) {
                return Ok(now);
            }
            self.services.watch(PAUSE)?;
        }
    }

    /// Waits until the owner, which has lived through a failure, has as many open as before.
    fn expect_descriptors(&mut self, before: usize) -> Result<(), Box<dyn Error>> {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            match self.descriptors()? {
                now if now == before => return Ok(()),
                now if Instant::now() > deadline => {
                    let text = format!("{now} descriptors after a failure, {before} before it");
                    return Err(text.into());
                }
                _ => {}
            }
        }
    }

    /// The owner ends when it is told to, and it was the last process.
    fn end(&mut self) -> Result<(), Box<dyn Error>> {
        self.services.signal(self.pid, Signal::SIGTERM)?;
        self.services.wait_for("gone", Some(self.pid), TIMEOUT)?;
        match self.services.all_end(TIMEOUT) {
            true => Ok(()),
            false => Err("the owner is gone, and another process of the service is not".into()),
        }
    }

    fn told(&self, first: &Levels, last: &Levels) -> Value {
        let failed = self.statistics.failures().len();
        let requests = self.statistics.all().len() + failed;
        let counts = [
            ("upgrades", self.upgrades),
            ("failed_on_purpose", self.failed_on_purpose),
            ("requests", requests),
            ("failed", failed),
        ];
        let counts = counts.map(|(name, count)| (name.to_owned(), json!(count)));
        let levels = first.named().into_iter().zip(last.named());
        let levels = levels.map(|((name, first), (_, last))| {
            (name.to_owned(), json!({ "first": first, "last": last }))
        });
        counts.into_iter().chain(levels).collect()
    }
}
