//! The owner's machine alone: whatever comes, in whatever order.

use alloc::collections::BTreeSet;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use super::input::Input;
use super::lock::{Holder, Token};
use crate::limits::MAX_IN_FLIGHT;
use crate::message::{DrainingGeneration, Hello, Message, Received, Secret};
use crate::predecessor::{Attachment, ConnectionId, Elder, Event, Output, Settings};
use crate::{Entry, Phase, Predecessor, Timeouts};

const SECRET: Secret = Secret([7; 32]);

/// Takes `data` for what befalls an owner: connections, frames, deaths, answers of its driver, time.
/// Tells what it is doing in the end.
///
/// # Panics
///
/// When it asks for something that makes no sense, or serves without holding the token: that is a
/// finding.
pub fn predecessor_steps(data: &[u8]) -> Phase {
    let mut side = Side::new(Input::new(data));
    while !side.input.is_empty() {
        side.step();
        side.perform();
        side.check();
    }
    side.machine.phase()
}

struct Side<'a> {
    input: Input<'a>,
    machine: Predecessor,
    token: Token,
    /// The attempt that this side has begun last.
    attempt: u64,
    now: Duration,
    open: BTreeSet<ConnectionId>,
    connections: u64,
    /// A frame that the kernel has not taken yet.
    unsent: Option<ConnectionId>,
    /// The application was asked to freeze and has not answered.
    freezing: bool,
    frozen: bool,
    entry: Arc<Entry>,
    sent: u64,
    received: u64,
    has_exited: bool,
}

impl<'a> Side<'a> {
    fn new(mut input: Input<'a>) -> Self {
        let settings = Settings {
            service: "echo".into(),
            build: "1".into(),
            generation: input.byte().into(),
            pid: 1,
            attempt: 0,
            timeouts: match input.flag() {
                true => input.timeouts(),
                false => Timeouts::default(),
            },
            draining_cap: 2,
            fence: input.flag(),
        };
        let elder = input.flag().then_some(Elder {
            connection: ConnectionId(0),
            generation: DrainingGeneration { generation: 1, pid: 2, open: None },
            drains: false,
        });
        let open: BTreeSet<_> = elder.iter().map(|elder| elder.connection).collect();
        let elders = elder.into_iter().collect();
        let machine = Predecessor::new(settings, elders, Duration::ZERO);
        Self {
            machine,
            token: Token { holder: Some(Holder::ThisSide), attempt: 0 },
            attempt: 0,
            now: Duration::ZERO,
            connections: open.len() as u64,
            open,
            unsent: None,
            freezing: false,
            frozen: false,
            entry: Arc::new(input.entry()),
            input,
            sent: 0,
            received: 0,
            has_exited: false,
        }
    }

    fn step(&mut self) {
        let now = self.now;
        match self.input.choose(16) {
            0 => self.connect(),
            1 => {
                let frame = self.input.frame();
                self.say(&frame);
            }
            2 => self.say_what_is_due(),
            3 => self.take_frame(),
            4 => {
                if let Some(connection) = self.pick() {
                    self.machine.handle_closed(connection, now);
                }
            }
            5 => {
                if let Some(connection) = self.pick() {
                    self.machine.handle_peer_died(connection, None, now);
                }
            }
            6 => self.pass(),
            7 => self.pass_deadline(),
            8 => {
                let _ = self.machine.handle_upgrade(SECRET, now);
            }
            9 => self.machine.handle_spawn_failed("no such file".into(), now),
            10 => self.machine.handle_spawned_exited("exit status: 1".into(), now),
            11 => self.machine.handle_stop(now),
            12 if self.input.flag() => self.machine.handle_open_changed(now),
            12 => self.machine.handle_drained(),
            13 => self.machine.handle_ready(now),
            14 => self.answer_freeze(),
            _ => self.token.meddle(self.input.choose(3)),
        }
    }

