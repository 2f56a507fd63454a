//! What has to hold.

use super::process::{Fate, Part, Process};
use super::{PROCESSES, World};
use crate::Phase;

/// A law that is broken, and by which process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// At most one process owns the service.
    #[error("{0} and {1} own the service")]
    TwoOwners(usize, usize),
    /// Whoever has been told that it owns the service holds the token.
    #[error("{0} owns the service and does not hold the token")]
    OwnsWithoutToken(usize),
    /// Whoever has been told that it does not own the service has let the token go.
    #[error("{0} has given up, or has handed over, and keeps the token")]
    KeepsToken(usize),
    /// As long as any process that lives has all of the service, the service's name is held; and by
    /// its owner too.
    #[error("{0} has the whole service, and its name is lost")]
    NameLost(usize),
    /// Whoever owns the service because its predecessor let go knows the predecessor's last words.
    #[error("{0} owns the service without its predecessor's last words")]
    LastWordsLost(usize),
    /// `exit()` fires after the successor has come to own the service.
    #[error("{0} ends before its successor owns the service")]
    ExitBeforeOwned(usize),
    /// Nobody hands the service over to one who is known to be dead.
    #[error("{0} hands the service over to a dead process")]
    HandsOverToDead(usize),
    /// At rest, the service has an owner if any process that lives and can act has all of it, or had
    /// and gave it up without being refused the token.
    #[error("{0} has the whole service, or could have it, and nobody owns it")]
    NobodyOwns(usize),
    /// At rest, nobody who lives and can act waits for anything.
    #[error("{0} waits for what never comes")]
    NoWayOn(usize),
    /// At rest, the owner's application changes its state as it likes.
    #[error("the application of {0} stays frozen")]
    StaysFrozen(usize),
    /// At rest, the PID file and the credentials of the control socket are the owner's.
    #[error("{0} owns the service and {1} is published")]
    WrongPid(usize, usize),
}

impl World {
    /// What has to hold at any moment.
    pub(super) fn check(&self) -> Result<(), Violation> {
        let mut owner = None;
        for (i, process) in self.processes.iter().enumerate() {
            let holds = process.token.is_some_and(|token| self.kernel.holds(i, token));
            if process.owns {
                if let Some(other) = owner.replace(i) {
                    return Err(Violation::TwoOwners(other, i));
                }
                if !holds {
                    return Err(Violation::OwnsWithoutToken(i));
                }
                if !process.listens {
                    return Err(Violation::NameLost(i));
                }
            }
            if process.acts() && process.has_everything && !self.is_name_held() {
                return Err(Violation::NameLost(i));
            }
        }
        Ok(())
    }

    /// Checks what has to hold when nothing goes on any more by itself.
    ///
    /// # Errors
    ///
    /// The law that is broken.
    pub fn check_rest(&self) -> Result<(), Violation> {
        let acting = |i: &usize| self.processes[*i].fate == Fate::Alive;
        let owner = (0..PROCESSES).filter(acting).find(|i| self.processes[*i].owns);
        for i in (0..PROCESSES).filter(acting) {
            let process = &self.processes[i];
            if (process.has_everything || process.has_deserted) && owner.is_none() {
                return Err(Violation::NobodyOwns(i));
            }
            if waits(process) {
                return Err(Violation::NoWayOn(i));
            }
            if process.owns && process.is_frozen {
                return Err(Violation::StaysFrozen(i));
            }
        }
        match owner {
            Some(i) if self.published != i => Err(Violation::WrongPid(i, self.published)),
            Some(i) if self.listener.told != i => Err(Violation::WrongPid(i, self.listener.told)),
            _ => Ok(()),
        }
    }
}

/// Whether it is in the middle of a handoff.
fn waits(process: &Process) -> bool {
    match &process.part {
        Part::Successor(_) => true,
        Part::Predecessor(machine) => machine.phase() != Phase::Serving,
        Part::Absent | Part::Gone => false,
    }
}
