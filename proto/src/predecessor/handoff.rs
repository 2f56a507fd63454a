//! One attempt to move ownership, from `Hello` to `Owned` or back.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::mem;
use core::time::Duration;

use super::output::{Attachment, ConnectionId, Event, Output};
use super::steps::{
    Acknowledged, AwaitingOwned, AwaitingReady, AwaitingReceived, Committing, Freezing, Held,
};
use super::{Predecessor, Service};
use crate::Lock;
use crate::abort::Abort;
use crate::entry::Entry;
use crate::error::{Failure, PeerMisbehaved, Phase};
use crate::limits::{TRANSFER_TIMEOUT, VERSION, WELCOME_DESCRIPTORS};
use crate::message::{Commit, Message, Outcome, Secret, Welcome};
use crate::refuse::{Refuse, RefuseReason};
use crate::timeouts::Timeouts;

#[derive(Clone, Debug)]
pub(super) struct Handoff {
    pub(super) connection: Option<ConnectionId>,
    pid: u32,
    /// The successor was spawned by this process.
    spawned: bool,
    /// Who asked for it over the control socket.
    tool: Option<ConnectionId>,
    began: Duration,
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
    fn has_frozen(&self) -> bool {
        matches!(self, Self::Freezing(_) | Self::Committing(_))
    }
}

/// The running handoff.
impl Predecessor {
    /// What is to be handed over, in the order in which [`Attachment::Entries`] will name it.
    pub fn handle_snapshot(&mut self, entries: Vec<Arc<Entry>>, now: Duration) {
        let Some(Handoff {
            connection: Some(connection),
            step: Step::Counting { free_slots },
            ..
        }) = self.handoff
        else {
            return;
        };
        let needed = (entries.len() + WELCOME_DESCRIPTORS) as u64;
        if free_slots < needed {
            return self.refuse_slots(connection, needed, free_slots, now);
        }
        self.settings.attempt += 1;
        self.outputs
            .push_back(Output::WriteAttempt(self.settings.attempt));
        let welcome = Message::Welcome(Welcome {
            version: VERSION,
            generation: self.settings.generation + 1,
            attempt: self.settings.attempt,
            entries: entries.len() as u64,
            timeouts: self.settings.timeouts,
            pid: self.settings.pid,
            build: self.settings.build.clone(),
        });
        if let Ok(frame) = welcome.encode() {
            let attachment = Attachment::Token;
            self.outputs.push_back(Output::Send {
                connection,
                frame,
                attachment,
            });
        }
        self.set_step(Step::Transferring(AwaitingReceived::new(entries, now)));
    }

    /// The application has stopped changing what is handed over; its late state, or why it cannot.
    pub fn handle_frozen(&mut self, late_state: Result<Vec<u8>, Abort>, now: Duration) {
        match (self.take_step(), late_state) {
            (Step::Freezing(step), Ok(late_state)) => {
                self.set_step(Step::Committing(step.handle_frozen(now)));
                let commit = Message::Commit(Commit { late_state });
                if let Some(connection) = self.successor() {
                    self.send(connection, &commit);
                }
            }
            (step @ Step::Freezing(_), Err(abort)) => {
                self.set_step(step);
                self.fail(Failure::Aborted(abort), now);
            }
            (step, _) => self.set_step(step),
        }
    }

    /// What the kernel answered to `TryLock`.
    pub fn handle_lock(&mut self, lock: Lock, now: Duration) {
        let step = match self.take_step() {
            Step::Releasing(step) => step,
            step => return self.set_step(step),
        };
        let allowed = self.settings.timeouts.commit;
        let silent = Failure::TimedOut {
            phase: Phase::Releasing,
            allowed,
        };
        match lock {
            Lock::Got { .. } => self.take_back(step.into_failure(silent), false, now),
            Lock::Held => match step.handle_held(self.settings.fence, silent, now) {
                Held::Wait(step) => self.set_step(Step::Releasing(step)),
                Held::Fence(step) => {
                    self.set_step(Step::Releasing(step));
                    self.outputs.extend(self.successor().map(Output::Fence));
                }
                Held::Leaked(failure) => {
                    self.outputs.push_back(Output::RenewToken);
                    self.outputs
                        .push_back(Output::WriteAttempt(self.settings.attempt));
                    self.take_back(failure, true, now);
                }
            },
        }
    }

    /// A message of the successor whose handoff is going on.
    pub(super) fn handle_step(&mut self, message: Message, now: Duration) {
        match (self.take_step(), message) {
            (step, Message::Abort(abort)) => {
                self.set_step(step);
                self.lose(Failure::PeerAborted(abort), false, now);
            }
            (Step::Transferring(step), Message::Received(received)) => {
                match step.handle_received(received.count, now) {
                    Ok(Acknowledged::More(step)) => self.set_step(Step::Transferring(step)),
                    Ok(Acknowledged::All) => self.prepare(now),
                    Err(misbehaved) => self.fail(Failure::Misbehaved(misbehaved), now),
                }
            }
            (Step::Preparing(step), Message::Progress(progress)) => {
                self.set_step(Step::Preparing(step.handle_progress(now)));
                let progress = Event::Progress {
                    text: progress.text,
                };
                self.outputs.push_back(Output::Event(progress));
            }
            (Step::Preparing(step), Message::Ready(ready)) => {
                self.set_step(Step::Freezing(step.handle_ready()));
                let ready = Event::SuccessorReady {
                    strays: ready.stray_count,
                };
                self.outputs.push_back(Output::Event(ready));
                self.outputs.push_back(Output::Freeze);
            }
            (Step::Releasing(step), Message::Owned) if !step.is_fenced() => self.hand_over(now),
            (step, message) => {
                let state = step.phase();
                let fenced = state == Phase::Fencing;
                self.set_step(step);
                if let (Some(kind), false) = (message.kind(), fenced) {
                    let misbehaved = PeerMisbehaved::Unexpected { kind, state };
                    self.fail(Failure::Misbehaved(misbehaved), now);
                }
            }
        }
    }

