//! The driver of the owner's machine, as far as the machine can tell.

use std::sync::Arc;
use std::time::Duration;

use heirloom_proto::predecessor::{Attachment, ConnectionId, Event, Output, Settings};
use heirloom_proto::{Abort, Entry, Failure, Message, Predecessor};

use super::kernel::{Kernel, Who};
use super::link::Parcel;
use super::younger::Younger;

#[derive(Clone, Debug)]
pub struct Older {
    pub machine: Predecessor,
    pub alive: bool,
    /// The kernel has told of its death.
    pub reaped: bool,
    /// The process is stopped: it does nothing, and nothing is lost.
    pub frozen: bool,
    pub entries: Vec<Arc<Entry>>,
    pub token: usize,
    /// What the application answers when it is asked to freeze; `None`: nothing yet.
    pub late_state: Option<Result<Vec<u8>, Abort>>,
    pub application_frozen: bool,
    pub fence_works: bool,
    /// Whether it ends a successor that holds the token in silence.
    pub fences: bool,
    /// Successors whose end of file and death it has been told.
    told_closed: Vec<usize>,
    told_died: Vec<usize>,
    /// What has happened, but for who was refused and how far a handoff has come.
    pub events: Vec<Event>,
    pub passed: Vec<Event>,
    /// What the application counts.
    pub open: Option<u64>,
    /// What went to connections that are no successor's.
    pub said: Vec<(ConnectionId, Message)>,
    pub closed: Vec<ConnectionId>,
    pub spawns: usize,
    pub condemned: usize,
    pub fenced: usize,
    /// Most descriptors that were on their way at once.
    pub most_in_flight: usize,
}

impl Older {
    pub fn serving(settings: Settings, entries: Vec<Arc<Entry>>) -> Self {
        let fences = settings.fence;
        let mut machine = Predecessor::new(settings, Vec::new(), Duration::ZERO);
        machine.handle_ready(Duration::ZERO);
        Self {
            machine,
            alive: true,
            reaped: false,
            frozen: false,
            entries,
            token: 0,
            late_state: Some(Ok(Vec::new())),
            application_frozen: false,
            fence_works: true,
            fences,
            told_closed: Vec::new(),
            told_died: Vec::new(),
            events: Vec::new(),
            passed: Vec::new(),
            open: None,
            said: Vec::new(),
            closed: Vec::new(),
            spawns: 0,
            condemned: 0,
            fenced: 0,
            most_in_flight: 0,
        }
    }

    /// Why the latest handoff has failed, if that is the latest event.
    pub fn failure(&self) -> Option<&Failure> {
        match self.events.last()? {
            Event::Failed(ended) => Some(&ended.failure),
            _ => None,
        }
    }

    pub fn acts(&self) -> bool {
        self.alive && !self.frozen
    }

    /// What it has been told of ends and deaths.
    pub fn told(&self) -> (&[usize], &[usize]) {
        (&self.told_closed, &self.told_died)
    }

    pub fn deadline(&self) -> Option<Duration> {
        self.machine.poll_deadline().filter(|_| self.acts())
    }

    pub fn step(&mut self, kernel: &mut Kernel, youngers: &mut [Younger], now: Duration) -> bool {
        if !self.acts() {
            return false;
        }
        if let Some(output) = self.machine.poll_output() {
            self.carry_out(output, kernel, youngers, now);
            return true;
        }
        (0..youngers.len()).any(|index| self.take_input(index, &mut youngers[index], now))
    }

    fn take_input(&mut self, index: usize, younger: &mut Younger, now: Duration) -> bool {
        let connection = ConnectionId(index as u64);
        if self.closed.contains(&connection) {
            return false;
        }
        if younger.link.to_younger.len() < younger.link.room
            && let Some(parcel) = younger.link.to_send.pop_front()
        {
            self.deliver(parcel, connection, younger, now);
        } else if let Some(frame) = younger.link.to_older.pop_front() {
            self.machine.handle_frame(connection, &frame, now);
        } else if younger.link.younger_closed && !self.told_closed.contains(&index) {
            self.told_closed.push(index);
            self.machine.handle_closed(connection, now);
        } else {
            return self.hear_of_death(index, younger, now);
        }
        true
    }

    /// The kernel tells of a successor's death, whatever else has not been read.
    pub fn hear_of_death(&mut self, index: usize, younger: &Younger, now: Duration) -> bool {
        let news = self.acts() && younger.reaped && !self.told_died.contains(&index);
        if news {
            self.told_died.push(index);
            let status = Some("signal: 9".into());
            self.machine.handle_peer_died(ConnectionId(index as u64), status, now);
        }
        news
    }

