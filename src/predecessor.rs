//! The owner's side over real sockets and processes: does what
//! [`heirloom_proto::Predecessor`] says.

mod admission;
mod announcement;
mod children;
mod events;
mod snapshot;
mod state;
mod tools;

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use heirloom_proto::predecessor::{Attachment, ConnectionId, Elder, Output, Settings};
use heirloom_proto::{Abort, AbortReason, Failure, Phase, Predecessor, Secret};

use crate::driver::FRAMES_AT_ONCE;
use crate::error::{Error, ErrorKind};
use crate::holdings::{Connection, Holdings, Sent, Unsent};
use crate::launch::Launched;
use crate::manager::News;
use crate::reply::Reply;
use crate::slots::way_out;
use crate::state::Asking;
use crate::step::{Edge, Side, step_frame, step_queue};
use crate::sys::channel::{Fault, FrameBuffer, Received};
use crate::sys::pidfd::PidFd;
use crate::sys::random::random;
use crate::upgraded::Upgraded;
use children::Children;
use snapshot::Snapshot;

/// The owner's machine, and what it is given by this process.
pub(crate) struct PredecessorSide {
    machine: Predecessor,
    generation: u64,
    snapshot: Snapshot,
    asking: Asking,
    /// Tells what of the application's state was offered later than it was asked.
    asked: u64,
    children: Children,
    upgrade: Option<Reply<Upgraded>>,
    /// What the next process is spawned with.
    secret: Secret,
    /// No connection is taken before this: there was no descriptor slot for one.
    accept_after: Option<Duration>,
    /// A foreign user has connected, and that was told.
    has_warned: bool,
}

impl PredecessorSide {
    /// An owner of the given generation.
    pub(crate) fn new(
        holdings: &Holdings,
        generation: u64,
        attempt: u64,
        elders: Vec<Elder>,
        is_ready: bool,
    ) -> Self {
        let settings = Settings {
            service: holdings.settings.service.clone(),
            build: holdings.settings.build.clone(),
            generation,
            pid: std::process::id(),
            attempt,
            timeouts: holdings.settings.timeouts,
            draining_cap: holdings.settings.draining_cap,
            fence: holdings.settings.fence,
        };
        let now = holdings.now();
        let mut machine = Predecessor::new(settings, elders, now);
        if is_ready {
            machine.handle_ready(now);
            holdings.observe_ready(generation);
        }
        Self {
            machine,
            generation,
            snapshot: Snapshot::default(),
            asking: Asking::default(),
            asked: 0,
            children: Children::default(),
            upgrade: None,
            secret: Secret([0; 32]),
            accept_after: None,
            has_warned: false,
        }
    }

    /// The machine, told how much there is to hand over.
    pub(crate) fn machine(&mut self, holdings: &Holdings) -> &mut Predecessor {
        self.machine.handle_entries(holdings.registry.count() + holdings.state.count());
        &mut self.machine
    }

    /// The application has become ready.
    pub(crate) fn ready(&mut self, holdings: &mut Holdings) -> Result<(), Error> {
        match self.machine.phase() {
            Phase::Starting => {
                holdings.publish_pid()?;
                holdings.settle_strays()?;
                holdings.state.settle();
                if holdings.follow_settings() {
                    self.machine.handle_moved();
                }
                self.machine.handle_ready(holdings.now());
                holdings.observe_ready(self.generation);
                holdings.announce(News::Ready { generation: self.generation });
                Ok(())
            }
            Phase::Draining => {
                let text = "this process has handed the service over already";
                Err(Error::new(ErrorKind::AlreadyUpgraded, text))
            }
            Phase::Stopped => Err(Error::new(ErrorKind::Stopping, "the service was stopped")),
            _ => Ok(()),
        }
    }

    /// An upgrade is wanted.
    pub(crate) fn upgrade(
        &mut self,
        reply: Option<Reply<Upgraded>>,
        now: Duration,
    ) -> Result<(), Error> {
        self.secret = new_secret()?;
        self.machine.handle_upgrade(self.secret, now).map_err(Error::not_now)?;
        self.upgrade = reply;
        Ok(())
    }

    pub(crate) fn stop(&mut self, now: Duration) {
        self.machine.handle_stop(now);
    }

    /// Nothing hangs in the balance: the driver may end.
    pub(crate) fn is_settled(&self) -> bool {
        matches!(self.machine.phase(), Phase::Draining | Phase::Stopped)
            && !self.children.expects_condemned()
    }

