//! One upgrade that must fail, and leave the predecessor serving.

use std::error::Error;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
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
        expect_end(fault, status)?;
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

fn expect_end(fault: Fault, status: ExitStatus) -> Result<(), String> {
    let expected = match fault {
        Fault::Crash => Signal::SIGABRT,
        Fault::Hang | Fault::Die => Signal::SIGKILL,
    };
    if status.signal() == Some(expected as i32) {
        return Ok(());
    }
    Err(format!("the successor was to end by {expected}, and ended with {status}"))
}
