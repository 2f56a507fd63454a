//! From `Hello` to `Ready`: the manifest is passed and the successor prepares itself.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use super::Predecessor;
use super::handoff::{Handoff, Step};
use super::output::{Attachment, Event, Output};
use super::steps::{Acknowledged, AwaitingReady, AwaitingReceived};
use crate::entry::Entry;
use crate::error::PeerMisbehaved;
use crate::failure::Failure;
use crate::limits::{TRANSFER_TIMEOUT, VERSION, WELCOME_DESCRIPTORS};
use crate::message::{DrainingGeneration, Message, Welcome};
use crate::phase::Phase;
use crate::refuse::{Refuse, RefuseReason};

impl Predecessor {
    /// Goes on with a successor that has introduced itself, once nobody may take this service back any
    /// more: whoever would do so goes by the attempt in the token, and that is about to change.
    pub(super) fn count_if_settled(&mut self, now: Duration) {
        let settled = self.elders.iter().all(|elder| elder.drains);
        let Some(handoff) = self.handoff.as_mut().filter(|_| settled) else {
            return;
        };
        let Step::Settling { free_slots, .. } = handoff.step else {
            return;
        };
        handoff.step = Step::Counting { free_slots };
        let (pid, build, took) = (handoff.pid, handoff.build.clone(), handoff.took(now));
        self.emit(Event::Began { pid, build, took });
        self.outputs.push_back(Output::TakeSnapshot);
    }

    /// What is to be handed over, in the order in which [`Attachment::Entries`] will name it.
    pub fn handle_snapshot(&mut self, entries: Vec<Arc<Entry>>, now: Duration) {
        let Some(Handoff {
            connection: Some(connection), step: Step::Counting { free_slots }, ..
        }) = self.handoff
        else {
            return;
        };
        let needed = (entries.len() + WELCOME_DESCRIPTORS) as u64;
        if free_slots < needed {
            return self.refuse_slots(needed, free_slots, now);
        }
        self.settings.attempt = self.settings.attempt.wrapping_add(1);
        self.outputs.push_back(Output::WriteAttempt(self.settings.attempt));
        let welcome = Message::Welcome(Welcome {
            version: VERSION,
            generation: self.settings.generation.saturating_add(1),
            attempt: self.settings.attempt,
            entries: entries.len() as u64,
            timeouts: self.settings.timeouts,
            pid: self.settings.pid,
            build: self.settings.build.clone(),
        });
        if let Ok(frame) = welcome.encode() {
            let attachment = Attachment::Token;
            self.outputs.push_back(Output::Send { connection, frame, attachment });
        }
        self.set_step(Step::Transferring(AwaitingReceived::new(entries, now)), now);
    }

    /// A message of the successor whose handoff is going on.
    pub(super) fn handle_step(&mut self, message: Message, now: Duration) {
        match (self.take_step(), message) {
            (step, Message::Abort(abort)) => {
                self.set_step(step, now);
                self.lose(Failure::PeerAborted(abort), false, now);
            }
            (Step::Transferring(step), Message::Received(received)) => {
                match step.handle_received(received.count, now) {
                    Ok(Acknowledged::More(step)) => self.set_step(Step::Transferring(step), now),
                    Ok(Acknowledged::All) => self.prepare(now),
                    Err(misbehaved) => self.fail(Failure::Misbehaved(misbehaved), now),
                }
            }
            (Step::Preparing(step), Message::Progress(progress)) => {
                self.set_step(Step::Preparing(step.handle_progress(now)), now);
                let (pid, took) = self.successor_so_far(now);
                self.emit(Event::Progress { pid, text: progress.text, took });
            }
            (Step::Preparing(step), Message::Ready(ready)) => {
                let freezing = Step::Freezing {
                    step: step.handle_ready(),
                    deadline: now.saturating_add(TRANSFER_TIMEOUT),
                };
                self.set_step(freezing, now);
                let (pid, took) = self.successor_so_far(now);
                self.emit(Event::SuccessorReady { pid, strays: ready.stray_count, took });
                self.outputs.push_back(Output::Freeze);
            }
            (Step::Releasing(step), Message::Owned) if !step.is_fenced() => {
                self.set_step(Step::Releasing(step.handle_owned()), now);
                self.outputs.push_back(Output::TryLock);
            }
            (step, message) => self.handle_unexpected(step, &message, now),
        }
    }

    /// The successor's process id, and how long its handoff has taken.
    fn successor_so_far(&self, now: Duration) -> (u32, Duration) {
        self.handoff.as_ref().map(|handoff| (handoff.pid, handoff.took(now))).unwrap_or_default()
    }

    /// What a successor says that was killed for its silence is not held against it.
    fn handle_unexpected(&mut self, step: Step, message: &Message, now: Duration) {
        let state = step.phase();
        self.set_step(step, now);
        if let Some(kind) = message.kind().filter(|_| state != Phase::Fencing) {
            self.fail(Failure::Misbehaved(PeerMisbehaved::Unexpected { kind, state }), now);
        }
    }

    /// Puts the next batch of the manifest into the outputs, if it may go.
    pub(super) fn push_batch(&mut self) {
        let Some(Handoff { connection: Some(connection), step: Step::Transferring(step), .. }) =
            &mut self.handoff
        else {
            return;
        };
        if let Some((frame, range)) = step.poll_batch() {
            let attachment = Attachment::Entries(range);
            self.outputs.push_back(Output::Send { connection: *connection, frame, attachment });
        }
    }

    fn prepare(&mut self, now: Duration) {
        let step = AwaitingReady::new(self.settings.timeouts, now);
        self.set_step(Step::Preparing(step), now);
    }

    /// The generation before this one hangs, or is very slow.
    pub(super) fn refuse_unsettled(&mut self, now: Duration) {
        let unsettled = self.elders.iter().filter(|elder| !elder.drains).map(|elder| {
            let DrainingGeneration { generation, pid, .. } = elder.generation;
            alloc::format!("generation {generation} (pid {pid}) ")
        });
        let text = unsettled.collect::<String>()
            + "has not heard yet that it has handed over: if it hangs, end it";
        let refuse = self.refuse(RefuseReason::Busy, text, now);
        self.turn_away(refuse, now);
    }

    fn refuse_slots(&mut self, needed: u64, free: u64, now: Duration) {
        let text = alloc::format!(
            "successor has {free} free descriptor slots, the handoff needs {needed}: raise \
             LimitNOFILE"
        );
        let refuse = self.refuse(RefuseReason::Slots, text, now);
        self.turn_away(Refuse { needed, available: free, ..refuse }, now);
    }

    /// Refuses a successor with which a handoff has begun.
    fn turn_away(&mut self, refuse: Refuse, now: Duration) {
        if let Some(handoff) = self.handoff.take() {
            if let Some(connection) = handoff.connection {
                self.send(connection, &Message::Refuse(refuse.clone()));
                self.outputs.push_back(Output::Close(connection));
            }
            self.emit(Event::Refused { pid: handoff.pid, refuse: refuse.clone() });
            let ended = self.end(handoff, Failure::Refused(refuse), now);
            self.emit(Event::Failed(ended));
        }
    }
}