    /// The last thing that this process does for the service.
    pub(crate) fn end(&mut self, holdings: &mut Holdings, buffer: &mut FrameBuffer) {
        self.children.end_untold();
        match self.machine.phase() {
            Phase::Draining => {
                self.machine.handle_drained();
                self.perform(holdings, buffer);
                // The successor's lies over it, unless it has none or elsewhere.
                holdings.remove_pid_file();
            }
            _ => {
                holdings.registry.end();
                if let Some(listener) = holdings.listener.take() {
                    listener.unlink();
                }
                holdings.remove_pid_file();
            }
        }
    }

    /// The processes spawned and not yet reaped.
    pub(crate) fn children(&self) -> impl Iterator<Item = (u32, BorrowedFd<'_>)> {
        self.children.processes()
    }

    /// Reaps a child that has ended. Tells how it did, and whether it was spawned last.
    pub(crate) fn reap(&mut self, pid: u32) -> Option<(String, bool)> {
        self.children.reap(pid)
    }

    /// What was to be spawned has begun, or has not.
    pub(crate) fn launched(
        &mut self,
        holdings: &Holdings,
        number: u64,
        outcome: io::Result<Launched>,
    ) {
        let watched = self.children.launched(number, outcome, holdings.now());
        self.tell_unless_spawned(holdings, watched);
    }

    fn tell_unless_spawned(&mut self, holdings: &Holdings, spawned: io::Result<()>) {
        if let Err(error) = spawned {
            let text = format!("{}: {error}{}", holdings.settings.launch, way_out(&error));
            self.machine.handle_spawn_failed(text, holdings.now());
        }
    }

    /// The child spawned last has ended, and nobody has introduced himself as it.
    pub(crate) fn spawned_exited(&mut self, status: String, now: Duration) {
        self.machine.handle_spawned_exited(status, now);
    }

    pub(crate) fn handle_timeout(&mut self, now: Duration) {
        self.accept_after = self.accept_after.filter(|after| *after > now);
        self.give_up_waiting(now);
        self.machine.handle_timeout(now);
        self.children.handle_timeout(now);
    }

    pub(crate) fn deadline(&self) -> Option<Duration> {
        let machine = self.machine.poll_deadline();
        let own = [self.children.deadline(), self.asking.deadline(), self.accept_after];
        own.into_iter().chain([machine]).flatten().min()
    }

    /// Does what the machine asks for until it asks for nothing.
    pub(crate) fn perform(&mut self, holdings: &mut Holdings, buffer: &mut FrameBuffer) {
        loop {
            // Before the successor hears of it: it speaks for itself from then on.
            self.announce_turn(holdings);
            match self.machine.poll_output() {
                Some(Output::TryLock) => self.try_lock(holdings, buffer),
                Some(output) => self.perform_one(holdings, output),
                None => return,
            }
        }
    }

    fn perform_one(&mut self, holdings: &mut Holdings, output: Output) {
        match output {
            Output::Send { connection, frame, attachment } => {
                self.send(holdings, connection, Unsent { frame, attachment, retry: None });
            }
            Output::Close(connection) => {
                holdings.connections.remove(&connection);
            }
            Output::TakeSnapshot => self.ask_for_state(holdings),
            Output::WriteAttempt(attempt) => {
                if let Err(error) = holdings.write_attempt(attempt) {
                    self.give_up(holdings, &format!("the token cannot be written: {error}"));
                }
            }
            Output::Spawn => self.spawn(holdings),
            Output::Condemn => self.children.condemn(holdings.now()),
            Output::Freeze => self.freeze(holdings),
            Output::Thaw => self.thaw(holdings),
            Output::Unlock => holdings.unlock(Side::Predecessor),
            Output::RenewToken => holdings.renew_token(Side::Predecessor),
            Output::Fence(connection) => self.fence(holdings, connection),
            Output::Tell { connection, frame } => self.tell_watcher(holdings, connection, frame),
            Output::Report(connection) => self.send_report(holdings, connection),
            Output::CountOpen => self.machine.handle_open(holdings.drain.watch()),
            Output::Event(event) => self.tell(holdings, event),
            other => {
                tracing::error!(target: "heirloom", event = "unknown_output", ?other, "an output that this driver does not know")
            }
        }
    }

