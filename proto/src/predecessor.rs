//! The owner's side: it answers whoever connects, hands the service over to one of them at a time,
//! and takes it back when that fails.
//!
//! The contract with the driver: after every input take outputs until there is none. `Send` is
//! answered with [`Predecessor::handle_sent`] once the kernel has taken the frame, `TryLock` with
//! every frame that is queued and then [`Predecessor::handle_lock`], or with
//! [`Predecessor::handle_peer_died`] if the successor turns out to be dead, `TakeSnapshot` with
//! [`Predecessor::handle_snapshot`], `Freeze` with [`Predecessor::handle_frozen`], `Spawn` with
//! [`Predecessor::handle_spawn_failed`] if it fails, `Fence` with
//! [`Predecessor::handle_fence_failed`] if the kernel does not let it be.

mod admission;
mod commit;
mod handoff;
mod offer;
mod open;
mod output;
mod pending;
mod settings;
pub mod steps;
mod watch;

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

pub use output::{Attachment, ConnectionId, Ended, Event, Output};
pub use settings::{Elder, Settings};

use crate::abort::{Abort, AbortReason};
use crate::failure::Failure;
use crate::limits::clip;
use crate::message::{DrainingGeneration, Message, Secret};
use crate::phase::Phase;
use handoff::{Handoff, Step};
use open::Telling;
use pending::Pending;

#[doc = include_str!("predecessor/examples.md")]
#[derive(Clone, Debug, Hash)]
pub struct Predecessor {
    settings: Settings,
    service: Service,
    since: Duration,
    entries: u64,
    pending: Pending,
    watchers: Vec<ConnectionId>,
    telling: Telling,
    elders: Vec<Elder>,
    handoff: Option<Handoff>,
    stop_wanted: bool,
    outputs: VecDeque<Output>,
}

/// What the process is to the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Service {
    Starting,
    Serving,
    /// The successor is told when it is over, unless it is gone itself.
    Draining {
        successor: Option<ConnectionId>,
    },
    Stopped,
}

impl Predecessor {
    /// An owner that has yet to become ready. `elders` are the generations that have not retired.
    pub fn new(settings: Settings, elders: Vec<Elder>, now: Duration) -> Self {
        let build = clip(&settings.build);
        let timeouts = settings.timeouts.capped();
        Self {
            settings: Settings { build, timeouts, ..settings },
            service: Service::Starting,
            since: now,
            entries: 0,
            pending: Pending::default(),
            watchers: Vec::new(),
            telling: Telling::default(),
            elders,
            handoff: None,
            stop_wanted: false,
            outputs: VecDeque::new(),
        }
    }

    /// The application has become ready: handoffs are accepted from now on.
    pub fn handle_ready(&mut self, now: Duration) {
        if self.service == Service::Starting {
            self.enter(Service::Serving, now);
        }
    }

    /// How many entries would be handed over now; told to tools.
    pub fn handle_entries(&mut self, entries: u64) {
        self.entries = entries;
    }

    /// A peer has connected whose credentials are right. `pid` is what the kernel tells of it.
    pub fn handle_connected(&mut self, connection: ConnectionId, pid: u32, now: Duration) {
        if let Some(evicted) = self.pending.insert(connection, pid, now) {
            self.outputs.push_back(Output::Close(evicted));
        }
    }

    /// The control socket has moved to another address. Who has connected at the old one and has begun
    /// nothing is closed: it would be handed a listener that it has not met.
    pub fn handle_moved(&mut self) {
        self.outputs.extend(self.pending.drain().into_iter().map(Output::Close));
    }

    /// A frame has come, with no descriptors: an owner takes none.
    pub fn handle_frame(&mut self, connection: ConnectionId, frame: &[u8], now: Duration) {
        let message = match Message::decode(frame) {
            Ok(Message::Unknown(_)) => return,
            Ok(message) => message,
            Err(invalid) => return self.handle_garbage(connection, invalid.into(), now),
        };
        if let Some(pid) = self.pending.pid(connection) {
            self.handle_first(connection, pid, message, now);
        } else if self.is_handoff(connection) {
            self.handle_step(message, now);
        } else if self.is_watcher(connection) {
            self.close(connection, now);
        } else {
            self.handle_elder(connection, &message, now);
        }
    }

