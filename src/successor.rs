//! The successor's side over real sockets and processes: does what
//! [`heirloom_proto::Successor`] says.

mod course;

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use heirloom_proto::limits::VERSION;
use heirloom_proto::predecessor::{Attachment, ConnectionId, Elder};
use heirloom_proto::successor::{Event, Output};
use heirloom_proto::{
    Abort, AbortReason, DrainingGeneration, Entry, Failure, Hello, Kind, Secret, Successor,
};

use crate::address::UnixAddress;
use crate::control::ControlListener;
use crate::driver::FRAMES_AT_ONCE;
use crate::elder;
use crate::error::{Error, ErrorKind};
use crate::fds::verify;
use crate::holdings::{Holdings, Origin, Sent, Unsent};
use crate::latch::Latch;
use crate::manager::News;
use crate::predecessor::PredecessorSide;
use crate::reply::Reply;
use crate::slots::{free_slots, make_room};
use crate::state;
use crate::step::{Edge, Side, step, step_frame, step_queue};
use crate::sys::channel::{Channel, FrameBuffer, Received};
use crate::sys::pidfd::PidFd;
use crate::sys::token::Token;
use course::Course;

/// The successor's machine, and what it is given by this process.
pub(crate) struct SuccessorSide {
    machine: Successor<OwnedFd>,
    peer: ConnectionId,
    /// The predecessor's process id as the kernel tells it.
    pid: u32,
    /// The address at which the predecessor was met.
    met_at: UnixAddress,
    inherited: Vec<(Entry, OwnedFd)>,
    progress: Progress,
    /// Whoever waits for `ready()`.
    waiting: Vec<Reply<()>>,
    is_ready: bool,
    gone: Arc<Latch>,
    failure: Option<Failure>,
    course: Course,
}

/// How far the handoff has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Descriptors are missing.
    Receiving,
    /// Everything is here.
    Inherited,
}

/// What a process is from the end of its handoff on.
pub(crate) enum Settled {
    /// The owner of the service.
    Owner(Box<PredecessorSide>),
    /// One that never was.
    Failed(Failure),
}

impl SuccessorSide {
    /// Begins a handoff with the predecessor at the other end of `channel`.
    pub(crate) fn new(
        holdings: &mut Holdings,
        channel: Channel,
        met_at: UnixAddress,
        secret: Option<Secret>,
    ) -> Result<Self, Error> {
        let trouble = |error| Error::io("the predecessor's process cannot be watched", error);
        let (process, _) = PidFd::of_peer(channel.as_fd()).map_err(trouble)?;
        let gone = Latch::new();
        holdings.watch_predecessor(process, Arc::clone(&gone));
        let peer = holdings.connect_to_peer(channel).map_err(trouble)?;
        let pid = holdings.connections.get(&peer).map_or(0, |peer| peer.pid);
        holdings.announce(News::Met { pid });
        Ok(Self {
            machine: Successor::new(hello(holdings, secret), holdings.now()),
            peer,
            pid,
            met_at,
            inherited: Vec::new(),
            progress: Progress::Receiving,
            waiting: Vec::new(),
            is_ready: false,
            gone,
            failure: None,
            course: Course::begin(holdings.now()),
        })
    }

    pub(crate) fn progress(&self) -> Progress {
        self.progress
    }

    /// The predecessor, as it and the kernel have told.
    fn origin(&self) -> Origin {
        let generation = self.machine.welcome().map_or(1, |welcome| welcome.generation);
        Origin {
            generation: generation.saturating_sub(1),
            pid: self.pid,
            met_at: self.met_at.clone(),
            gone: Arc::clone(&self.gone),
        }
    }

    pub(crate) fn machine(&mut self) -> &mut Successor<OwnedFd> {
        &mut self.machine
    }

    pub(crate) fn machine_deadline(&self) -> Option<Duration> {
        self.machine.poll_deadline()
    }

    pub(crate) fn handle_frame(&mut self, received: Received<'_>, now: Duration) {
        self.machine.handle_frame(received.frame, received.descriptors, now);
    }

    /// The application could serve.
    pub(crate) fn ready(&mut self, holdings: &mut Holdings, reply: Reply<()>) {
        if let Err(error) = self.prepare(holdings) {
            return reply.send(Err(error));
        }
        self.waiting.push(reply);
        self.is_ready = true;
        self.machine.handle_ready(holdings.registry.strays(), holdings.now());
    }

    /// The application tells what it is doing; a predecessor that does not read is not told.
    pub(crate) fn progress_told(&mut self, holdings: &Holdings, text: &str) {
        if holdings.connections.get(&self.peer).is_some_and(|peer| peer.unsent.is_empty()) {
            self.machine.handle_progress(text);
        }
    }

    /// The application gives up.
    pub(crate) fn abandon(&mut self, why: &str) {
        self.machine.handle_abandoned(why);
    }

