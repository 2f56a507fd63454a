//! One thread, one poll loop: sockets, processes, commands and signals go in, and the machines say
//! what comes out. Idle, it waits in one system call without a time limit.

mod role;
mod sources;

use std::time::Duration;

use heirloom_proto::Failure;
use heirloom_proto::limits::MAX_PENDING;
use heirloom_proto::predecessor::ConnectionId;

pub(crate) use role::Role;

use crate::error::{Error, ErrorKind};
use crate::holdings::{Connection, Holdings};
use crate::mailbox::Command;
use crate::reply::Reply;
use crate::step::{Edge, step_frame, step_queue};
use crate::successor::Progress;
use crate::sys::channel::{Fault, FrameBuffer};
use sources::{Ready, Source};

/// Drives one upgrader.
pub(crate) struct Driver {
    holdings: Holdings,
    role: Role,
    buffer: FrameBuffer,
    /// The last handle was dropped: end as soon as nothing hangs in the balance.
    ending: bool,
}

/// Most frames taken from one connection before the others are looked at.
pub(crate) const FRAMES_AT_ONCE: usize = 1_024;

/// Most connections accepted before anything else is looked at, with those that are closed at once.
const VISITORS_AT_ONCE: usize = 64;

impl Driver {
    pub(crate) fn new(holdings: Holdings, role: Role) -> Self {
        let buffer = match role {
            Role::Successor(_) => FrameBuffer::with_descriptors(),
            _ => FrameBuffer::without_descriptors(),
        };
        Self { holdings, role, buffer, ending: false }
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
        self.holdings.unfinished = false;
        self.perform();
        while !self.is_over() {
            self.turn();
        }
        if let Role::Predecessor(side) = &mut self.role {
            side.end(&mut self.holdings, &mut self.buffer);
        }
        self.holdings.manager.part();
    }

    /// The shared parts, before the thread starts.
    pub(crate) fn holdings(&self) -> &Holdings {
        &self.holdings
    }

