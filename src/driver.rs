//! One thread, one poll loop: sockets, processes, commands and signals go in, and the machines say
//! what comes out. Idle, it waits in one system call without a time limit.

mod connection;
mod core;
mod mailbox;
mod role;
mod sources;
mod step;

use std::time::Duration;

use heirloom_proto::Failure;
use heirloom_proto::predecessor::ConnectionId;

pub(crate) use connection::{Connection, Unsent};
pub(crate) use core::{Core, Sent, SignalSource};
pub(crate) use mailbox::{Command, Mailbox, Reply, reply};
pub(crate) use role::Role;
pub(crate) use step::{Edge, Side, step, step_frame};

use crate::error::{Error, ErrorKind};
use crate::successor::{Progress, SuccessorSide};
use crate::sys::channel::{Fault, FrameBuffer};
use sources::{Ready, Source};

/// Drives one upgrader.
pub(crate) struct Driver {
    core: Core,
    role: Role,
    buffer: FrameBuffer,
    /// The last handle was dropped: end as soon as nothing hangs in the balance.
    ending: bool,
}

/// Most frames taken from one connection before the others are looked at.
const FRAMES_AT_ONCE: usize = 1_024;

impl Driver {
    pub(crate) fn new(core: Core, role: Role) -> Self {
        let buffer = match role {
            Role::Successor(_) => FrameBuffer::with_descriptors(),
            _ => FrameBuffer::without_descriptors(),
        };
        Self { core, role, buffer, ending: false }
    }

    /// Runs the successor's part up to the point where every descriptor is here.
    ///
    /// # Errors
    ///
    /// Why it never came to that.
    pub(crate) fn run_until_inherited(&mut self) -> Result<(), Failure> {
        loop {
            self.perform();
            match &self.role {
                Role::Failed(failure) => return Err(failure.clone()),
                Role::Successor(side) if side.progress() == Progress::Receiving => self.turn(),
                _ => return Ok(()),
            }
        }
    }

    /// Runs until the last handle is gone.
    pub(crate) fn run(mut self) {
        self.perform();
        while !self.is_over() {
            self.turn();
        }
        if let Role::Predecessor(side) = &mut self.role {
            side.end(&mut self.core);
        }
    }

    /// The shared parts, before the thread starts.
    pub(crate) fn core(&self) -> &Core {
        &self.core
    }

    /// What the predecessor has said of itself and of this process.
    pub(crate) fn successor(&self) -> Option<&SuccessorSide> {
        match &self.role {
            Role::Successor(side) => Some(side),
            _ => None,
        }
    }

    /// Waits once and handles what has come.
    fn turn(&mut self) {
        // What is due is judged by the time before the wait: whatever had arrived by then has been
        // handled when it comes to that, even if this process was frozen in between.
        let due = self.core.now();
        let wait = self.deadline().map(|deadline| deadline.saturating_sub(due));
        let ready = sources::wait(&self.core, &self.role, wait);
        for source in &ready {
            self.handle(*source);
            self.perform();
        }
        self.handle_timeout(due);
        self.perform();
    }

    fn handle(&mut self, ready: Ready) {
        match ready.source {
            Source::Mailbox => self.handle_commands(),
            Source::Listener => self.accept(),
            Source::Connection(connection) => {
                self.flush(connection);
                self.receive(connection);
            }
            Source::Process(connection) => {
                self.receive(connection);
                self.handle_died(connection, None);
            }
            Source::Child(pid) => self.handle_child_exited(pid),
            Source::Predecessor => self.core.predecessor_ended(),
            Source::Signal(index) => {
                self.core.take_signal(index);
                if let Err(error) = self.upgrade(None) {
                    tracing::warn!(%error, "the upgrade that a signal asked for cannot begin");
                }
            }
        }
    }

    /// Takes new connections; those of foreign users are closed without an answer.
    fn accept(&mut self) {
        let Role::Predecessor(side) = &mut self.role else {
            return;
        };
        if let Some(connection) = side.accept(&mut self.core) {
            self.perform();
            self.receive(connection);
        }
    }

