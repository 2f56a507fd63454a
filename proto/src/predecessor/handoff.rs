//! One attempt to move ownership, from `Hello` to `Owned` or back.

use core::mem;
use core::time::Duration;

use super::Predecessor;
use super::output::{ConnectionId, Event, Output};
use super::steps::{AwaitingOwned, AwaitingReady, AwaitingReceived, Committing, Freezing};
use crate::error::{Failure, Phase};
use crate::limits::TRANSFER_TIMEOUT;
use crate::message::{Message, Outcome, Secret};
use crate::timeouts::Timeouts;

#[derive(Clone, Debug)]
pub(super) struct Handoff {
    pub(super) connection: Option<ConnectionId>,
    pub(super) pid: u32,
    /// The successor was spawned by this process.
    spawned: bool,
    /// Who asked for it over the control socket.
    pub(super) tool: Option<ConnectionId>,
    pub(super) began: Duration,
    pub(super) step: Step,
}

#[derive(Clone, Debug)]
pub(super) enum Step {
    Spawning(Spawning),
    Counting {
        free_slots: u64,
    },
    Transferring(AwaitingReceived),
    Preparing(AwaitingReady),
    Freezing(Freezing),
    Committing(Committing),
    Releasing(AwaitingOwned),
    /// Between two steps, within one call.
    Over,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Spawning {
    secret: Secret,
    deadline: Duration,
    allowed: Duration,
}

impl Handoff {
    /// Waits for a successor that this process spawns.
    pub(super) fn spawn(
        secret: Secret,
        tool: Option<ConnectionId>,
        timeouts: Timeouts,
        now: Duration,
    ) -> Self {
        let allowed = timeouts.ready;
        let step = Step::Spawning(Spawning {
            secret,
            deadline: now + allowed,
            allowed,
        });
        Self {
            connection: None,
            pid: 0,
            spawned: true,
            tool,
            began: now,
            step,
        }
    }

    /// A successor has introduced itself: the one that `spawning` waited for, or any other.
    pub(super) fn greet(
        spawning: Option<Self>,
        connection: ConnectionId,
        pid: u32,
        free_slots: u64,
        now: Duration,
    ) -> Self {
        Self {
            connection: Some(connection),
            pid,
            spawned: spawning.is_some(),
            tool: spawning.as_ref().and_then(|spawning| spawning.tool),
            began: spawning.map_or(now, |spawning| spawning.began),
            step: Step::Counting { free_slots },
        }
    }

    /// The secret that a spawned successor has yet to tell.
    pub(super) fn expected_secret(&self) -> Option<Secret> {
        match &self.step {
            Step::Spawning(spawning) => Some(spawning.secret),
            _ => None,
        }
    }
}

impl Step {
    pub(super) fn phase(&self) -> Phase {
        match self {
            Self::Spawning(_) => Phase::Spawning,
            Self::Counting { .. } | Self::Over => Phase::Greeting,
            Self::Transferring(_) => Phase::Transferring,
            Self::Preparing(_) => Phase::Preparing,
            Self::Freezing(_) | Self::Committing(_) => Phase::Committing,
            Self::Releasing(step) if step.is_fenced() => Phase::Fencing,
            Self::Releasing(_) => Phase::Releasing,
        }
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        match self {
            Self::Spawning(step) => Some(step.deadline),
            Self::Transferring(step) => Some(step.deadline),
            Self::Preparing(step) => Some(step.deadline),
            Self::Committing(step) => Some(step.deadline),
            Self::Releasing(step) => step.deadline(),
            Self::Counting { .. } | Self::Freezing(_) | Self::Over => None,
        }
    }

    /// How long this step may take.
    fn allowed(&self) -> Duration {
        match self {
            Self::Spawning(step) => step.allowed,
            Self::Preparing(step) => step.allowed,
            _ => TRANSFER_TIMEOUT,
        }
    }

    /// The token has been let go: the handoff can fail no more without finding out who has it.
    pub(super) fn has_released(&self) -> bool {
        matches!(self, Self::Releasing(_))
    }

    /// The application has been asked to stop changing what is handed over.
    pub(super) fn has_frozen(&self) -> bool {
        matches!(self, Self::Freezing(_) | Self::Committing(_))
    }
}
/// The running handoff.
impl Predecessor {
    pub(super) fn handle_handoff_timeout(&mut self, now: Duration) {
        let Some(handoff) = &self.handoff else {
            return;
        };
        if handoff
            .step
            .deadline()
            .is_none_or(|deadline| deadline > now)
        {
            return;
        }
        match handoff.step.has_released() {
            true => self.outputs.push_back(Output::TryLock),
            false => self.fail(self.silence(), now),
        }
    }

    /// The successor is gone, or has given up.
    pub(super) fn lose(&mut self, failure: Failure, dead: bool, now: Duration) {
        match self.take_step() {
            Step::Releasing(step) => {
                self.set_step(Step::Releasing(step.handle_lost(failure, dead, now)));
                self.outputs.push_back(Output::TryLock);
            }
            step => {
                self.set_step(step);
                self.fail(failure, now);
            }
        }
    }

    /// Gives the handoff up. The token has never been let go, so nothing has to be put back.
    pub(super) fn fail(&mut self, failure: Failure, now: Duration) {
        if self
            .handoff
            .as_ref()
            .is_some_and(|handoff| handoff.step.has_released())
        {
            return self.lose(failure, false, now);
        }
        let Some(handoff) = self.handoff.take() else {
            return;
        };
        if let Some(connection) = handoff.connection {
            self.send(connection, &Message::Abort(failure.to_abort()));
            self.outputs.push_back(Output::Close(connection));
        }
        if handoff.step.has_frozen() {
            self.outputs.push_back(Output::Thaw);
        }
        self.end(handoff, &failure, now);
        self.outputs
            .push_back(Output::Event(Event::Failed(failure)));
    }

    /// What every failed handoff ends with.
    pub(super) fn end(&mut self, handoff: Handoff, failure: &Failure, now: Duration) {
        if handoff.spawned {
            self.outputs.push_back(Output::Condemn);
        }
        if let Some(tool) = handoff.tool {
            let text = crate::limits::clip(&alloc::format!("{failure}"));
            self.send(tool, &Message::Outcome(Outcome::Failed { text }));
            self.outputs.push_back(Output::Close(tool));
        }
        self.since = now;
    }

    /// The failure that the current step's silence is.
    fn silence(&self) -> Failure {
        let phase = self.phase();
        let step = self.handoff.as_ref().map(|handoff| &handoff.step);
        let allowed = step.map_or(TRANSFER_TIMEOUT, Step::allowed);
        Failure::TimedOut { phase, allowed }
    }

    pub(super) fn take_step(&mut self) -> Step {
        match &mut self.handoff {
            Some(handoff) => mem::replace(&mut handoff.step, Step::Over),
            None => Step::Over,
        }
    }

    pub(super) fn set_step(&mut self, step: Step) {
        if let Some(handoff) = &mut self.handoff {
            handoff.step = step;
        }
    }
}
