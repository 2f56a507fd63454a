//! The role that the demo's processes play: the service of the `http` example, on a leash, and if
//! so told with a fault.

use std::error::Error;
use std::fs;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{self, ExitCode, ExitStatus};
use std::sync::mpsc;
use std::thread;

use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{Signal, raise};
use tokio::runtime::Runtime;

use crate::arguments::Arguments;
use crate::report::Report;
use crate::service::Service;
use crate::step;

/// First argument of a process that is to be the service.
pub(crate) const SERVICE: &str = "--service";

/// What a successor does instead of becoming the owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Crashes when it has inherited everything and is not ready.
    Crash,
    /// Never says that it is ready.
    Hang,
    /// Has said that it is ready, has been told to go on, and is killed before it owns.
    Die,
    /// Ends before it has met anybody.
    Vanish,
    /// Has too few descriptor slots for what it is to inherit.
    Starve,
}

impl Fault {
    /// Every one.
    pub(crate) const ALL: [Self; 5] =
        [Self::Crash, Self::Hang, Self::Die, Self::Vanish, Self::Starve];

    fn name(self) -> &'static str {
        match self {
            Self::Crash => "crash",
            Self::Hang => "hang",
            Self::Die => "die",
            Self::Vanish => "vanish",
            Self::Starve => "starve",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fault| fault.name() == name)
    }

    /// Checks that a process has ended as one with this fault does, which somebody kills if it hangs.
    pub(crate) fn expect_end(self, status: ExitStatus) -> Result<(), String> {
        let signal = match self {
            Self::Crash => Some(Signal::SIGABRT),
            Self::Hang | Self::Die => Some(Signal::SIGKILL),
            Self::Vanish | Self::Starve => None,
        };
        if status.signal() == signal.map(|signal| signal as i32) && !status.success() {
            return Ok(());
        }
        Err(format!("a successor with the fault `{}` has ended with {status}", self.name()))
    }

    /// Has the next process that begins with this PID file get the fault, whoever starts it.
    #[allow(dead_code, reason = "the demo starts its faulty processes itself")]
    pub(crate) fn plan(self, pid_file: &Path) -> io::Result<()> {
        fs::write(plan(pid_file), self.name())
    }

    /// The fault that was planned for this process.
    fn planned(pid_file: &Path) -> Option<Self> {
        let name = fs::read_to_string(plan(pid_file)).ok()?;
        fs::remove_file(plan(pid_file)).ok()?;
        Self::named(&name)
    }
}

/// The first arguments of such a process.
pub(crate) fn arguments(fault: Option<Fault>) -> Vec<&'static str> {
    vec![SERVICE, fault.map_or("sound", Fault::name)]
}

/// Is the service. `given` follows [`SERVICE`].
pub(crate) fn play(given: impl IntoIterator<Item = String>) -> ExitCode {
    match serve(given) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            Report::Program.line("failed", format!("error={error}"));
            ExitCode::FAILURE
        }
    }
}

fn serve(given: impl IntoIterator<Item = String>) -> Result<(), Box<dyn Error>> {
    let mut given = given.into_iter();
    let fault = given.next();
    let arguments = Arguments::parse(given)?;
    put_on_leash()?;
    let planned = arguments.pid_file.as_deref().and_then(Fault::planned);
    let fault = planned.or_else(|| Fault::named(&fault?));
    if let Some(fault) = planned {
        Report::Program.line("doomed", format!("fault={}", fault.name()));
    }
    match fault {
        Some(Fault::Die) => step::at("successor.before.lock", die)?,
        Some(Fault::Hang) => step::at("successor.after.receive-abort", tell_given_up)?,
        Some(Fault::Vanish) => return Err("as it was told".into()),
        Some(Fault::Starve) => starve()?,
        Some(Fault::Crash) | None => {}
    }
    Runtime::new()?.block_on(async {
        let service = Service::start(arguments).await?;
        match fault {
            Some(Fault::Crash) => crash(),
            Some(Fault::Hang) => hang(),
            _ => service.run().await,
        }
    })
}

/// Kills this process when the demo ends: then the other end of its standard input closes.
fn put_on_leash() -> io::Result<()> {
    let hold = || {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        die();
    };
    thread::Builder::new().name("leash".into()).spawn(hold).map(|_| ())
}

/// Leaves room for the connection to the predecessor and for little more.
fn starve() -> io::Result<()> {
    let open = fs::read_dir("/proc/self/fd")?.count() as u64;
    Ok(setrlimit(Resource::RLIMIT_NOFILE, open + 6, open + 6)?)
}

fn plan(pid_file: &Path) -> PathBuf {
    pid_file.with_extension("fault")
}

/// A crash that leaves no core file about.
fn crash() -> ! {
    let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
    process::abort()
}

/// Waits for what never comes.
fn hang() -> Result<(), Box<dyn Error>> {
    let (_never, comes) = mpsc::channel::<()>();
    Ok(comes.recv()?)
}

fn tell_given_up() {
    Report::Program.line("given-up", "");
}

/// What `kill -9` does, at once.
fn die() {
    let _ = raise(Signal::SIGKILL);
}
