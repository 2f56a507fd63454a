//! The successor's side: it takes the manifest, says when it is ready, and owns the service when
//! the kernel gives it the token.
//!
//! The contract with the driver: after every input take outputs until there is none. `Send` is
//! answered with [`Successor::handle_sent`], `TryLock` with [`Successor::handle_lock`], `Verify`
//! with [`Successor::handle_verified`], `Empty` with all frames that are queued and then
//! [`Successor::handle_emptied`], `Publish` with [`Successor::handle_published`].

mod messages;
mod output;
mod seize;
mod step;

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use core::mem;
use core::time::Duration;

pub use output::{Event, Output};

use crate::Lock;
use crate::abort::{Abort, AbortReason};
use crate::failure::Failure;
use crate::limits::{MAX_FRAME, TRANSFER_TIMEOUT, clip};
use crate::message::{Hello, Message, Progress, Ready, Received, Welcome};
use crate::name::Name;
use crate::phase::Phase;
use messages::Key;
use seize::Seizing;
use step::Step;

#[doc = include_str!("successor/examples.md")]
#[derive(Clone, Debug, Hash)]
pub struct Successor<F> {
    versions: (u16, u16),
    step: Step,
    welcome: Option<Welcome>,
    late_state: Vec<u8>,
    received: u64,
    /// What the entries received are claimed by, until all of them are here.
    keys: Vec<Key>,
    connected: bool,
    /// The predecessor's process has ended.
    orphaned: bool,
    outputs: VecDeque<Output<F>>,
}

impl<F> Successor<F> {
    /// Says `hello` on a connection just made.
    pub fn new(hello: Hello, now: Duration) -> Self {
        let mut machine = Self {
            versions: (hello.lowest, hello.highest),
            step: Step::AwaitingWelcome { deadline: now.saturating_add(TRANSFER_TIMEOUT) },
            welcome: None,
            late_state: Vec::new(),
            received: 0,
            keys: Vec::new(),
            connected: true,
            orphaned: false,
            outputs: VecDeque::new(),
        };
        machine.send(&Message::Hello(hello));
        machine
    }

    /// A frame has come, with these descriptors.
    pub fn handle_frame(&mut self, frame: &[u8], descriptors: Vec<F>, now: Duration) {
        match Message::decode(frame) {
            Ok(Message::Unknown(_)) if descriptors.is_empty() => {}
            Ok(message) => self.handle_message(message, descriptors, now),
            Err(invalid) => self.handle_garbage(Failure::Invalid(invalid), now),
        }
    }

    /// The connection has brought something that is no frame; `failure` says what.
    pub fn handle_garbage(&mut self, failure: Failure, now: Duration) {
        if self.step.has_everything() {
            // The predecessor is out of its mind or dying. Who owns is for the token to say.
            self.seize(failure, now);
        } else if !self.step.is_settled() {
            self.fail(failure);
        }
    }

    /// The kernel has taken the last frame.
    pub fn handle_sent(&mut self, now: Duration) {
        if let Step::AwaitingCommit { .. } = self.step {
            self.step = Step::AwaitingCommit { deadline: now.saturating_add(self.patience()) };
        }
    }

    /// The predecessor has closed the connection, or sending on it has failed.
    pub fn handle_closed(&mut self, now: Duration) {
        self.connected = false;
        self.lose(Failure::Closed { phase: self.phase() }, now);
    }

    /// The predecessor's process has ended: the kernel says so.
    pub fn handle_peer_died(&mut self, now: Duration) {
        self.orphaned = true;
        self.lose(Failure::Died { phase: self.phase(), status: None }, now);
    }

    /// What the kernel answered to `TryLock`.
    pub fn handle_lock(&mut self, lock: Lock, now: Duration) {
        let seizing = match mem::replace(&mut self.step, Step::Failed) {
            Step::Seizing(seizing) => seizing,
            step => return self.decline_lock(step, lock),
        };
        let attempt = self.welcome.as_ref().map_or(0, |welcome| welcome.attempt);
        match seizing.handle_lock(lock, attempt, self.orphaned, now) {
            seize::Next::Own { leaked } => self.own(leaked),
            seize::Next::Wait(seizing) => self.step = Step::Seizing(seizing),
            seize::Next::Yield(failure) => {
                self.outputs.push_back(Output::Unlock);
                self.fail(failure);
            }
            seize::Next::Fail(failure) => self.fail(failure),
        }
    }

    /// Every descriptor of the batch is what its entry says, or `Err` tells which is not.
    pub fn handle_verified(&mut self, verdict: Result<(), String>, now: Duration) {
        let Step::Verifying { last } = self.step else {
            return;
        };
        if let Err(text) = verdict {
            return self.fail(Failure::Aborted(Abort::new(AbortReason::Mismatch, &text)));
        }
        self.send(&Message::Received(Received { count: self.received }));
        if last {
            self.step = Step::Preparing;
            self.outputs.push_back(Output::Event(Event::Inherited));
        } else {
            self.step = Step::AwaitingManifest { deadline: now.saturating_add(TRANSFER_TIMEOUT) };
        }
    }

    /// The application tells what it is doing; the predecessor gives it time for it.
    pub fn handle_progress(&mut self, text: &str) {
        if matches!(self.step, Step::Preparing) {
            self.send(&Message::Progress(Progress { text: clip(text) }));
        }
    }

