//! What a successor's driver does.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use super::link::Link;
use super::predecessor::{connection, without_text};
use super::process::{Next, Part, Process};
use super::{LAST_WORDS, Violation, Weakness, World, hello, settings};
use crate::failure::Failure;
use crate::message::DrainingGeneration;
use crate::predecessor::Elder;
use crate::successor::{Event, Output};
use crate::{Phase, Predecessor, Successor};

/// How often a successor comes again: often enough to meet two predecessors.
const CONNECTIONS: u64 = 2;

impl World {
    fn successor(&mut self, i: usize) -> Option<&mut Box<Successor<()>>> {
        match &mut self.process(i).part {
            Part::Successor(machine) => Some(machine),
            _ => None,
        }
    }

    /// A process looks for a predecessor on the name of the service. Where nobody is, it begins.
    pub(super) fn connect(&mut self, i: usize) {
        if !self.is_name_held() {
            return self.begin(i);
        }
        let watched = self.listener.told;
        let process = self.process(i);
        process.connections += 1;
        process.part = Part::Successor(Successor::new(hello(), Duration::ZERO).into());
        (process.told_closed[i], process.told_died[watched]) = (false, false);
        self.links[i] = Some(Arc::new(Link::new(watched)));
        self.listener.queue.push_back(i);
    }

    fn begin(&mut self, i: usize) {
        let mut machine = Predecessor::new(settings(1, 0, self.weakness), vec![], Duration::ZERO);
        machine.handle_ready(Duration::ZERO);
        let token = self.kernel.create(i, 0);
        *self.process(i) = Process {
            token: Some(token),
            listens: true,
            has_everything: true,
            owns: true,
            is_ready: true,
            generation: 1,
            ..Process::new(Part::Predecessor(machine.into()))
        };
        self.has_owned[i] = true;
        self.publish(i);
    }

    pub(super) fn read_as_successor(&mut self, i: usize) {
        let parcel = self.link(i).and_then(|link| link.to_successor.pop_front());
        let Some(parcel) = parcel else {
            self.process(i).told_closed[i] = true;
            return self.lose_predecessor(i, false);
        };
        let process = self.process(i);
        if let Some(token) = parcel.token {
            (process.token, process.listens) = (Some(token), true);
        }
        if let Part::Successor(machine) = &mut process.part {
            machine.handle_frame(&parcel.frame, vec![(); parcel.descriptors], process.now);
            process.attempt = machine.welcome().map_or(0, |welcome| welcome.attempt);
        }
    }

    /// The predecessor's end of file has come, or its death was told.
    pub(super) fn lose_predecessor(&mut self, i: usize, dead: bool) {
        let adopts = !self.is_weak(Weakness::NoAdoption);
        let dies = dead || self.is_weak(Weakness::DeathByEndOfFile);
        let now = self.processes[i].now;
        let Some(machine) = self.successor(i) else {
            return;
        };
        let waits =
            matches!(machine.phase(), Phase::Preparing | Phase::Committing | Phase::Releasing);
        if waits && !adopts {
            return machine.handle_abandoned("the predecessor is gone");
        }
        if !dead {
            machine.handle_closed(now);
        }
        if dies {
            machine.handle_peer_died(now);
        }
    }

    /// Does what others cannot see. Tells whether there is something that they can.
    pub(super) fn go_on_as_successor(&mut self, i: usize) -> Result<bool, Violation> {
        while let Some(output) = self.successor(i).and_then(|machine| machine.poll_output()) {
            let now = self.processes[i].now;
            match output {
                Output::Token { .. } => {}
                Output::Verify(_) => {
                    if let Some(machine) = self.successor(i) {
                        machine.handle_verified(Ok(()), now);
                    }
                }
                // What arrives later is of no account, so nothing is lost if it comes at once.
                Output::Empty => self.empty(i),
                Output::Event(Event::Inherited) => self.process(i).has_everything = true,
                Output::Event(Event::Owned { late_state, orphaned, .. }) => {
                    self.own(i, &late_state, orphaned)?;
                }
                output => {
                    self.process(i).next = Some(Next::Successor(output));
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    pub(super) fn act_as_successor(
        &mut self,
        i: usize,
        output: Output<()>,
    ) -> Result<(), Violation> {
        let (now, token) = (self.processes[i].now, self.processes[i].token.unwrap_or_default());
        match output {
            Output::Send(frame) => self.send_to_predecessor(i, frame),
            Output::TryLock => {
                let blindly = self.is_weak(Weakness::OwnsWithoutToken) && !now.is_zero();
                let lock = self.try_lock(i, blindly);
                if let Some(machine) = self.successor(i) {
                    machine.handle_lock(lock, now);
                }
            }
            Output::Unlock if self.is_weak(Weakness::KeepsVoidLock) => {}
            Output::Unlock => self.kernel.unlock(i, token),
            Output::RenewToken => {
                let attempt = self.kernel.attempt(token);
                self.process(i).token = Some(self.kernel.create(i, attempt));
            }
            Output::Publish => {
                self.publish(i);
                if let Some(machine) = self.successor(i) {
                    machine.handle_published(Ok(()));
                }
            }
            Output::Event(Event::Failed(failure)) => {
                self.check_let_go(i)?;
                self.fail(i, &failure);
            }
            _ => {}
        }
        Ok(())
    }

    fn empty(&mut self, i: usize) {
        while self.has_unread(i, i) {
            self.read_as_successor(i);
        }
        if let Some(machine) = self.successor(i) {
            machine.handle_emptied();
        }
    }

    fn send_to_predecessor(&mut self, i: usize, frame: Vec<u8>) {
        let Some(link) = self.link(i).filter(|link| !link.predecessor_closed) else {
            return;
        };
        link.to_predecessor.push_back(without_text(frame));
        let now = self.processes[i].now;
        if let Some(machine) = self.successor(i) {
            machine.handle_sent(now);
        }
    }

    /// `ready()` succeeds.
    fn own(&mut self, i: usize, late_state: &[u8], orphaned: bool) -> Result<(), Violation> {
        let Some(welcome) = self.successor(i).and_then(|machine| machine.welcome().cloned()) else {
            return Ok(());
        };
        if self.let_go == Some(welcome.attempt) && late_state != LAST_WORDS {
            return Err(Violation::LastWordsLost(i));
        }
        let settings = settings(welcome.generation, welcome.attempt, self.weakness);
        let elder = Elder {
            connection: connection(i),
            generation: DrainingGeneration {
                generation: welcome.generation - 1,
                pid: 0,
                open: None,
            },
            drains: self.is_weak(Weakness::HandsOnUnsettled),
        };
        let elders = if orphaned { vec![] } else { vec![elder] };
        let mut machine = Predecessor::new(settings, elders, Duration::ZERO);
        let process = self.process(i);
        if process.is_ready {
            machine.handle_ready(Duration::ZERO);
        }
        process.part = Part::Predecessor(machine.into());
        process.owns = true;
        process.generation = welcome.generation;
        self.has_owned[i] = true;
        if self.is_weak(Weakness::DropsName) {
            self.stop_listening(i);
        }
        Ok(())
    }

    /// `ready()` fails. Whoever was closed before he was answered comes again.
    fn fail(&mut self, i: usize, failure: &Failure) {
        self.close_token(i);
        self.stop_listening(i);
        self.close_end(i, i);
        let process = self.process(i);
        match failure {
            Failure::Closed { phase: Phase::Greeting } if process.connections < CONNECTIONS => {
                process.part = Part::Absent;
            }
            _ => process.leave(),
        }
    }
}
