//! One upgrade that must succeed, carried out under load and checked.

use std::error::Error;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::Demo;
use crate::clients::CLIENTS;
use crate::event::Event;
use crate::process::TIMEOUT;
use crate::timeline::{Tone, short};

/// What starts the successor.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Launcher {
    /// The predecessor, on SIGHUP.
    Predecessor,
    /// The demo, which just starts a second copy.
    Hand,
}

/// Where the time of a handoff went, as the successor measured it.
pub(crate) struct Phases {
    /// Meeting the predecessor, inheriting.
    start: Duration,
    /// Claiming the listener.
    bind: Duration,
    /// The application's own preparations.
    warm_up: Duration,
    /// From the word that it is ready to owning.
    ready: Duration,
}

impl Phases {
    pub(crate) fn of(ready: &Event) -> Result<Self, String> {
        Ok(Self {
            start: ready.time("start_us")?,
            bind: ready.time("bind_us")?,
            warm_up: ready.time("warm_up_us")?,
            ready: ready.time("ready_us")?,
        })
    }

    /// All but the application's own time.
    pub(crate) fn handoff(&self) -> Duration {
        self.start + self.bind + self.ready
    }
}

impl Demo {
    /// Upgrades, and waits until the predecessor is gone and every client was answered by the
    /// successor.
    pub(crate) fn upgrade(&mut self, launcher: Launcher) -> Result<(), Box<dyn Error>> {
        let begun = Instant::now();
        match launcher {
            Launcher::Predecessor => self.services.signal(self.owner.pid, Signal::SIGHUP)?,
            Launcher::Hand => self.services.start(None).map(|_| ())?,
        }
        let ready = self.services.wait_for("ready", None, TIMEOUT)?;
        let took = ready.at - begun;
        let predecessor = self.succeed(&ready)?;
        let phases = Phases::of(&ready)?;
        self.handoffs.push(phases.handoff());

        let draining = self.services.wait_for("draining", Some(predecessor), TIMEOUT)?;
        let gone = self.services.wait_for("gone", Some(predecessor), TIMEOUT)?;
        if gone.get::<usize>("closed")? != 0 {
            return Err("the predecessor closed connections that were open".into());
        }
        self.announce(launcher, took, &phases, gone.at - draining.at);
        self.await_answers("after the upgrade")
    }

    /// Notes the new owner; returns the process id of the one before.
    fn succeed(&mut self, ready: &Event) -> Result<u32, Box<dyn Error>> {
        let generation = ready.get("generation")?;
        if generation != self.owner.generation + 1 {
            return Err(format!("generation {} after {}", generation, self.owner.generation).into());
        }
        let predecessor = self.owner.pid;
        self.owner.generation = generation;
        self.owner.pid = ready.pid;
        self.check_owner()?;
        Ok(predecessor)
    }

    fn announce(&self, launcher: Launcher, took: Duration, phases: &Phases, drain: Duration) {
        let how = match launcher {
            Launcher::Predecessor => "SIGHUP",
            Launcher::Hand => "by hand",
        };
        let what = format!("upgrade {}, {how}", self.handoffs.len());
        let details = format!(
            "generation {} owns after {}, its predecessor drained in {}",
            self.owner.generation,
            short(took),
            short(drain)
        );
        self.timeline.happened(Tone::Good, &what, &details);
        let details = format!(
            "start {}, bind {}, ready {}; and {} for its own warm-up",
            short(phases.start),
            short(phases.bind),
            short(phases.ready),
            short(phases.warm_up),
        );
        let what = format!("handoff {}", short(phases.handoff()));
        self.timeline.details(&what, &details);
    }

    /// Each client must be answered by the owner from now on.
    pub(crate) fn await_answers(&self, when: &str) -> Result<(), Box<dyn Error>> {
        let generation = self.owner.generation;
        if self.statistics.wait_for_all(CLIENTS, generation, Instant::now(), TIMEOUT) {
            return Ok(());
        }
        Err(format!("{when}, generation {generation} does not answer every client").into())
    }

    /// The PID file must name the owner.
    pub(crate) fn check_owner(&self) -> Result<(), Box<dyn Error>> {
        let written = self.services.owner()?;
        if written == self.owner.pid {
            return Ok(());
        }
        Err(format!("the PID file names {written}, the owner is {}", self.owner.pid).into())
    }
}