    fn connect(&mut self) {
        let connection = ConnectionId(self.connections);
        self.connections += 1;
        self.open.insert(connection);
        self.machine.handle_connected(connection, 7, self.now);
    }

    fn pick(&mut self) -> Option<ConnectionId> {
        let index = usize::from(self.input.byte()) % self.open.len().max(1);
        self.open.iter().nth(index).copied()
    }

    fn say(&mut self, frame: &[u8]) {
        if let Some(connection) = self.pick() {
            self.say_on(connection, frame);
        }
    }

    fn say_on(&mut self, connection: ConnectionId, frame: &[u8]) {
        if let (true, Ok(Message::Received(Received { count }))) =
            (self.machine.successor() == Some(connection), Message::decode(frame))
        {
            self.received = self.received.max(count.min(self.sent));
        }
        self.machine.handle_frame(connection, frame, self.now);
    }

    /// What a good successor would say next.
    fn say_what_is_due(&mut self) {
        let message = match self.machine.phase() {
            Phase::Serving | Phase::Spawning => Message::Hello(Hello {
                lowest: 1,
                highest: 1,
                free_slots: 2_000,
                service: "echo".into(),
                secret: (self.machine.phase() == Phase::Spawning).then_some(SECRET),
                ..self.input.hello()
            }),
            Phase::Transferring => Message::Received(Received { count: self.sent }),
            Phase::Preparing => {
                let strays = Vec::new();
                Message::Ready(crate::message::Ready { stray_count: 0, strays })
            }
            _ => Message::Owned,
        };
        let frame = message.encode().unwrap_or_default();
        match self.machine.successor() {
            Some(successor) => self.say_on(successor, &frame),
            None => self.say(&frame),
        }
    }

    fn take_frame(&mut self) {
        if let Some(connection) = self.unsent.take() {
            self.machine.handle_sent(connection, self.now);
        }
    }

    fn pass(&mut self) {
        self.now += Duration::from_millis(self.input.number() % 100_000);
        self.machine.handle_timeout(self.now);
    }

    /// A deadline that has passed does not come again.
    fn pass_deadline(&mut self) {
        let Some(deadline) = self.machine.poll_deadline() else {
            return;
        };
        self.now = self.now.max(deadline);
        self.machine.handle_timeout(self.now);
        self.perform();
        let next = self.machine.poll_deadline();
        assert!(next.is_none_or(|next| next > self.now), "{next:?} was due at {:?}", self.now);
    }

    fn answer_freeze(&mut self) {
        if core::mem::take(&mut self.freezing) {
            let answer = match self.input.flag() {
                true => Err(self.input.abort()),
                false => Ok(self.input.bytes(100_000).to_vec()),
            };
            self.machine.handle_frozen(answer, self.now);
        }
    }

    fn perform(&mut self) {
        while let Some(output) = self.machine.poll_output() {
            self.perform_one(output);
        }
    }

