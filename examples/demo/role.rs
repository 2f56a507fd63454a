//! The role that the demo's processes play: the service of the `http` example, on a leash, and if
//! so told with a fault.

use std::error::Error;
use std::io;
use std::process::{self, ExitCode};
use std::sync::mpsc;
use std::thread;

use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{Signal, raise};

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
}

impl Fault {
    const ALL: [Self; 3] = [Self::Crash, Self::Hang, Self::Die];

    fn name(self) -> &'static str {
        match self {
            Self::Crash => "crash",
            Self::Hang => "hang",
            Self::Die => "die",
        }
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
    let fault = Fault::ALL.into_iter().find(|each| Some(each.name()) == fault.as_deref());
    let arguments = Arguments::parse(given)?;
    put_on_leash()?;
    match fault {
        Some(Fault::Die) => step::at("successor.before.lock", die)?,
        Some(Fault::Hang) => step::at("successor.after.receive-abort", tell_given_up)?,
        Some(Fault::Crash) | None => {}
    }
    let service = Service::start(arguments)?;
    match fault {
        Some(Fault::Crash) => crash(),
        Some(Fault::Hang) => hang(),
        Some(Fault::Die) | None => service.run(),
    }
}

/// Kills this process when the demo ends: then the other end of its standard input closes.
fn put_on_leash() -> io::Result<()> {
    let hold = || {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        die();
    };
    thread::Builder::new().name("leash".into()).spawn(hold).map(|_| ())
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
