//! One upgrade that must fail, and leave the predecessor serving.

use std::error::Error;
use std::time::Instant;

use nix::sys::signal::Signal;

use crate::Demo;
use crate::process::TIMEOUT;
use crate::role::Fault;
use crate::timeline::{Tone, short};

impl Demo {
    /// Starts a successor with a fault, and waits until the fault has struck and every client was
    /// answered by the predecessor again.
    pub(crate) fn mishap(&mut self, fault: Fault) -> Result<(), Box<dyn Error>> {
        let begun = Instant::now();
        let successor = self.services.start(Some(fault))?;
        if fault == Fault::Hang {
            self.services.wait_for("given-up", Some(successor), TIMEOUT)?;
            self.services.signal(successor, Signal::SIGKILL)?;
        }
        let status = self.services.wait_for_end(successor, TIMEOUT)?;
        let took = begun.elapsed();
        fault.expect_end(status)?;
        self.await_answers("after a failed upgrade")?;
        self.check_owner()?;
        let from_others = self
            .statistics
            .since(begun)
            .iter()
            .filter(|answer| answer.generation != self.owner.generation)
            .count();
        if from_others != 0 {
            return Err(format!("{from_others} answers came from another generation").into());
        }
        self.failed_on_purpose += 1;

        let (what, how) = match fault {
            Fault::Crash => ("successor crashes", "before it was ready"),
            Fault::Hang => ("successor hangs", "and was given up and killed"),
            Fault::Die => ("successor is killed", "between ready and owning"),
            Fault::Vanish => ("successor vanishes", "before it met anybody"),
            Fault::Starve => ("successor starves", "and was refused for its descriptor limit"),
        };
        let details = format!(
            "{how}, {} after its start ({status}); generation {} goes on",
            short(took),
            self.owner.generation,
        );
        self.timeline.happened(Tone::Bad, what, &details);
        Ok(())
    }
}
