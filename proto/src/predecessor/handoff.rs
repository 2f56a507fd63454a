//! One attempt to move ownership, from `Hello` to `Owned` or back.

use alloc::string::String;
use core::mem;
use core::time::Duration;

use super::Predecessor;
use super::output::{ConnectionId, Ended, Event, Output};
use super::steps::{AwaitingOwned, AwaitingReady, AwaitingReceived, Committing, Freezing};
use crate::failure::Failure;
use crate::limits::{SETTLE_TIMEOUT, TRANSFER_TIMEOUT, clip};
use crate::message::{Hello, Message, Secret};
use crate::phase::Phase;
use crate::timeouts::Timeouts;

#[derive(Clone, Debug, Hash)]
pub(super) struct Handoff {
    pub(super) connection: Option<ConnectionId>,
    pub(super) pid: u32,
    /// The successor's build label.
    pub(super) build: String,
    /// The successor was spawned by this process, and has told this or is to tell it.
    secret: Option<Secret>,
    /// Who asked for it over the control socket.
    pub(super) tool: Option<ConnectionId>,
    began: Duration,
    /// Until when it has to be `Ready`, and how long that is.
    cap: (Duration, Duration),
    pub(super) phase: Phase,
    pub(super) step: Step,
}

#[derive(Clone, Debug, Hash)]
pub(super) enum Step {
    Spawning(Spawning),
    /// The generation before this one has yet to say that it will not take the service back.
    Settling {
        free_slots: u64,
        deadline: Duration,
    },
    Counting {
        free_slots: u64,
    },
    Transferring(AwaitingReceived),
    Preparing(AwaitingReady),
    Freezing {
        step: Freezing,
        deadline: Duration,
    },
    Committing(Committing),
    Releasing(AwaitingOwned),
    /// Between two steps, within one call.
    Over,
}

#[derive(Clone, Copy, Debug, Hash)]
pub(super) struct Spawning {
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
        let step = Step::Spawning(Spawning { deadline: now.saturating_add(allowed), allowed });
        Self {
            connection: None,
            pid: 0,
            build: String::new(),
            secret: Some(secret),
            tool,
            began: now,
            cap: cap(timeouts, now),
            phase: Phase::Spawning,
            step,
        }
    }

    /// A successor has introduced itself: the one that `spawning` waited for, or any other.
    pub(super) fn greet(
        spawning: Option<Self>,
        connection: ConnectionId,
        pid: u32,
        hello: &Hello,
        timeouts: Timeouts,
        now: Duration,
    ) -> Self {
        let free_slots = hello.free_slots;
        let began = spawning.as_ref().map_or(now, |spawning| spawning.began);
        Self {
            connection: Some(connection),
            pid,
            build: clip(&hello.build),
            secret: spawning.as_ref().and_then(|spawning| spawning.secret),
            tool: spawning.as_ref().and_then(|spawning| spawning.tool),
            began,
            cap: cap(timeouts, began),
            phase: Phase::Greeting,
            step: Step::Settling { free_slots, deadline: now.saturating_add(SETTLE_TIMEOUT) },
        }
    }

    /// The secret that a spawned successor has yet to tell.
    pub(super) fn expected_secret(&self) -> Option<Secret> {
        match &self.step {
            Step::Spawning(_) => self.secret,
            _ => None,
        }
    }

    /// Whether the successor is this process, which has told this secret.
    pub(super) fn is_with(&self, pid: u32, secret: Secret) -> bool {
        self.connection.is_some() && self.pid == pid && self.secret == Some(secret)
    }

    /// How long it has taken up to now.
    pub(super) fn took(&self, now: Duration) -> Duration {
        now.saturating_sub(self.began)
    }

    /// How it has failed.
    fn ended(&self, failure: Failure, now: Duration) -> Ended {
        Ended { pid: self.pid, phase: self.phase, took: self.took(now), failure }
    }

    /// When its step has taken too long, or everything before `Ready` together.
    pub(super) fn deadline(&self) -> Option<Duration> {
        let (cap, _) = self.cap;
        let cap = (!self.step.is_past_ready()).then_some(cap);
        self.step.deadline().into_iter().chain(cap).min()
    }

    /// How long it had for what it has taken too long for.
    fn allowed(&self, now: Duration) -> Duration {
        match self.cap {
            (cap, whole) if cap <= now && !self.step.is_past_ready() => whole,
            _ => self.step.allowed(),
        }
    }
}