    /// The kernel has taken a frame of the running handoff.
    pub(super) fn advance(&mut self, now: Duration) {
        let timeouts = self.settings.timeouts;
        match self.take_step() {
            Step::Transferring(step) => self.set_step(Step::Transferring(step.handle_sent(now))),
            Step::Committing(step) => {
                self.set_step(Step::Releasing(step.handle_sent(timeouts, now)));
                self.outputs.push_back(Output::Unlock);
                if let Some(connection) = self.successor() {
                    self.send(connection, &Message::Released);
                }
            }
            step => self.set_step(step),
        }
    }

    /// Puts the next batch of the manifest into the outputs, if it may go.
    pub(super) fn push_batch(&mut self) {
        let Some(Handoff {
            connection: Some(connection),
            step: Step::Transferring(step),
            ..
        }) = &mut self.handoff
        else {
            return;
        };
        if let Some((frame, range)) = step.poll_batch() {
            let attachment = Attachment::Entries(range);
            self.outputs.push_back(Output::Send {
                connection: *connection,
                frame,
                attachment,
            });
        }
    }

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

    /// The token was let go and is this process's again.
    fn take_back(&mut self, failure: Failure, leaked: bool, now: Duration) {
        let Some(handoff) = self.handoff.take() else {
            return;
        };
        if let Some(connection) = handoff.connection {
            let text = alloc::format!("{failure}");
            let abort = Abort::new(crate::abort::AbortReason::TakenBack, &text);
            self.send(connection, &Message::Abort(abort));
            self.outputs.push_back(Output::Close(connection));
        }
        self.outputs.push_back(Output::Thaw);
        self.end(handoff, &failure, now);
        self.outputs
            .push_back(Output::Event(Event::TakenBack { failure, leaked }));
        if mem::take(&mut self.stop_wanted) {
            self.stop(now);
        }
    }

    /// What every failed handoff ends with.
    fn end(&mut self, handoff: Handoff, failure: &Failure, now: Duration) {
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

    fn refuse_slots(&mut self, connection: ConnectionId, needed: u64, free: u64, now: Duration) {
        let text = alloc::format!(
            "successor has {free} free descriptor slots, the handoff needs {needed}: raise              LimitNOFILE"
        );
        let refuse = self.refuse(RefuseReason::Slots, text, now);
        let refuse = Refuse {
            needed,
            available: free,
            ..refuse
        };
        if let Some(handoff) = self.handoff.take() {
            self.send(connection, &Message::Refuse(refuse.clone()));
            self.outputs.push_back(Output::Close(connection));
            let failure = Failure::Refused(refuse);
            self.end(handoff, &failure, now);
            self.outputs
                .push_back(Output::Event(Event::Failed(failure)));
        }
    }

    fn prepare(&mut self, now: Duration) {
        let began = self.handoff.as_ref().map_or(now, |handoff| handoff.began);
        let step = AwaitingReady::new(self.settings.timeouts, began, now);
        self.set_step(Step::Preparing(step));
        self.since = now;
    }

    /// The successor owns the service.
    fn hand_over(&mut self, now: Duration) {
        let Some(Handoff {
            connection: Some(successor),
            pid,
            tool,
            ..
        }) = self.handoff.take()
        else {
            return;
        };
        let generation = self.settings.generation + 1;
        self.outputs
            .push_back(Output::Event(Event::Owned { pid, generation }));
        if let Some(tool) = tool {
            self.send(
                tool,
                &Message::Outcome(Outcome::Committed { pid, generation }),
            );
            self.outputs.push_back(Output::Close(tool));
        }
        self.enter(Service::Draining { successor }, now);
        for connection in self.pending.drain() {
            let text = "the service was handed over just now: try again".into();
            let refuse = Message::Refuse(self.refuse(RefuseReason::Busy, text, now));
            self.send(connection, &refuse);
            self.outputs.push_back(Output::Close(connection));
        }
        for elder in mem::take(&mut self.elders) {
            self.outputs.push_back(Output::Close(elder.connection));
        }
    }

    /// The failure that the current step's silence is.
    fn silence(&self) -> Failure {
        let phase = self.phase();
        let step = self.handoff.as_ref().map(|handoff| &handoff.step);
        let allowed = step.map_or(TRANSFER_TIMEOUT, Step::allowed);
        Failure::TimedOut { phase, allowed }
    }

    fn take_step(&mut self) -> Step {
        match &mut self.handoff {
            Some(handoff) => mem::replace(&mut handoff.step, Step::Over),
            None => Step::Over,
        }
    }

    fn set_step(&mut self, step: Step) {
        if let Some(handoff) = &mut self.handoff {
            handoff.step = step;
        }
    }
}