    /// A connection has brought something that is no frame; `failure` says what.
    pub fn handle_garbage(&mut self, connection: ConnectionId, failure: Failure, now: Duration) {
        if self.is_handoff(connection) {
            self.fail(failure, now);
        // What the generation before says wrongly does not tell whether it knows of its successor.
        } else if self.is_known(connection) && !self.is_unsettled(connection) {
            if self.pending.pid(connection).is_some() || self.is_watcher(connection) {
                self.send(connection, &Message::Abort(failure.to_abort()));
            }
            self.close(connection, now);
        }
    }

    /// The kernel has taken the last frame for this connection.
    pub fn handle_sent(&mut self, connection: ConnectionId, now: Duration) {
        if self.is_handoff(connection) {
            self.advance(now);
        } else if self.service == (Service::Draining { successor: Some(connection) }) {
            self.open_told(now);
        }
    }

    /// The peer has closed the connection, or sending on it has failed.
    pub fn handle_closed(&mut self, connection: ConnectionId, now: Duration) {
        if self.is_handoff(connection) {
            let phase = self.phase();
            self.lose(Failure::Closed { phase }, false, now);
        } else {
            self.close(connection, now);
        }
    }

    /// The peer's process has ended: the kernel says so. `status` tells how, where it is known.
    pub fn handle_peer_died(
        &mut self,
        connection: ConnectionId,
        status: Option<String>,
        now: Duration,
    ) {
        if self.is_handoff(connection) {
            let phase = self.phase();
            self.lose(Failure::Died { phase, status }, true, now);
        } else {
            self.close(connection, now);
        }
    }

    /// The application or a tool wants an upgrade: a successor is to be spawned with `secret`.
    ///
    /// # Errors
    ///
    /// [`Failure::Refused`], with the reason, when it cannot begin now.
    pub fn handle_upgrade(&mut self, secret: Secret, now: Duration) -> Result<(), Failure> {
        self.begin_spawn(secret, None, now).map_err(Failure::Refused)
    }

    /// No process could be spawned.
    pub fn handle_spawn_failed(&mut self, reason: String, now: Duration) {
        if self.handoff.as_ref().is_some_and(|handoff| matches!(handoff.step, Step::Spawning(_))) {
            self.fail(Failure::Spawn(reason), now);
        }
    }

    /// The process spawned last has ended before anybody introduced himself with its secret.
    pub fn handle_spawned_exited(&mut self, status: String, now: Duration) {
        if self.handoff.as_ref().is_some_and(|handoff| matches!(handoff.step, Step::Spawning(_))) {
            let failure = Failure::Died { phase: Phase::Spawning, status: Some(status) };
            self.fail(failure, now);
        }
    }

    /// The application wants no more upgrades. A handoff that has not reached the token is given up;
    /// one that has is waited for.
    pub fn handle_stop(&mut self, now: Duration) {
        match (self.service, &self.handoff) {
            (Service::Draining { .. } | Service::Stopped, _) => {}
            (_, Some(handoff)) if handoff.step.has_released() => self.stop_wanted = true,
            _ => {
                let abort = Abort::new(AbortReason::Stopping, "the service is being stopped");
                self.fail(Failure::Aborted(abort), now);
                self.stop(now);
            }
        }
    }

    /// The application has finished what it had in flight.
    pub fn handle_drained(&mut self) {
        if let Service::Draining { successor } = &mut self.service
            && let Some(successor) = successor.take()
        {
            self.send(successor, &Message::Retired);
            self.outputs.push_back(Output::Close(successor));
        }
    }

    /// Time has passed; call it when [`poll_deadline`](Self::poll_deadline) is reached, after every
    /// frame that had arrived by `now` has been handled.
    pub fn handle_timeout(&mut self, now: Duration) {
        for connection in self.pending.expired(now) {
            self.outputs.push_back(Output::Close(connection));
        }
        self.handle_handoff_timeout(now);
        self.count_open(now);
    }