fn cap(timeouts: Timeouts, began: Duration) -> (Duration, Duration) {
    (began.saturating_add(timeouts.ready_cap), timeouts.ready_cap)
}

impl Step {
    pub(super) fn phase(&self) -> Phase {
        match self {
            Self::Spawning(_) => Phase::Spawning,
            Self::Settling { .. } | Self::Counting { .. } | Self::Over => Phase::Greeting,
            Self::Transferring(_) => Phase::Transferring,
            Self::Preparing(_) => Phase::Preparing,
            Self::Freezing { .. } | Self::Committing(_) => Phase::Committing,
            Self::Releasing(step) if step.is_fenced() => Phase::Fencing,
            Self::Releasing(_) => Phase::Releasing,
        }
    }

    fn deadline(&self) -> Option<Duration> {
        match self {
            Self::Spawning(step) => Some(step.deadline),
            Self::Transferring(step) => Some(step.deadline),
            Self::Preparing(step) => Some(step.deadline),
            Self::Settling { deadline, .. } | Self::Freezing { deadline, .. } => Some(*deadline),
            Self::Committing(step) => Some(step.deadline),
            Self::Releasing(step) => step.deadline(),
            Self::Counting { .. } | Self::Over => None,
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
    fn has_frozen(&self) -> bool {
        matches!(self, Self::Freezing { .. } | Self::Committing(_))
    }

    /// The successor has said `Ready`.
    fn is_past_ready(&self) -> bool {
        self.has_frozen() || self.has_released()
    }
}
/// The running handoff.
impl Predecessor {
    pub(super) fn handle_handoff_timeout(&mut self, now: Duration) {
        let Some(handoff) = &self.handoff else {
            return;
        };
        let Some(late) = handoff.deadline().and_then(|deadline| now.checked_sub(deadline)) else {
            return;
        };
        match handoff.step {
            Step::Releasing(_) => self.outputs.push_back(Output::TryLock),
            Step::Settling { deadline, .. } if deadline <= now => self.refuse_unsettled(now),
            _ => {
                let phase = self.phase();
                let allowed = handoff.allowed(now);
                let took = allowed.saturating_add(late);
                self.fail(Failure::TimedOut { phase, allowed, took }, now);
            }
        }
    }

    /// The successor is gone, or has given up.
    pub(super) fn lose(&mut self, failure: Failure, dead: bool, now: Duration) {
        match self.take_step() {
            Step::Releasing(step) => {
                self.set_step(Step::Releasing(step.handle_lost(failure, dead, now)), now);
                // However much it says: one look is enough.
                if self.outputs.back() != Some(&Output::TryLock) {
                    self.outputs.push_back(Output::TryLock);
                }
            }
            step => {
                self.set_step(step, now);
                self.fail(failure, now);
            }
        }
    }

    /// Gives the handoff up. The token has never been let go, so nothing has to be put back.
    pub(super) fn fail(&mut self, failure: Failure, now: Duration) {
        if self.handoff.as_ref().is_some_and(|handoff| handoff.step.has_released()) {
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
        let ended = self.end(handoff, failure, now);
        self.emit(Event::Failed(ended));
    }

    /// What every failed handoff ends with.
    pub(super) fn end(&mut self, handoff: Handoff, failure: Failure, now: Duration) -> Ended {
        if handoff.secret.is_some() {
            self.outputs.push_back(Output::Condemn);
        }
        if let Some(tool) = handoff.tool {
            self.tell_failed(tool, failure.cause(), &alloc::format!("{failure}"));
            self.outputs.push_back(Output::Close(tool));
        }
        self.since = now;
        handoff.ended(failure, now)
    }

    pub(super) fn take_step(&mut self) -> Step {
        match &mut self.handoff {
            Some(handoff) => mem::replace(&mut handoff.step, Step::Over),
            None => Step::Over,
        }
    }

    pub(super) fn set_step(&mut self, step: Step, now: Duration) {
        let Some(handoff) = &mut self.handoff else {
            return;
        };
        let phase = step.phase();
        handoff.step = step;
        if mem::replace(&mut handoff.phase, phase) != phase {
            self.since = now;
            self.emit_phase(now);
        }
    }
}
