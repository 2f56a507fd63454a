//! Asking the application for its state, without waiting for it.

use std::time::Duration;

use heirloom_proto::{Abort, AbortReason, Failure};

use super::PredecessorSide;
use super::snapshot::Snapshot;
use crate::holdings::Holdings;
use crate::slots::way_out;
use crate::state::{Answer, Question, Stated};

/// How long all providers may take together. A successor waits 5 s for its `Welcome`.
const PROVIDE_TIMEOUT: Duration = Duration::from_secs(4);

impl PredecessorSide {
    /// Asks for every state; the manifest is made when they are here.
    pub(super) fn ask_for_state(&mut self, holdings: &Holdings) {
        let (offers, latest) = holdings.state.offers();
        self.asked = latest;
        if offers.is_empty() {
            return self.take_snapshot(holdings, Vec::new());
        }
        let (mailbox, now) = (&holdings.mailbox, holdings.now());
        let asked = self.asking.ask(Question::Provide, offers, PROVIDE_TIMEOUT, mailbox, now);
        self.decline_unless(asked, now);
    }

    /// Nothing more is registered, and everything that can be is frozen.
    pub(super) fn freeze(&mut self, holdings: &mut Holdings) {
        holdings.reserve_pid(true);
        let registry = holdings.registry.seal(self.snapshot.number);
        let (mailbox, now) = (&holdings.mailbox, holdings.now());
        match registry.and_then(|()| holdings.state.seal(self.asked)) {
            Err(abort) => self.machine.handle_frozen(Err(abort), now),
            Ok(()) => {
                let offers = holdings.state.to_freeze();
                if offers.is_empty() {
                    return self.machine.handle_frozen(Ok(Vec::new()), now);
                }
                let allowed = freeze_timeout(holdings.settings.timeouts.commit);
                let asked = self.asking.ask(Question::Freeze, offers, allowed, mailbox, now);
                if let Err(text) = asked {
                    self.machine.handle_frozen(Err(gave_up(&text)), now);
                }
            }
        }
    }

    /// The handoff has failed after that: everything is as before.
    pub(super) fn thaw(&mut self, holdings: &Holdings) {
        self.asking.thaw();
        holdings.state.open();
        holdings.registry.open();
    }

    /// The application has answered.
    pub(crate) fn answered(&mut self, holdings: &Holdings, number: u64, answer: Answer) {
        let now = holdings.now();
        match self.asking.answered(number, answer, &holdings.mailbox, now) {
            Ok(Some(Answer::Provided(Ok(states)))) => self.take_snapshot(holdings, states),
            Ok(Some(Answer::Provided(Err(text)))) | Err(text) => self.decline(&text, now),
            Ok(Some(Answer::Frozen(late_state))) => {
                let late_state = late_state.map_err(|text| gave_up(&text));
                self.machine.handle_frozen(late_state, now);
            }
            Ok(Some(Answer::Thawed) | None) => {}
        }
    }

    /// The application has taken too long, if it has.
    pub(super) fn give_up_waiting(&mut self, now: Duration) {
        match self.asking.overdue(now) {
            Some((Question::Provide, text)) => self.decline(&text, now),
            Some((Question::Freeze, text)) => {
                self.machine.handle_frozen(Err(gave_up(&text)), now);
            }
            None => {}
        }
    }

    fn take_snapshot(&mut self, holdings: &Holdings, states: Vec<Stated>) {
        match Snapshot::take(holdings, self.machine.elders(), states) {
            Ok((snapshot, entries)) => {
                self.snapshot = snapshot;
                self.machine.handle_snapshot(entries, holdings.now());
            }
            Err(error) => {
                let way_out = way_out(&error);
                self.give_up(holdings, &format!("the manifest cannot be made: {error}{way_out}"));
            }
        }
    }

    fn decline_unless(&mut self, asked: Result<(), String>, now: Duration) {
        if let Err(text) = asked {
            self.decline(&text, now);
        }
    }

    /// The application has nothing to hand over that a successor could go on with.
    fn decline(&mut self, text: &str, now: Duration) {
        if let Some(successor) = self.machine.successor() {
            self.machine.handle_garbage(successor, Failure::Aborted(gave_up(text)), now);
        }
    }
}

/// How long everything may take to be frozen: a successor gives up after twice the commit timeout, and
/// the machine after 5 s.
fn freeze_timeout(commit: Duration) -> Duration {
    (commit.saturating_mul(3) / 2).min(Duration::from_secs(4))
}

fn gave_up(text: &str) -> Abort {
    Abort::new(AbortReason::Application, text)
}