    /// Handles the frames that are queued on a connection, then its end if that is queued too.
    fn receive(&mut self, connection: ConnectionId) {
        for _ in 0..FRAMES_AT_ONCE {
            let Some(Connection { channel, .. }) = self.core.connections.get(&connection) else {
                return;
            };
            let now = self.core.now();
            match channel.receive(&mut self.buffer) {
                Ok(received) => {
                    step_frame(self.role.side(), Edge::After, "receive", received.frame);
                    self.role.handle_frame(&self.core, connection, received, now);
                }
                Err(fault) if fault.would_block() => return,
                Err(Fault::System(_)) => {
                    self.role.handle_closed(&self.core, connection, now);
                    self.core.mute(connection);
                    return self.perform();
                }
                Err(fault) => self.role.handle_fault(&self.core, connection, &fault, now),
            }
            self.perform();
        }
    }

    /// Sends what the kernel would not take before.
    fn flush(&mut self, connection: ConnectionId) {
        for unsent in self.core.take_unsent(connection) {
            self.role.send(&mut self.core, connection, unsent);
        }
        self.perform();
    }

    fn handle_died(&mut self, connection: ConnectionId, status: Option<String>) {
        let Some(peer) = self.core.connections.get_mut(&connection) else {
            return;
        };
        if !std::mem::replace(&mut peer.dead, true) {
            let now = self.core.now();
            self.role.handle_died(&self.core, connection, status, now);
            self.perform();
        }
    }

    /// A child has ended: it may be the successor that is being waited for.
    fn handle_child_exited(&mut self, pid: u32) {
        let Role::Predecessor(side) = &mut self.role else {
            return;
        };
        let Some((status, latest)) = side.reap(pid) else {
            return;
        };
        let peer = self.core.connections.iter().find(|(_, peer)| peer.pid == pid && !peer.dead);
        match peer.map(|(connection, _)| *connection) {
            Some(connection) => {
                self.receive(connection);
                self.handle_died(connection, Some(status));
            }
            None if latest => side.spawned_exited(status, self.core.now()),
            None => {}
        }
    }

    fn handle_commands(&mut self) {
        for command in self.core.mailbox.take() {
            match command {
                Command::Ready(reply) => self.role.ready(&mut self.core, reply),
                Command::Progress(text) => {
                    if let Role::Successor(side) = &mut self.role {
                        side.progress_told(&text);
                    }
                }
                Command::Upgrade(reply) => {
                    if let Err(error) = self.upgrade(Some(reply.clone())) {
                        reply.send(Err(error));
                    }
                }
                Command::Signal(source) => self.core.signals.push(source),
                Command::Stop => self.stop(),
                Command::End => {
                    self.stop();
                    self.ending = true;
                }
            }
            self.perform();
        }
    }

    fn upgrade(&mut self, reply: Option<Reply<crate::Upgraded>>) -> Result<(), Error> {
        let now = self.core.now();
        match &mut self.role {
            Role::Predecessor(side) => side.upgrade(reply, now),
            Role::Successor(_) => {
                Err(Error::new(ErrorKind::NotReady, "this process does not own the service yet"))
            }
            Role::Failed(failure) => Err(Error::new(
                ErrorKind::NotOwner,
                "this process does not own the service and will not",
            )
            .because(failure.clone())),
        }
    }

    fn stop(&mut self) {
        let now = self.core.now();
        match &mut self.role {
            Role::Predecessor(side) => side.stop(now),
            Role::Successor(side) => {
                side.abandon("the application has stopped");
                self.core.exit.fire();
            }
            Role::Failed(_) => self.core.exit.fire(),
        }
    }

    fn handle_timeout(&mut self, due: Duration) {
        let retries: Vec<ConnectionId> = self.core.due_retries(due);
        for connection in retries {
            self.flush(connection);
        }
        self.role.handle_timeout(due);
    }

    fn deadline(&self) -> Option<Duration> {
        self.role.deadline().into_iter().chain(self.core.next_retry()).min()
    }

    /// Takes the outputs of the machine until there is none.
    fn perform(&mut self) {
        loop {
            let next = match &mut self.role {
                Role::Successor(side) => side.perform(&mut self.core, &mut self.buffer),
                Role::Predecessor(side) => {
                    side.perform(&mut self.core);
                    None
                }
                Role::Failed(_) => None,
            };
            match next {
                Some(role) => self.role = role,
                None => return,
            }
        }
    }

    fn is_over(&self) -> bool {
        self.ending
            && match &self.role {
                Role::Predecessor(side) => side.is_settled(),
                Role::Successor(_) | Role::Failed(_) => true,
            }
    }
}