    /// What to do next, if anything. Take until there is none after every input.
    pub fn poll_output(&mut self) -> Option<Output> {
        if self.outputs.is_empty() {
            self.push_batch();
        }
        self.outputs.pop_front()
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due. Ask again after every input.
    pub fn poll_deadline(&self) -> Option<Duration> {
        let handoff = self.handoff.as_ref().and_then(Handoff::deadline);
        [self.pending.deadline(), handoff, self.open_deadline()].into_iter().flatten().min()
    }

    /// What this process is doing.
    pub fn phase(&self) -> Phase {
        match (self.service, &self.handoff) {
            (_, Some(handoff)) => handoff.step.phase(),
            (Service::Starting, None) => Phase::Starting,
            (Service::Serving, None) => Phase::Serving,
            (Service::Draining { .. }, None) => Phase::Draining,
            (Service::Stopped, None) => Phase::Stopped,
        }
    }

    /// The generations that have not retired.
    pub fn elders(&self) -> &[Elder] {
        &self.elders
    }

    /// The connection of the running handoff, once there is one.
    pub fn successor(&self) -> Option<ConnectionId> {
        self.handoff.as_ref().and_then(|handoff| handoff.connection)
    }

    fn is_handoff(&self, connection: ConnectionId) -> bool {
        self.successor() == Some(connection)
    }

    fn is_known(&self, connection: ConnectionId) -> bool {
        self.pending.pid(connection).is_some()
            || self.is_watcher(connection)
            || self.elders.iter().any(|elder| elder.connection == connection)
    }

    /// It leads to the generation before this one, which may yet take the service back.
    fn is_unsettled(&self, connection: ConnectionId) -> bool {
        self.elders.iter().any(|elder| elder.connection == connection && !elder.drains)
    }

    fn age(&self, now: Duration) -> Duration {
        now.saturating_sub(self.since)
    }

    fn enter(&mut self, service: Service, now: Duration) {
        self.service = service;
        self.since = now;
    }

    fn stop(&mut self, now: Duration) {
        // Every attempt there has been is void, so that no successor that comes to itself late takes a
        // service for orphaned that was stopped.
        self.settings.attempt = self.settings.attempt.wrapping_add(1);
        self.outputs.push_back(Output::WriteAttempt(self.settings.attempt));
        self.enter(Service::Stopped, now);
        self.emit(Event::Stopped);
    }

    fn send(&mut self, connection: ConnectionId, message: &Message) {
        // Every message of this side is made within its bounds, so it always has a frame.
        if let Ok(frame) = message.encode() {
            self.outputs.push_back(Output::Send {
                connection,
                frame,
                attachment: Attachment::None,
            });
        }
    }

    /// A message of an older generation.
    fn handle_elder(&mut self, connection: ConnectionId, message: &Message, now: Duration) {
        let mut elders = self.elders.iter_mut();
        let elder = elders.find(|elder| elder.connection == connection);
        match (elder, message) {
            (Some(elder), Message::Draining) => {
                elder.drains = true;
                self.count_if_settled(now);
            }
            (Some(elder), Message::Open(told)) if elder.drains => {
                elder.generation.open = Some(told.open);
            }
            (Some(_), Message::Retired) => self.close(connection, now),
            _ => {}
        }
    }

    /// Forgets a connection that is not the handoff's, and closes it. One that is forgotten is closed
    /// already: what is still to be told on it may fail meanwhile.
    fn close(&mut self, connection: ConnectionId, now: Duration) {
        let is_it = |one: &mut ConnectionId| *one == connection;
        let asked = self.handoff.as_mut().and_then(|handoff| handoff.tool.take_if(is_it));
        let heir = match &mut self.service {
            Service::Draining { successor } => successor.take_if(is_it),
            _ => None,
        };
        if self.is_known(connection) || asked.is_some() || heir.is_some() {
            self.pending.remove(connection);
            self.forget_watcher(connection);
            self.forget_elder(connection, now);
            self.outputs.push_back(Output::Close(connection));
        }
    }

    fn forget_elder(&mut self, connection: ConnectionId, now: Duration) {
        let gone = |elder: &Elder| elder.connection == connection;
        if let Some(index) = self.elders.iter().position(gone) {
            let elder = self.elders.swap_remove(index);
            let DrainingGeneration { generation, pid, .. } = elder.generation;
            self.emit(Event::Retired { generation, pid });
            self.count_if_settled(now);
        }
    }
}

pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
