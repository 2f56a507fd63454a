//! Ten upgrades, and three that must fail, of a service under load from its clients.
//!
//! ```text
//! cargo run --release --example demo            # a timeline and a summary
//! cargo run --release --example demo -- --json  # the last line is one object
//! ```
//!
//! The service is the `http` example; each of its generations is a process of its own. The exit
//! code is 0 only if no request was refused, reset, cut or answered wrongly, all ten upgrades
//! committed, and each of the three failures left the predecessor serving.

#[path = "../http/arguments.rs"]
mod arguments;
mod clients;
mod event;
mod mishap;
mod process;
#[path = "../http/report.rs"]
mod report;
mod response;
mod role;
#[path = "../http/service.rs"]
mod service;
mod statistics;
mod step;
mod summary;
mod timeline;
mod upgrade;

use std::env;
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use tempfile::TempDir;

use clients::{CLIENTS, Clients};
use process::{Services, TIMEOUT};
use role::Fault;
use statistics::Statistics;
use summary::Summary;
use timeline::{LEGEND, Timeline, Tone};
use upgrade::Launcher;

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let json = match arguments.next().as_deref() {
        Some(role::SERVICE) => return role::play(arguments),
        Some("--json") => true,
        None => false,
        Some(other) => {
            eprintln!("demo: unknown option {other}\nusage: demo [--json]");
            return ExitCode::FAILURE;
        }
    };
    match demonstrate(json) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("demo: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What happens, in this order.
#[derive(Clone, Copy)]
enum Step {
    Upgrade(Launcher),
    Mishap(Fault),
}

const PLAN: [Step; 13] = [
    Step::Upgrade(Launcher::Predecessor),
    Step::Upgrade(Launcher::Hand),
    Step::Upgrade(Launcher::Predecessor),
    Step::Mishap(Fault::Crash),
    Step::Upgrade(Launcher::Hand),
    Step::Upgrade(Launcher::Predecessor),
    Step::Upgrade(Launcher::Hand),
    Step::Mishap(Fault::Hang),
    Step::Upgrade(Launcher::Predecessor),
    Step::Upgrade(Launcher::Hand),
    Step::Mishap(Fault::Die),
    Step::Upgrade(Launcher::Predecessor),
    Step::Upgrade(Launcher::Hand),
];

/// Load before and after each step, so that the step stands out in the bar.
const BEFORE: Duration = Duration::from_millis(400);
const AFTER: Duration = Duration::from_millis(600);

/// The service under load.
struct Demo {
    timeline: Timeline,
    statistics: Arc<Statistics>,
    owner: Owner,
    /// How long each committed handoff took.
    handoffs: Vec<Duration>,
    failed_on_purpose: usize,
    services: Services,
}

/// The process that must be serving now.
struct Owner {
    pid: u32,
    generation: u64,
}

/// Runs the whole plan; true if all of it went as it must.
fn demonstrate(json: bool) -> Result<bool, Box<dyn Error>> {
    let scratch = scratch()?;
    let (mut demo, address) = Demo::start(&scratch)?;
    let clients = Clients::start(address, &demo.statistics)?;
    let error = demo.follow_plan().err();
    drop(clients);
    let error = error.or_else(|| demo.finish().err());

    let summary = Summary::of(&demo, error.map(|error| error.to_string()));
    demo.timeline.text(&summary.to_string());
    if json {
        demo.timeline.text(&summary.json());
    }
    Ok(summary.is_good())
}

/// A folder for the PID file, in memory where there is such a place, as `/run` is. On a disk the
/// handoff would be charged for it: ext4 begins to write when one file is renamed over another.
fn scratch() -> io::Result<TempDir> {
    const PREFIX: &str = "heirloom-demo-";
    let memory = env::var_os("XDG_RUNTIME_DIR").unwrap_or_else(|| "/dev/shm".into());
    TempDir::with_prefix_in(PREFIX, memory).or_else(|_| TempDir::with_prefix(PREFIX))
}

impl Demo {
    /// Starts the first generation.
    fn start(scratch: &TempDir) -> Result<(Self, SocketAddr), Box<dyn Error>> {
        let timeline = Timeline::new();
        let name = scratch.path().file_name().unwrap_or_default();
        let arguments = [
            "--events",
            "--listen",
            "127.0.0.1:0",
            "--handoff-socket",
            &format!("@{}", name.display()),
            "--ready-timeout",
            "1.5",
        ];
        let arguments = arguments.map(str::to_owned).to_vec();
        let mut services = Services::new(arguments, scratch.path().join("owner.pid"))?;
        let pid = services.start(None)?;
        let ready = services.wait_for("ready", Some(pid), TIMEOUT)?;
        let address = ready.get("address")?;
        timeline.text(LEGEND);
        timeline.happened(
            Tone::Plain,
            "generation 1",
            &format!(
                "serves {CLIENTS} clients on {address}; every other one connects anew for each \
                 request"
            ),
        );
        let owner = Owner { pid, generation: ready.get("generation")? };
        let demo = Self {
            timeline,
            statistics: Arc::new(Statistics::new()),
            owner,
            handoffs: Vec::new(),
            failed_on_purpose: 0,
            services,
        };
        Ok((demo, address))
    }

    fn follow_plan(&mut self) -> Result<(), Box<dyn Error>> {
        for step in PLAN {
            let begun = Instant::now();
            self.services.watch(BEFORE)?;
            let mark = Instant::now();
            match step {
                Step::Upgrade(launcher) => self.upgrade(launcher)?,
                Step::Mishap(fault) => self.mishap(fault)?,
            }
            self.services.watch(AFTER)?;
            let answers = self.statistics.since(begun);
            self.timeline.latency(begun, mark, &answers);
        }
        Ok(())
    }

    /// The last generation is the owner, and ends when it is told to.
    fn finish(&mut self) -> Result<(), Box<dyn Error>> {
        let Owner { pid, generation } = self.owner;
        self.check_owner()?;
        self.services.signal(pid, Signal::SIGTERM)?;
        self.services.wait_for("gone", Some(pid), TIMEOUT)?;
        if !self.services.all_end(TIMEOUT) {
            return Err("the owner is gone, and another process of the service is not".into());
        }
        let details = "was the only owner, and is gone on SIGTERM";
        let what = format!("generation {generation}");
        self.timeline.happened(Tone::Plain, &what, details);
        self.timeline.text("");
        Ok(())
    }
}