    /// Does what the machine asks for until it asks for nothing. Tells what this process is from
    /// now on, when that has been settled.
    pub(crate) fn perform(
        &mut self,
        holdings: &mut Holdings,
        buffer: &mut FrameBuffer,
    ) -> Option<Settled> {
        self.note_phase(holdings.now());
        while let Some(output) = self.machine.poll_output() {
            if let Output::Event(Event::Owned { orphaned, leaked, trouble, late_state }) = output {
                if leaked {
                    tracing::warn!(target: "heirloom", event = "token_leaked", "the old token stays locked by a copy that was leaked");
                }
                if let Some(trouble) = trouble {
                    tracing::error!(target: "heirloom", event = "not_published", reason = trouble, "the service was taken over all the same");
                }
                buffer.refuse_descriptors();
                holdings.state.hear_all(&late_state);
                return Some(self.own(holdings, orphaned));
            }
            self.perform_one(holdings, output, buffer);
        }
        self.failure.take().map(|failure| self.give_up(holdings, failure))
    }

    fn perform_one(
        &mut self,
        holdings: &mut Holdings,
        output: Output<OwnedFd>,
        buffer: &mut FrameBuffer,
    ) {
        match output {
            Output::Send(frame) => {
                self.send(holdings, Unsent { frame, attachment: Attachment::None, retry: None });
            }
            Output::Token { token, listener } => self.take_token(holdings, token, listener),
            Output::Verify(entries) => self.verify(holdings, entries),
            Output::TryLock => {
                let lock = holdings.try_lock(Side::Successor);
                self.machine.handle_lock(lock, holdings.now());
            }
            Output::Unlock => holdings.unlock(Side::Successor),
            Output::RenewToken => holdings.renew_token(Side::Successor),
            Output::Empty => self.empty(holdings, buffer),
            Output::Publish => self.publish(holdings),
            Output::Event(Event::Inherited) => self.inherit(holdings),
            Output::Event(Event::Failed(failure)) => self.failure = Some(failure),
            other => {
                tracing::error!(target: "heirloom", event = "unknown_output", ?other, "an output that this driver does not know")
            }
        }
    }

    /// Keeps what came with `Welcome`, if it is what that has to bring.
    fn take_token(&mut self, holdings: &mut Holdings, token: OwnedFd, listener: OwnedFd) {
        let Some(peer) = holdings.connections.get(&self.peer) else {
            return;
        };
        let (entries, attempt) =
            self.machine.welcome().map_or((0, 0), |welcome| (welcome.entries, welcome.attempt));
        match ControlListener::received(listener, peer.channel.as_fd(), self.met_at.clone()) {
            Ok(listener) => holdings.listener = Some(listener),
            Err(misbehaved) => {
                return self.machine.handle_garbage(misbehaved.into(), holdings.now());
            }
        }
        make_room(token.as_fd(), entries);
        holdings.attempt = attempt;
        holdings.token = Some(Token::received(token));
    }

    /// Compares a batch of descriptors with their entries.
    fn verify(&mut self, holdings: &Holdings, entries: Vec<(Entry, OwnedFd)>) {
        let check = |(entry, descriptor): &(Entry, OwnedFd)| {
            verify(entry, descriptor.as_fd())?;
            match is_state(entry) {
                true => state::check(entry, descriptor.as_fd()),
                false => Ok(()),
            }
        };
        let verdict = entries.iter().try_for_each(check);
        self.inherited.extend(entries);
        self.machine.handle_verified(verdict, holdings.now());
    }

    /// Everything is here: what is the application's goes where it may claim it.
    fn inherit(&mut self, holdings: &mut Holdings) {
        let mut entries = std::mem::take(&mut self.inherited);
        let is_elder = |(entry, _): &mut (Entry, OwnedFd)| entry.kind == Kind::Draining;
        self.inherited = entries.extract_if(.., is_elder).collect();
        holdings.state.inherit(entries.extract_if(.., |(entry, _)| is_state(entry)).collect());
        holdings.registry.inherit(entries);
        holdings.announce(News::Inherited);
        holdings.origin = Some(self.origin());
        self.progress = Progress::Inherited;
    }

    /// Sends a frame.
    pub(crate) fn send(&mut self, holdings: &mut Holdings, unsent: Unsent) {
        let sent = holdings.send(Side::Successor, self.peer, unsent, &[]);
        let now = holdings.now();
        match sent {
            Sent::Whole => self.machine.handle_sent(now),
            Sent::Later => {}
            // What the predecessor said before it went is still in the queue, and its end behind it.
            Sent::Closed => {}
            Sent::Failed(error) => {
                let abort =
                    Abort::new(AbortReason::System, &format!("a frame cannot be sent: {error}"));
                self.machine.handle_garbage(Failure::Aborted(abort), now);
            }
        }
    }