    /// Waits once and handles what has come.
    fn turn(&mut self) {
        // What is due is judged by the time before the wait: whatever had arrived by then has been
        // handled when it comes to that, even if this process was frozen in between.
        let due = self.holdings.now();
        let wait = self.deadline().map(|deadline| deadline.saturating_sub(due));
        let ready = sources::wait(&self.holdings, &self.role, wait);
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
                let peer = self.holdings.connections.get(&connection);
                if peer.is_some_and(|peer| !peer.is_clogged()) {
                    self.receive(connection);
                }
            }
            Source::Process(connection) => {
                self.receive(connection);
                self.handle_died(connection, None);
            }
            Source::Child(pid) => self.handle_child_exited(pid),
            Source::Predecessor => self.holdings.predecessor_ended(),
            Source::Manager => self.holdings.manager.flush(),
            Source::Signal(index) => {
                if let Some(signal) = self.holdings.signals.get_mut(index) {
                    signal.take();
                }
                if let Err(error) = self.upgrade(None) {
                    tracing::warn!(target: "heirloom", event = "upgrade_not_begun", reason = %error, "the upgrade that a signal asked for cannot begin");
                }
            }
        }
    }

    /// Takes new connections, and those of foreign users with them, which are closed without an
    /// answer. No more than are kept: whoever has spoken by the next turn is heard then, before another
    /// makes him go.
    fn accept(&mut self) {
        // What came with them may have set the token in motion.
        if !self.has_visitor() {
            return;
        }
        let mut taken = 0;
        for _ in 0..VISITORS_AT_ONCE {
            let Role::Predecessor(side) = &mut self.role else {
                return;
            };
            if side.accept(&mut self.holdings) {
                self.perform();
                taken += 1;
            }
            if taken == MAX_PENDING || !self.has_visitor() {
                return;
            }
        }
    }

    /// Whether one more connection waits and may be taken.
    fn has_visitor(&self) -> bool {
        match (&self.role, &self.holdings.listener) {
            (Role::Predecessor(side), Some(listener)) => side.accepts() && listener.has_visitor(),
            _ => false,
        }
    }

    /// Handles the frames that are queued on a connection, then its end if that is queued too.
    fn receive(&mut self, connection: ConnectionId) {
        for _ in 0..FRAMES_AT_ONCE {
            let Some(Connection { channel, .. }) = self.holdings.connections.get(&connection)
            else {
                return;
            };
            if !step_queue(self.role.side(), channel) {
                return;
            }
            let now = self.holdings.now();
            match channel.receive(&mut self.buffer) {
                Ok(received) => {
                    step_frame(self.role.side(), Edge::After, "receive", received.frame);
                    self.role.handle_frame(&self.holdings, connection, received, now);
                }
                Err(fault) if fault.would_block() => return,
                Err(Fault::System(_)) => {
                    self.role.handle_closed(&self.holdings, connection, now);
                    self.holdings.mute(connection);
                    return self.perform();
                }
                Err(fault) => self.role.handle_fault(&self.holdings, connection, &fault, now),
            }
            self.perform();
        }
    }

    /// Sends what the kernel would not take before.
    fn flush(&mut self, connection: ConnectionId) {
        for unsent in self.holdings.take_unsent(connection) {
            self.role.send(&mut self.holdings, connection, unsent);
        }
        self.perform();
    }

    fn handle_died(&mut self, connection: ConnectionId, status: Option<String>) {
        let Some(peer) = self.holdings.connections.get_mut(&connection) else {
            return;
        };
        if !std::mem::replace(&mut peer.dead, true) {
            let now = self.holdings.now();
            self.role.handle_died(&self.holdings, connection, status, now);
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
        let peer = self.holdings.connections.iter().find(|(_, peer)| peer.pid == pid && !peer.dead);
        if let Some(connection) = peer.map(|(connection, _)| *connection) {
            self.receive(connection);
            self.handle_died(connection, Some(status.clone()));
        }
        // It may have connected and not said who it is.
        if let (Role::Predecessor(side), true) = (&mut self.role, latest) {
            side.spawned_exited(status, self.holdings.now());
        }
    }

    fn handle_commands(&mut self) {
        for command in self.holdings.mailbox.take() {
            match command {
                Command::Ready(reply) => self.role.ready(&mut self.holdings, reply),
                Command::Progress(text) => {
                    if let Role::Successor(side) = &mut self.role {
                        side.progress_told(&self.holdings, &text);
                    }
                }
                Command::Upgrade(reply) => {
                    if let Err(error) = self.upgrade(Some(reply.clone())) {
                        reply.send(Err(error));
                    }
                }
                Command::Signal(source) => self.holdings.signals.push(source),
                #[cfg(feature = "systemd")]
                Command::Registered => self.holdings.announce(crate::manager::News::Registered),
                Command::Launched(number, outcome) => {
                    if let Role::Predecessor(side) = &mut self.role {
                        side.launched(&self.holdings, number, outcome);
                    }
                }
                Command::Answered(number, answer) => {
                    self.role.answered(&self.holdings, number, answer);
                }
                Command::GiveUp(why, reply) => self.give_up(&why, &reply),
                Command::Status(reply) => reply.send(Ok(self.role.report(&self.holdings))),
                Command::OpenChanged => {
                    if let Role::Predecessor(side) = &mut self.role {
                        side.open_changed(&self.holdings);
                    }
                }
                Command::Stop => self.stop(),
                Command::End => {
                    self.stop();
                    self.ending = true;
                }
            }
            self.perform();
        }
    }

    fn upgrade(&mut self, reply: Option<Reply<crate::upgraded::Upgraded>>) -> Result<(), Error> {
        let now = self.holdings.now();
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

    /// Gives the handoff up, and answers when the predecessor has been told.
    fn give_up(&mut self, why: &str, reply: &Reply<()>) {
        self.role.give_up(why);
        self.perform();
        reply.send(Ok(()));
    }

    fn stop(&mut self) {
        let now = self.holdings.now();
        match &mut self.role {
            Role::Predecessor(side) => side.stop(now),
            Role::Successor(side) => {
                side.abandon("the application has stopped");
                self.holdings.exit.fire();
            }
            Role::Failed(_) => self.holdings.exit.fire(),
        }
    }

    fn handle_timeout(&mut self, due: Duration) {
        let retries: Vec<ConnectionId> = self.holdings.due_retries(due);
        for connection in retries {
            self.flush(connection);
        }
        self.role.handle_timeout(due);
    }

    fn deadline(&self) -> Option<Duration> {
        self.role.deadline().into_iter().chain(self.holdings.next_retry()).min()
    }

    /// Takes the outputs of the machine until there is none.
    fn perform(&mut self) {
        loop {
            let next = match &mut self.role {
                Role::Successor(side) => {
                    side.perform(&mut self.holdings, &mut self.buffer).map(Role::from)
                }
                Role::Predecessor(side) => {
                    side.perform(&mut self.holdings, &mut self.buffer);
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