    fn deliver(
        &mut self,
        parcel: Parcel,
        connection: ConnectionId,
        younger: &mut Younger,
        now: Duration,
    ) {
        if younger.link.younger_closed {
            return self.machine.handle_closed(connection, now);
        }
        younger.link.to_younger.push_back(parcel);
        let flying = younger.link.to_younger.iter();
        let flying = flying.map(|parcel| parcel.descriptors).sum();
        self.most_in_flight = self.most_in_flight.max(flying);
        self.machine.handle_sent(connection, now);
    }

    fn carry_out(
        &mut self,
        output: Output,
        kernel: &mut Kernel,
        youngers: &mut [Younger],
        now: Duration,
    ) {
        match output {
            Output::Send { connection, frame, attachment } => {
                self.send(connection, frame, &attachment, youngers, now)
            }
            Output::Close(connection) => self.close(connection, youngers),
            Output::TakeSnapshot => self.machine.handle_snapshot(self.entries.clone(), now),
            Output::WriteAttempt(attempt) => kernel.write_attempt(self.token, attempt),
            Output::Spawn => self.spawns += 1,
            Output::Condemn => self.condemned += 1,
            Output::Freeze => self.freeze(now),
            Output::Thaw => self.application_frozen = false,
            Output::Unlock => kernel.unlock(Who::Older, self.token),
            Output::TryLock => {
                let Some(connection) = self.machine.successor() else {
                    return self.machine.handle_lock(kernel.try_lock(Who::Older, self.token), now);
                };
                let index = connection.0 as usize;
                if self.hear_of_death(index, &youngers[index], now) {
                    return;
                }
                let lock = kernel.try_lock(Who::Older, self.token);
                for frame in youngers[index].link.to_older.drain(..) {
                    self.machine.handle_frame(connection, &frame, now);
                }
                self.machine.handle_lock(lock, now);
            }
            Output::RenewToken => self.token = kernel.renew(Who::Older),
            Output::Fence(connection) => self.fence(connection, kernel, youngers, now),
            Output::Event(
                event @ (Event::Introduced { .. } | Event::Entered { .. } | Event::Refused { .. }),
            ) => self.passed.push(event),
            Output::Event(event) => self.events.push(event),
            Output::Report(connection) => {
                let report = Message::StatusReport(self.machine.report(now)).encode().unwrap();
                self.send(connection, report, &Attachment::None, youngers, now);
            }
            Output::Tell { connection, frame } => {
                self.send(connection, frame, &Attachment::None, youngers, now);
            }
            Output::CountOpen => self.machine.handle_open(self.open),
            other => panic!("an output that this test does not know: {other:?}"),
        }
    }

    fn send(
        &mut self,
        connection: ConnectionId,
        frame: Vec<u8>,
        attachment: &Attachment,
        youngers: &mut [Younger],
        now: Duration,
    ) {
        let descriptors = match attachment {
            Attachment::None => 0,
            Attachment::Token => 2,
            Attachment::Entries(range) => range.len(),
        };
        let Some(younger) = youngers.get_mut(connection.0 as usize) else {
            let message = Message::decode(&frame).unwrap();
            return self.said.push((connection, message));
        };
        let token = self.token;
        younger.link.to_send.push_back(Parcel { frame, descriptors, token });
        if younger.link.to_younger.len() < younger.link.room
            && let Some(parcel) = younger.link.to_send.pop_front()
        {
            self.deliver(parcel, connection, younger, now);
        }
    }

    fn close(&mut self, connection: ConnectionId, youngers: &mut [Younger]) {
        self.closed.push(connection);
        if let Some(younger) = youngers.get_mut(connection.0 as usize) {
            younger.link.older_closed = true;
            younger.link.to_send.clear();
        }
    }

    fn freeze(&mut self, now: Duration) {
        self.application_frozen = true;
        if let Some(late_state) = self.late_state.clone() {
            self.machine.handle_frozen(late_state, now);
        }
    }

    fn fence(
        &mut self,
        connection: ConnectionId,
        kernel: &mut Kernel,
        youngers: &mut [Younger],
        now: Duration,
    ) {
        let index = connection.0 as usize;
        self.fenced += 1;
        match self.fence_works {
            true => youngers[index].die(kernel, index),
            false => self.machine.handle_fence_failed(now),
        }
    }
}
