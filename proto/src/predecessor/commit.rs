//! From `Ready` to `Owned`: the token is let go, and taken back if the successor is lost.

use alloc::vec::Vec;
use core::mem;
use core::time::Duration;

use super::handoff::{Handoff, Step};
use super::open::Telling;
use super::output::{Event, Output};
use super::steps::{AwaitingOwned, Held};
use super::{Predecessor, Service};
use crate::Lock;
use crate::abort::{Abort, AbortReason};
use crate::failure::Failure;
use crate::limits::MAX_LATE_STATE;
use crate::message::{Commit, Message, Outcome};
use crate::phase::Phase;

impl Predecessor {
    /// The application has stopped changing what is handed over; its late state, or why it cannot.
    pub fn handle_frozen(&mut self, late_state: Result<Vec<u8>, Abort>, now: Duration) {
        match (self.take_step(), late_state.and_then(bounded)) {
            (Step::Freezing { step, .. }, Ok(late_state)) => {
                self.set_step(Step::Committing(step.handle_frozen(now)), now);
                let commit = Message::Commit(Commit { late_state });
                if let Some(connection) = self.successor() {
                    self.send(connection, &commit);
                }
            }
            (step @ Step::Freezing { .. }, Err(abort)) => {
                self.set_step(step, now);
                self.fail(Failure::Aborted(abort), now);
            }
            (step, _) => self.set_step(step, now),
        }
    }

    /// The kernel has taken a frame of the running handoff.
    pub(super) fn advance(&mut self, now: Duration) {
        let timeouts = self.settings.timeouts;
        match self.take_step() {
            Step::Transferring(step) => {
                self.set_step(Step::Transferring(step.handle_sent(now)), now)
            }
            Step::Committing(step) => {
                self.outputs.push_back(Output::Unlock);
                if let Some(connection) = self.successor() {
                    self.send(connection, &Message::Released);
                }
                // Nobody who watches comes before the successor.
                self.set_step(Step::Releasing(step.handle_sent(timeouts, now)), now);
            }
            step => self.set_step(step, now),
        }
    }

    /// What the kernel answered to `TryLock`, once everything that the successor had said by then was
    /// handed in.
    pub fn handle_lock(&mut self, lock: Lock, now: Duration) {
        // What was handed in meanwhile is judged by this answer.
        self.outputs.retain(|output| *output != Output::TryLock);
        let step = match self.take_step() {
            Step::Releasing(step) => step,
            step => {
                self.set_step(step, now);
                return self.decline_lock(lock);
            }
        };
        let allowed = self.settings.timeouts.commit;
        let took = step.waited(now);
        let silent = Failure::TimedOut { phase: Phase::Releasing, allowed, took };
        match lock {
            // The successor has owned the service, and stopped it, while this process was not looking: a
            // handoff of its own would have had to wait for `Draining`.
            Lock::Got { attempt } if self.is_past(attempt, &step) => {
                self.outputs.push_back(Output::Unlock);
                self.hand_over(now);
            }
            Lock::Held { attempt } if self.is_past(attempt, &step) => self.hand_over(now),
            Lock::Held { .. } if step.is_claimed() => self.hand_over(now),
            Lock::Got { attempt } => {
                if attempt != self.settings.attempt {
                    // Somebody has written there who never owned.
                    self.outputs.push_back(Output::WriteAttempt(self.settings.attempt));
                }
                self.take_back(step.into_failure(silent), false, now);
            }
            Lock::Held { .. } => {
                let held = step.handle_held(self.settings.fence, silent, now);
                self.wait_for_token(held, now);
            }
        }
    }

    /// The attempt in the token tells of another that began later, and the successor may have begun it.
    fn is_past(&self, attempt: u64, step: &AwaitingOwned) -> bool {
        attempt != self.settings.attempt && step.has_said_owned()
    }

    /// The kernel would not let this process end its successor: it may be another user's.
    pub fn handle_fence_failed(&mut self, now: Duration) {
        let step = match self.take_step() {
            Step::Releasing(step) => Step::Releasing(step.handle_fence_failed()),
            step => step,
        };
        self.set_step(step, now);
    }

    fn wait_for_token(&mut self, held: Held, now: Duration) {
        match held {
            Held::Wait(step) => self.set_step(Step::Releasing(step), now),
            Held::Fence(step) => {
                self.set_step(Step::Releasing(step), now);
                self.outputs.extend(self.successor().map(Output::Fence));
            }
            Held::Leaked(failure) => {
                let attempt = self.settings.attempt;
                self.outputs.push_back(Output::RenewToken);
                self.outputs.push_back(Output::WriteAttempt(attempt));
                self.take_back(failure, true, now);
            }
        }
    }

    /// An answer that comes when nobody waits for it: whoever has handed over keeps no lock.
    fn decline_lock(&mut self, lock: Lock) {
        if let (Service::Draining { .. }, Lock::Got { .. }) = (self.service, lock) {
            self.outputs.push_back(Output::Unlock);
        }
    }

    /// The successor owns the service.
    pub(super) fn hand_over(&mut self, now: Duration) {
        let Some(handoff) = self.handoff.take() else {
            return;
        };
        let (took, Handoff { connection: Some(successor), pid, tool, .. }) =
            (handoff.took(now), handoff)
        else {
            return;
        };
        // First of all: the successor waits for it before it hands anything on.
        self.send(successor, &Message::Draining);
        let generation = self.settings.generation.saturating_add(1);
        self.emit(Event::Owned { pid, generation, took });
        if let Some(tool) = tool {
            self.send(tool, &Message::Outcome(Outcome::Committed { pid, generation }));
            self.outputs.push_back(Output::Close(tool));
        }
        self.enter(Service::Draining { successor: Some(successor) }, now);
        self.telling = Telling::begin();
        self.close_watchers();
        // They connect again, to the new owner.
        self.outputs.extend(self.pending.drain().into_iter().map(Output::Close));
        for elder in mem::take(&mut self.elders) {
            self.outputs.push_back(Output::Close(elder.connection));
        }
    }

    /// The token was let go and is this process's again.
    fn take_back(&mut self, failure: Failure, leaked: bool, now: Duration) {
        let Some(handoff) = self.handoff.take() else {
            return;
        };
        if let Some(connection) = handoff.connection {
            let text = alloc::format!("{failure}");
            let abort = Abort::new(AbortReason::TakenBack, &text);
            self.send(connection, &Message::Abort(abort));
            self.outputs.push_back(Output::Close(connection));
        }
        self.outputs.push_back(Output::Thaw);
        let ended = self.end(handoff, failure, now);
        self.emit(Event::TakenBack { ended, leaked });
        // Whoever has connected since may have seen the successor's credentials, and would take its
        // end for this process's: they are closed, and connect again.
        self.outputs.extend(self.pending.drain().into_iter().map(Output::Close));
        if mem::take(&mut self.stop_wanted) {
            self.stop(now);
        }
    }
}

/// The late state, unless it does not fit its frame.
fn bounded(late_state: Vec<u8>) -> Result<Vec<u8>, Abort> {
    match late_state.len() {
        length if length > MAX_LATE_STATE => {
            let text = alloc::format!(
                "the late state has {length} bytes, at most {MAX_LATE_STATE} are allowed: put the \
                 rest into a file that is handed over"
            );
            Err(Abort::new(AbortReason::Application, &text))
        }
        _ => Ok(late_state),
    }
}