    /// Sends a frame with what is attached to it.
    pub(crate) fn send(
        &mut self,
        holdings: &mut Holdings,
        connection: ConnectionId,
        unsent: Unsent,
    ) {
        let offered = unsent.attachment == Attachment::Token;
        let attached = self.snapshot.attached(&unsent.attachment);
        let sent = holdings.send(Side::Predecessor, connection, unsent, &attached);
        let now = holdings.now();
        match sent {
            Sent::Whole => {
                if offered {
                    self.snapshot.offer.clear();
                }
                self.machine.handle_sent(connection, now);
            }
            Sent::Later => {}
            // What the peer said before it went is still in the queue, and its end behind it.
            Sent::Closed => {}
            Sent::Failed(error) => {
                let abort =
                    Abort::new(AbortReason::System, &format!("a frame cannot be sent: {error}"));
                self.machine.handle_garbage(connection, Failure::Aborted(abort), now);
            }
        }
    }

    /// Tries the token, and then hears what the successor had said by then: that it owns, if it does.
    fn try_lock(&mut self, holdings: &mut Holdings, buffer: &mut FrameBuffer) {
        if !self.hears_of_death(holdings) {
            let lock = holdings.try_lock(Side::Predecessor);
            self.hear(holdings, buffer);
            self.machine.handle_lock(lock, holdings.now());
        }
    }

    /// Handles every frame of the successor that is queued, but for what a flood adds meanwhile.
    fn hear(&mut self, holdings: &Holdings, buffer: &mut FrameBuffer) {
        let Some(successor) = self.machine.successor() else {
            return;
        };
        let Some(Connection { channel, .. }) = holdings.connections.get(&successor) else {
            return;
        };
        for _ in 0..FRAMES_AT_ONCE {
            if !step_queue(Side::Predecessor, channel) {
                return;
            }
            match channel.receive(buffer) {
                Ok(Received { frame, .. }) => {
                    step_frame(Side::Predecessor, Edge::After, "receive", frame);
                    self.machine.handle_frame(successor, frame, holdings.now());
                }
                // Its end is read again when its turn comes.
                Err(Fault::System(_)) => return,
                // Garbage is a reason to try the token, no more.
                Err(_) => {}
            }
        }
    }

    fn fence(&mut self, holdings: &Holdings, connection: ConnectionId) {
        if let Err(error) = end_silent(holdings.connections.get(&connection)) {
            tracing::error!(target: "heirloom", event = "successor_not_ended", reason = %error, "the silent successor cannot be ended");
            self.machine.handle_fence_failed(holdings.now());
        }
    }

    /// Tells the machine of its successor's death instead of what the token says: what a dead process
    /// has said does not count. It asks for the token again.
    fn hears_of_death(&mut self, holdings: &mut Holdings) -> bool {
        let successor = self.machine.successor();
        let peer = successor.and_then(|successor| holdings.connections.get_mut(&successor));
        let has_ended = |peer: &&mut Connection| {
            !peer.dead && peer.pidfd.as_ref().is_some_and(PidFd::has_ended)
        };
        let (Some(successor), Some(peer)) = (successor, peer.filter(has_ended)) else {
            return false;
        };
        peer.dead = true;
        self.machine.handle_peer_died(successor, None, holdings.now());
        true
    }

    /// Something that the handoff needs has failed in this process.
    fn give_up(&mut self, holdings: &Holdings, text: &str) {
        if let Some(successor) = self.machine.successor() {
            let failure = Failure::Aborted(Abort::new(AbortReason::System, text));
            self.machine.handle_garbage(successor, failure, holdings.now());
        }
    }

    fn spawn(&mut self, holdings: &mut Holdings) {
        match holdings.keep_reachable() {
            Ok(true) => self.machine.handle_moved(),
            Ok(false) => {}
            Err(error) => {
                return self.machine.handle_spawn_failed(error.to_string(), holdings.now());
            }
        }
        let Some(listener) = &holdings.listener else {
            return;
        };
        let launch = &holdings.settings.launch;
        let mailbox = &holdings.mailbox;
        let begun = self.children.spawn(launch, listener.address(), self.secret, mailbox);
        self.tell_unless_spawned(holdings, begun);
    }
}

/// Ends a successor that holds the token and is silent, unless it lives in this very process.
fn end_silent(peer: Option<&Connection>) -> io::Result<()> {
    match peer {
        Some(Connection { pidfd: Some(process), pid, .. }) if *pid != std::process::id() => {
            tracing::warn!(target: "heirloom", event = "successor_fenced", pid, "ending a successor that holds the token and is silent");
            process.kill()
        }
        _ => Err(io::ErrorKind::Unsupported.into()),
    }
}

fn new_secret() -> Result<Secret, Error> {
    let bytes = random().map_err(|error| {
        Error::new(ErrorKind::Io, "no random bytes for a secret").because(error)
    })?;
    Ok(Secret(bytes))
}