    /// The application could serve; `strays` are the entries it did not claim.
    pub fn handle_ready(&mut self, strays: Vec<Name>, now: Duration) {
        if matches!(self.step, Step::Preparing) {
            let stray_count = strays.len() as u64;
            let strays = as_many_as_fit(strays);
            self.step = Step::AwaitingCommit { deadline: now.saturating_add(self.patience()) };
            self.send(&Message::Ready(Ready { stray_count, strays }));
        }
    }

    /// The application gives up.
    pub fn handle_abandoned(&mut self, text: &str) {
        if !matches!(self.step, Step::Owning | Step::Failed) {
            if matches!(self.step, Step::Emptying { .. } | Step::Publishing { .. }) {
                self.outputs.push_back(Output::Unlock);
            }
            self.fail(Failure::Aborted(Abort::new(AbortReason::Application, text)));
        }
    }

    /// Nothing more is queued on the connection.
    pub fn handle_emptied(&mut self) {
        if let Step::Emptying { leaked } = self.step {
            self.step = Step::Publishing { leaked };
            self.outputs.push_back(Output::Publish);
        }
    }

    /// The PID file and the control socket are this process's, or `Err` tells why not.
    ///
    /// If not, the service goes back to a predecessor that lives. Without one this process owns it
    /// all the same: a service without a PID file is better than none.
    pub fn handle_published(&mut self, verdict: Result<(), String>) {
        let Step::Publishing { leaked } = self.step else {
            return;
        };
        let trouble = verdict.err();
        match &trouble {
            Some(text) if self.connected && !self.orphaned => {
                self.outputs.push_back(Output::Unlock);
                self.fail(Failure::Aborted(Abort::new(AbortReason::Publish, text)));
            }
            _ => {
                self.step = Step::Owning;
                self.send(&Message::Owned);
                self.outputs.push_back(Output::Event(Event::Owned {
                    orphaned: self.orphaned || !self.connected,
                    leaked,
                    trouble,
                    late_state: mem::take(&mut self.late_state),
                }));
            }
        }
    }

    /// Time has passed; call it when [`poll_deadline`](Self::poll_deadline) is reached, after every
    /// frame that had arrived by `now` has been handled.
    pub fn handle_timeout(&mut self, now: Duration) {
        let Some(late) = self.poll_deadline().and_then(|deadline| now.checked_sub(deadline)) else {
            return;
        };
        let timed_out = |phase, allowed: Duration| Failure::TimedOut {
            phase,
            allowed,
            took: allowed.saturating_add(late),
        };
        let phase = self.phase();
        match self.step {
            Step::AwaitingWelcome { .. } | Step::AwaitingManifest { .. } => {
                self.fail(timed_out(phase, TRANSFER_TIMEOUT));
            }
            Step::AwaitingCommit { .. } | Step::AwaitingReleased { .. } => {
                self.seize(timed_out(phase, self.patience()), now);
            }
            Step::Seizing(_) => self.outputs.push_back(Output::TryLock),
            _ => {}
        }
    }

    /// What to do next, if anything. Take until there is none after every input.
    pub fn poll_output(&mut self) -> Option<Output<F>> {
        self.outputs.pop_front()
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due. Ask again after every input.
    pub fn poll_deadline(&self) -> Option<Duration> {
        self.step.deadline()
    }

    /// What this side is doing.
    pub fn phase(&self) -> Phase {
        self.step.phase()
    }

    /// What the predecessor told when it took this successor, its timeouts
    /// [capped](crate::Timeouts::capped).
    pub fn welcome(&self) -> Option<&Welcome> {
        self.welcome.as_ref()
    }

    /// The predecessor is gone. Whoever has every descriptor may have to take the service over.
    fn lose(&mut self, failure: Failure, now: Duration) {
        if self.step.has_everything() {
            self.seize(failure, now);
        } else if !self.step.is_settled() {
            self.close(failure);
        }
    }

    fn seize(&mut self, failure: Failure, now: Duration) {
        if !matches!(self.step, Step::Seizing(_)) {
            self.step = Step::Seizing(Seizing::new(failure, self.patience(), now));
        }
        self.outputs.push_back(Output::TryLock);
    }

    /// An answer that comes when nobody waits for it: whoever has given up keeps no lock.
    fn decline_lock(&mut self, step: Step, lock: Lock) {
        if let (Step::Failed, Lock::Got { .. }) = (&step, lock) {
            self.outputs.push_back(Output::Unlock);
        }
        self.step = step;
    }

    fn own(&mut self, leaked: bool) {
        if leaked {
            self.outputs.push_back(Output::RenewToken);
        }
        self.step = Step::Emptying { leaked };
        self.outputs.push_back(Output::Empty);
    }

    fn patience(&self) -> Duration {
        self.welcome.as_ref().map_or(TRANSFER_TIMEOUT, |welcome| welcome.timeouts.commit)
    }

    fn send(&mut self, message: &Message) {
        if let (true, Ok(frame)) = (self.connected, message.encode()) {
            self.outputs.push_back(Output::Send(frame));
        }
    }

    /// Gives up and says so.
    fn fail(&mut self, failure: Failure) {
        self.send(&Message::Abort(failure.to_abort()));
        self.close(failure);
    }

    fn close(&mut self, failure: Failure) {
        self.step = Step::Failed;
        self.outputs.push_back(Output::Event(Event::Failed(failure)));
    }
}

/// The first names that fit a frame with room to spare.
fn as_many_as_fit(names: Vec<Name>) -> Vec<Name> {
    let mut room = MAX_FRAME / 2;
    let fits = |name: &Name| match room.checked_sub(name.as_str().len() + 8) {
        Some(rest) => {
            room = rest;
            true
        }
        None => false,
    };
    names.into_iter().take_while(fits).collect()
}