    /// Handles every frame that is queued, but for what a flood adds meanwhile.
    fn empty(&mut self, holdings: &mut Holdings, buffer: &mut FrameBuffer) {
        for _ in 0..FRAMES_AT_ONCE {
            let Some(peer) = holdings.connections.get(&self.peer) else {
                break;
            };
            if !step_queue(Side::Successor, &peer.channel) {
                break;
            }
            let Ok(received) = peer.channel.receive(buffer) else {
                break;
            };
            step_frame(Side::Successor, Edge::After, "receive", received.frame);
            self.machine.handle_frame(received.frame, received.descriptors, holdings.now());
        }
        self.machine.handle_emptied();
    }

    /// What can fail is tried before the predecessor is told.
    fn prepare(&self, holdings: &mut Holdings) -> Result<(), Error> {
        holdings.check_strays()?;
        holdings.prepare_listener(&self.met_at)?;
        match &mut holdings.pid_file {
            Some(file) => file.prepare(),
            None => Ok(()),
        }
    }

    /// Takes over what the outside knows the owner by.
    fn publish(&mut self, holdings: &mut Holdings) {
        step(Side::Successor, Edge::Before, "publish");
        let published = publish(holdings).map_err(|error| error.to_string());
        step(Side::Successor, Edge::After, "publish");
        // Nobody gives the service back to a predecessor that is gone.
        if published.is_err() && holdings.predecessor_process().is_none_or(PidFd::has_ended) {
            self.machine.handle_peer_died(holdings.now());
        }
        self.machine.handle_published(published);
    }

    /// This process owns the service.
    fn own(&mut self, holdings: &mut Holdings, orphaned: bool) -> Settled {
        let (generation, attempt) =
            self.machine.welcome().map_or((1, 0), |welcome| (welcome.generation, welcome.attempt));
        self.tell_owned(holdings, generation, orphaned);
        let mut elders = self.elders(holdings);
        let predecessor = generation.saturating_sub(1);
        holdings.expect_retirement((self.pid == std::process::id()).then_some(predecessor));
        if orphaned {
            holdings.connections.remove(&self.peer);
            holdings.retired(predecessor);
        } else {
            let generation =
                DrainingGeneration { generation: predecessor, pid: self.pid, open: None };
            elders.push(Elder { connection: self.peer, generation, drains: false });
        }
        holdings.move_listener();
        let side = PredecessorSide::new(holdings, generation, attempt, elders, self.is_ready);
        if self.is_ready {
            // The policy was asked before the handoff was said to be ready.
            if let Err(error) = holdings.settle_strays() {
                tracing::error!(target: "heirloom", event = "strays_not_settled", reason = %error, "what was not claimed stays open");
            }
            holdings.state.settle();
        }
        holdings.announce(News::Owned { generation, ready: self.is_ready, orphaned });
        self.waiting.drain(..).for_each(|reply| reply.send(Ok(())));
        Settled::Owner(Box::new(side))
    }

    /// The generations before the predecessor that are still draining.
    fn elders(&mut self, holdings: &mut Holdings) -> Vec<Elder> {
        let mut elders = Vec::new();
        for (entry, connection) in self.inherited.drain(..) {
            let connected =
                Channel::new(connection).and_then(|channel| holdings.connect_to_peer(channel));
            // One that cannot be watched has gone already.
            if let Ok(connection) = connected {
                let generation = elder::read(&entry);
                elders.push(Elder { connection, generation, drains: true });
            }
        }
        elders
    }

    /// This process does not own the service and will not.
    fn give_up(&mut self, holdings: &mut Holdings, failure: Failure) -> Settled {
        self.tell_failed(holdings, &failure);
        holdings.connections.clear();
        holdings.token = None;
        holdings.abandon_listeners();
        holdings.registry.abandon();
        holdings.state.abandon();
        for reply in self.waiting.drain(..) {
            reply.send(Err(Error::from(failure.clone())));
        }
        Settled::Failed(failure)
    }
}

/// How this process introduces itself.
fn hello(holdings: &Holdings, secret: Option<Secret>) -> Hello {
    Hello {
        lowest: VERSION,
        highest: VERSION,
        features: 0,
        free_slots: free_slots(),
        pid: std::process::id(),
        service: holdings.settings.service.clone(),
        build: holdings.settings.build.clone(),
        secret,
    }
}

/// Whether an entry is of the application's state, for this process alone.
fn is_state(entry: &Entry) -> bool {
    matches!(entry.kind, Kind::State | Kind::LastWords)
}

/// Listens on the control socket in this process's own name, and puts the PID file in its place.
fn publish(holdings: &mut Holdings) -> Result<(), Error> {
    let Some(listener) = &mut holdings.listener else {
        return Err(Error::new(ErrorKind::Protocol, "no control listener was handed over"));
    };
    listener
        .listen_again()
        .map_err(|error| Error::io("the handoff socket cannot be listened on again", error))?;
    holdings.publish_pid()
}
