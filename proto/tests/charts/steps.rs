//! What one step of a side is, seen from outside: its next output, or its next input.

use heirloom_proto::predecessor::{ConnectionId, Output as OlderOutput};
use heirloom_proto::successor::Output as YoungerOutput;
use heirloom_proto::{Lock, Message};

use crate::event::{Event, Side};
use crate::recorder::Recorder;
use crate::support::{Who, Younger};
use crate::words::{message, of_older, of_younger};

const SUCCESSOR: ConnectionId = ConnectionId(0);

impl Recorder {
    pub(crate) fn step_older(&mut self) -> bool {
        let side = Side::Predecessor;
        if self.pair.older.acts() {
            match self.pair.older.machine.clone().poll_output() {
                Some(output) => self.show_older(&output),
                None => self.show_input_of_older(),
            }
        }
        let moved = self.pair.step_older();
        self.note_wait(side);
        moved
    }

    pub(crate) fn step_younger(&mut self) -> bool {
        let side = Side::Successor;
        if self.pair.youngers[0].acts() {
            match self.pair.youngers[0].machine.clone().poll_output() {
                Some(output) => self.show_younger(&output),
                None => self.show_input_of_younger(),
            }
        }
        let moved = self.pair.step_younger(0);
        self.note_wait(side);
        moved
    }

    fn show_older(&mut self, output: &OlderOutput) {
        let side = Side::Predecessor;
        of_older(output).into_iter().for_each(|what| self.does(side, what));
        match output {
            OlderOutput::Send { connection: SUCCESSOR, frame, .. } => self.show_sent(frame),
            OlderOutput::Send { frame, .. } => {
                self.does(side, format!("{} to whoever said nothing", message(frame)));
            }
            OlderOutput::Close(SUCCESSOR) if self.pair.older.closed.contains(&SUCCESSOR) => {}
            OlderOutput::Close(SUCCESSOR) => self.does(side, "closes the connection"),
            OlderOutput::Close(_) => self.does(side, "closes that connection"),
            OlderOutput::TryLock => {
                let lock = self.pair.kernel.clone().try_lock(Who::Older, self.pair.older.token);
                self.tries(side, lock);
            }
            OlderOutput::Fence(_) if self.pair.older.fence_works => {
                self.suffers(Side::Successor, "KILLED");
            }
            _ => {}
        }
    }

    /// A frame that finds the connection closed tells its sender so, and is lost.
    fn show_sent(&mut self, frame: &[u8]) {
        let side = Side::Predecessor;
        if !self.pair.youngers[0].link.younger_closed {
            self.sends(side, frame);
            if matches!(Message::decode(frame), Ok(Message::Welcome(_))) {
                self.does(side, "closes its copy");
            }
        } else if self.is_handing_over() {
            self.hears(side, "end of file");
        }
    }

    fn show_input_of_older(&mut self) {
        let side = Side::Predecessor;
        let successor = &self.pair.youngers[0];
        let (told_closed, told_died) = self.pair.older.told();
        let is_closed = successor.link.younger_closed && !told_closed.contains(&0);
        let is_dead = successor.reaped && !told_died.contains(&0);
        if self.pair.older.closed.contains(&SUCCESSOR) {
            return;
        }
        match successor.link.to_older.front().cloned() {
            Some(frame) => self.reads(side, &frame, false),
            None if !self.is_handing_over() => {}
            None if is_closed => self.hears(side, "end of file"),
            None if is_dead => self.hears(side, "S is dead"),
            None => {}
        }
    }

    fn is_handing_over(&self) -> bool {
        self.pair.older.machine.successor() == Some(SUCCESSOR)
    }

    fn show_younger(&mut self, output: &YoungerOutput<()>) {
        let side = Side::Successor;
        of_younger(output).into_iter().for_each(|what| self.does(side, what));
        let younger = &self.pair.youngers[0];
        match output {
            YoungerOutput::Send(frame) if !younger.link.older_closed => self.sends(side, frame),
            YoungerOutput::TryLock => {
                let token = younger.token.unwrap();
                let lock = self.pair.kernel.clone().try_lock(Who::Younger(0), token);
                self.tries(side, lock);
            }
            YoungerOutput::Empty => {
                for parcel in younger.link.to_younger.clone() {
                    self.reads(side, &parcel.frame, true);
                }
            }
            _ => {}
        }
    }

    fn show_input_of_younger(&mut self) {
        let side = Side::Successor;
        let Younger { link, .. } = &self.pair.youngers[0];
        let (told_closed, told_died) = self.pair.youngers[0].told();
        let is_closed = link.older_closed && !told_closed;
        let is_dead = self.pair.older.reaped && !told_died;
        if link.younger_closed {
            return;
        }
        match link.to_younger.front().cloned() {
            Some(parcel) => self.reads(side, &parcel.frame, false),
            None if self.younger_is_settled() => {}
            None if is_closed => self.hears(side, "end of file"),
            None if is_dead => self.hears(side, "P is dead"),
            None => {}
        }
    }

    fn tries(&mut self, side: Side, lock: Lock) {
        let got = matches!(lock, Lock::Got { .. });
        self.events.push(Event::Tries { side, got, now: self.pair.now });
    }
}
