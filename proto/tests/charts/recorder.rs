//! Takes a handoff through single steps and writes down what each side sends, does and waits for.
//!
//! The successor goes first whenever it has something to do, so a frame is answered before the next
//! one is sent.

use std::time::Duration;

use heirloom_proto::limits::LOCK_RETRY;
use heirloom_proto::predecessor::{Event as OlderEvent, Output, Settings};
use heirloom_proto::{MessageKind, Phase, Predecessor};

use crate::event::{Event, Side};
use crate::moment::Moment;
use crate::support::{Pair, hello, kind_of};
use crate::words::{awaited_by_older, awaited_by_younger, message};

/// More entries than fit one Manifest.
const ENTRIES: usize = 251;

pub(crate) struct Recorder {
    pub(crate) pair: Pair,
    pub(crate) events: Vec<Event>,
    sent: [usize; 2],
    read: [usize; 2],
    waits: [Wait; 2],
}

/// What a side waits for, and until when.
#[derive(Clone, Copy, Default)]
struct Wait {
    what: Option<&'static str>,
    deadline: Option<Duration>,
    since: Duration,
}

impl Recorder {
    /// A successor connects, and is about to say `Hello`.
    pub(crate) fn connected(settings: Settings) -> Self {
        let mut pair = Pair::with(ENTRIES, settings);
        pair.older.late_state = Some(Ok(b"late".to_vec()));
        pair.connect(hello());
        pair.younger().ready = None;
        let mut recorder = Self {
            pair,
            events: Vec::new(),
            sent: [0; 2],
            read: [0; 2],
            waits: Default::default(),
        };
        recorder.does(Side::Successor, "connects, checks P's credentials");
        recorder.does(Side::Predecessor, "accepts, checks S's credentials");
        recorder.note_wait(Side::Predecessor);
        recorder
    }

    /// Steps until the handoff has come so far.
    pub(crate) fn reach(&mut self, moment: Moment) {
        while !moment.is_reached(&self.pair) {
            assert!(self.step(), "{moment:?} is never reached: {:?}", self.pair);
        }
        self.events.push(Event::Reaches(moment));
    }

    /// The successor's application could serve.
    pub(crate) fn become_ready(&mut self) {
        let now = self.pair.now;
        self.pair.younger().machine.handle_ready(Vec::new(), now);
    }

    /// One output or one input; `false` if there is none.
    pub(crate) fn step(&mut self) -> bool {
        self.step_younger() || self.step_older()
    }

    pub(crate) fn settle(&mut self) {
        while self.step() {}
    }

    /// Lets time pass, with every deadline that there is for those who act.
    pub(crate) fn wait_for_all(&mut self) {
        self.settle();
        while let Some(deadline) = self.pair.next_deadline() {
            self.pair.now = self.pair.now.max(deadline);
            [Side::Successor, Side::Predecessor].into_iter().for_each(|side| self.fire(side));
            self.settle();
        }
    }

    pub(crate) fn does(&mut self, side: Side, what: impl Into<String>) {
        self.events.push(Event::Does { side, what: what.into() });
    }

    pub(crate) fn hears(&mut self, side: Side, what: impl Into<String>) {
        self.events.push(Event::Hears { side, what: what.into() });
    }

    pub(crate) fn suffers(&mut self, side: Side, what: &'static str) {
        self.events.push(Event::Fault { side, what });
    }

    pub(super) fn sends(&mut self, side: Side, frame: &[u8]) {
        let number = next(&mut self.sent[side as usize]);
        self.events.push(Event::Sends { side, what: message(frame), number });
    }

    pub(super) fn reads(&mut self, side: Side, frame: &[u8], emptying: bool) {
        let number = next(&mut self.read[side as usize]);
        self.events.push(Event::Reads { side, what: message(frame), number, emptying });
    }

    /// Notes what a side waits for once it has nothing else to do, if that is new.
    pub(super) fn note_wait(&mut self, side: Side) {
        let (what, deadline, is_busy) = match side {
            Side::Predecessor => {
                let machine = &self.pair.older.machine;
                let phase = machine.phase();
                // The time for `Owned` begins with `Commit`, before the token is unlocked.
                let is_busy = phase != Phase::Releasing && acts_next(machine);
                (awaited_by_older(phase), machine.poll_deadline(), is_busy)
            }
            Side::Successor => {
                let machine = &self.pair.youngers[0].machine;
                let is_busy = machine.clone().poll_output().is_some();
                (awaited_by_younger(machine.phase()), machine.poll_deadline(), is_busy)
            }
        };
        if is_busy {
            return;
        }
        let now = self.pair.now;
        let before = self.waits[side as usize];
        let since = if before.deadline == deadline { before.since } else { now };
        self.waits[side as usize] = Wait { what, deadline, since };
        if let (Some(what), Some(deadline)) = (what, deadline)
            && before.what != Some(what)
        {
            self.events.push(Event::Waits { side, what, length: deadline - now });
        }
    }

    fn fire(&mut self, side: Side) {
        let now = self.pair.now;
        let wait = self.waits[side as usize];
        let deadline = match side {
            Side::Predecessor => self.pair.older.deadline(),
            Side::Successor => self.pair.youngers[0].deadline(),
        };
        if deadline.is_none_or(|deadline| deadline > now) {
            return;
        }
        let length = deadline.unwrap_or_default() - wait.since;
        if let (Some(what), true) = (wait.what, length != LOCK_RETRY) {
            self.events.push(Event::Waited { side, what, length });
        }
        match side {
            Side::Predecessor => self.pair.older.machine.handle_timeout(now),
            Side::Successor => self.pair.younger().machine.handle_timeout(now),
        }
    }

    /// Whether the successor has settled who owns: what it is told then changes nothing.
    pub(super) fn younger_is_settled(&self) -> bool {
        matches!(self.pair.youngers[0].machine.phase(), Phase::Serving | Phase::Stopped)
    }

    pub(crate) fn is_queued(&self, kind: MessageKind) -> bool {
        let queue = &self.pair.youngers[0].link.to_older;
        queue.iter().any(|frame| kind_of(frame) == Some(kind))
    }
}

/// Whether it has something to do yet, beside telling how far it has come.
fn acts_next(machine: &Predecessor) -> bool {
    let mut machine = machine.clone();
    let tells = |output: &Output| matches!(output, Output::Event(OlderEvent::Entered { .. }));
    std::iter::from_fn(|| machine.poll_output()).any(|output| !tells(&output))
}

fn next(counter: &mut usize) -> usize {
    *counter += 1;
    *counter
}