    fn perform_one(&mut self, output: Output) {
        let now = self.now;
        match output {
            Output::Send { connection, frame, attachment } => {
                self.send(connection, &frame, &attachment);
            }
            Output::Tell { connection, frame } => {
                assert!(
                    self.open.contains(&connection),
                    "it tells {connection:?}, which is closed"
                );
                let told = Message::decode(&frame);
                assert!(matches!(told, Ok(Message::Happened(_))), "a watcher is told {told:?}");
                if self.input.flag() {
                    self.machine.handle_closed(connection, now);
                }
            }
            Output::Report(connection) => {
                let report = Message::StatusReport(self.machine.report(now));
                self.send(connection, &report.encode().unwrap_or_default(), &Attachment::None);
            }
            Output::CountOpen => {
                assert_eq!(self.machine.phase(), Phase::Draining);
                let open = self.input.flag().then(|| self.input.number());
                self.machine.handle_open(open);
            }
            Output::Close(connection) => {
                assert!(self.open.remove(&connection), "it closes {connection:?} again");
                self.unsent.take_if(|unsent| *unsent == connection);
            }
            Output::TakeSnapshot => {
                (self.sent, self.received) = (0, 0);
                let count = usize::from(self.input.byte()) * 8;
                self.machine.handle_snapshot(vec![Arc::clone(&self.entry); count], now);
            }
            Output::WriteAttempt(attempt) => {
                assert!(self.token.is_held());
                let is_settled = self.machine.elders().iter().all(|elder| elder.drains);
                let stops = self.machine.phase() == Phase::Stopped;
                assert!(is_settled || stops, "it begins before the generation before it drains");
                (self.token.attempt, self.attempt) = (attempt, attempt);
            }
            Output::Freeze => {
                assert!(!self.frozen, "it is frozen already");
                (self.freezing, self.frozen) = (true, true);
                if self.input.flag() {
                    self.answer_freeze();
                }
            }
            Output::Thaw => {
                assert!(self.frozen, "it was not frozen");
                (self.freezing, self.frozen) = (false, false);
            }
            Output::Unlock => self.token.unlock(),
            Output::TryLock => {
                let lock = self.token.try_lock();
                self.machine.handle_lock(lock, now);
            }
            Output::RenewToken => self.token.holder = Some(Holder::ThisSide),
            Output::Fence(_) => {
                if self.input.flag() {
                    self.machine.handle_fence_failed(now);
                }
            }
            Output::Event(event) => self.handle_event(event),
            Output::Spawn | Output::Condemn => {}
        }
    }

    fn send(&mut self, connection: ConnectionId, frame: &[u8], attachment: &Attachment) {
        assert!(self.open.contains(&connection), "it speaks to {connection:?}, which is closed");
        let message = Message::decode(frame);
        match &message {
            Ok(Message::Manifest(manifest)) => {
                let Attachment::Entries(range) = attachment else {
                    panic!("a manifest without descriptors");
                };
                assert_eq!((range.start as u64, range.len()), (self.sent, manifest.entries.len()));
                self.sent += range.len() as u64;
                assert!(self.sent - self.received <= MAX_IN_FLIGHT as u64, "too much on its way");
            }
            Ok(Message::Welcome(_)) => assert_eq!(attachment, &Attachment::Token),
            Ok(
                Message::Refuse(_)
                | Message::Commit(_)
                | Message::Released
                | Message::Draining
                | Message::Open(_)
                | Message::Retired
                | Message::Abort(_)
                | Message::StatusReport(_)
                | Message::Outcome(_),
            ) => assert_eq!(attachment, &Attachment::None),
            other => panic!("an owner does not say {other:?}"),
        }
        match self.input.flag() {
            true => self.unsent = Some(connection),
            false => self.machine.handle_sent(connection, self.now),
        }
    }

    fn handle_event(&mut self, event: Event) {
        match event {
            Event::Owned { .. } => {
                assert!(!core::mem::replace(&mut self.has_exited, true), "it ends twice");
                assert!(!self.token.is_held(), "it ends with the token in its hands");
                self.frozen = false;
            }
            Event::TakenBack { .. } => {
                assert!(self.token.is_held(), "it took back nothing");
                assert_eq!(self.token.attempt, self.attempt, "it takes a later owner's service");
            }
            Event::UpgradeAsked { tool } => {
                self.machine.handle_asked_upgrade(tool, SECRET, self.now);
            }
            _ => {}
        }
    }

    /// What holds whenever there is nothing left to do.
    fn check(&self) {
        match self.machine.phase() {
            Phase::Releasing | Phase::Fencing | Phase::Draining => {
                assert!(!self.token.is_held(), "it keeps the token while {}", self.machine.phase());
            }
            phase => assert!(self.token.is_held(), "it is {phase} without the token"),
        }
        let moves =
            matches!(self.machine.phase(), Phase::Committing | Phase::Releasing | Phase::Fencing);
        assert!(!self.frozen || moves, "the application stays frozen");
        assert_eq!(self.has_exited, self.machine.phase() == Phase::Draining);
    }
}
