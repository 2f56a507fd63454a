//! What this process holds of the service, whichever side of a handoff it is on.

mod connection;
mod listener;
mod report;

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use heirloom_proto::limits::LOCK_RETRY;
use heirloom_proto::predecessor::ConnectionId;
use heirloom_proto::{Lock, Name};
use nix::libc;
use nix::sys::eventfd::EventFd;

use crate::address::UnixAddress;
use crate::control::ControlListener;
use crate::drain::Drain;
use crate::error::{Error, ErrorKind};
use crate::fds::Registry;
use crate::latch::Latch;
use crate::mailbox::Mailbox;
use crate::manager::{Manager, News};
use crate::pid_file::PidFile;
use crate::settings::{Settings, Strays};
use crate::signal::SignalSource;
use crate::state::Store;
use crate::step::{Edge, Side, step, step_frame};
use crate::sys::channel::Channel;
use crate::sys::pidfd::PidFd;
use crate::sys::token::Token;
pub(crate) use connection::{Connection, Unsent};
pub(crate) use listener::{TAKEN_AT_START, taken};
use report::Failed;
pub(crate) use report::millis;

/// What this process holds of the service, whichever side of a handoff it is on.
pub(crate) struct Holdings {
    clock: Instant,
    pub(crate) settings: Arc<Settings>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) state: Arc<Store>,
    pub(crate) exit: Arc<Latch>,
    pub(crate) mailbox: Arc<Mailbox>,
    /// Readable when there is something in the mailbox.
    pub(crate) wake: Arc<EventFd>,
    pub(crate) manager: Manager,
    pub(crate) connections: BTreeMap<ConnectionId, Connection>,
    next_connection: u64,
    pub(crate) token: Option<Token>,
    /// The number of the latest attempt, as it stands in the token.
    pub(crate) attempt: u64,
    pub(crate) listener: Option<ControlListener>,
    /// This process has made the listener, and its start has not come to its end.
    pub(crate) unfinished: bool,
    pub(crate) pid_file: Option<PidFile>,
    pub(crate) drain: Drain,
    last_failure: Option<Failed>,
    pub(crate) signals: Vec<SignalSource>,
    /// Where everything was inherited from, if it was.
    pub(crate) origin: Option<Origin>,
    predecessor: Option<Ending>,
    /// The predecessor lives in this very process: it has ended when this generation has retired.
    local_predecessor: Option<u64>,
    /// A listener on another address than the predecessor's, for when this process owns the service.
    next_listener: Option<ControlListener>,
}

/// The predecessor that has handed everything over to this process.
pub(crate) struct Origin {
    pub(crate) generation: u64,
    pub(crate) pid: u32,
    /// The address at which it was met.
    pub(crate) met_at: UnixAddress,
    /// Fires when its process has ended.
    pub(crate) gone: Arc<Latch>,
}

/// The predecessor's process, until it has ended.
struct Ending {
    process: PidFd,
    gone: Arc<Latch>,
}

/// What became of a frame.
pub(crate) enum Sent {
    Whole,
    Later,
    /// The peer has gone.
    Closed,
    Failed(io::Error),
}

impl Holdings {
    pub(crate) fn new(settings: Arc<Settings>) -> io::Result<Self> {
        let exit = Latch::new();
        exit.signal()?; // made while nothing is at stake
        let registry = Arc::new(Registry::default());
        let (mailbox, wake) = Mailbox::new()?;
        Ok(Self {
            clock: Instant::now(),
            manager: Manager::find(&settings, &registry, &mailbox),
            registry,
            state: Arc::default(),
            exit,
            drain: Drain::watched(&mailbox),
            last_failure: None,
            mailbox,
            wake,
            connections: BTreeMap::new(),
            next_connection: 0,
            token: None,
            attempt: 0,
            listener: None,
            unfinished: false,
            pid_file: settings.pid_file.clone().map(PidFile::new),
            signals: Vec::new(),
            origin: None,
            predecessor: None,
            local_predecessor: None,
            next_listener: None,
            settings,
        })
    }

    /// Tells the service manager what has happened.
    pub(crate) fn announce(&mut self, news: News<'_>) {
        self.manager.tell(news, &self.registry);
    }

    /// Time since this upgrader began.
    pub(crate) fn now(&self) -> Duration {
        self.clock.elapsed()
    }

    /// Numbers a new connection.
    pub(crate) fn connect(&mut self, connection: Connection) -> ConnectionId {
        self.next_connection += 1;
        let id = ConnectionId(self.next_connection);
        self.connections.insert(id, connection);
        id
    }

    /// Adds a peer, whose process the kernel tells.
    pub(crate) fn connect_to_peer(&mut self, channel: Channel) -> io::Result<ConnectionId> {
        let (pidfd, credentials) = PidFd::of_peer(channel.as_fd())?;
        let pid = u32::try_from(credentials.pid()).unwrap_or_default();
        Ok(self.connect(Connection::new(channel, Some(pidfd), pid)))
    }

    /// Listens to a connection no more; its process stays watched.
    pub(crate) fn mute(&mut self, connection: ConnectionId) {
        if let Some(peer) = self.connections.get_mut(&connection) {
            peer.closed = true;
        }
    }

    /// Sends a frame with its descriptors, or keeps it for later.
    pub(crate) fn send(
        &mut self,
        side: Side,
        connection: ConnectionId,
        unsent: Unsent,
        descriptors: &[BorrowedFd<'_>],
    ) -> Sent {
        let retry_at = self.now() + LOCK_RETRY;
        let Some(peer) = self.connections.get_mut(&connection) else {
            return Sent::Closed;
        };
        if !peer.unsent.is_empty() {
            peer.unsent.push_back(unsent);
            return Sent::Later;
        }
        step_frame(side, Edge::Before, "send", &unsent.frame);
        match peer.channel.send(&unsent.frame, descriptors) {
            Ok(()) => {
                step_frame(side, Edge::After, "send", &unsent.frame);
                Sent::Whole
            }
            Err(error) => match wait_for(&error, retry_at) {
                Some(retry) => {
                    peer.unsent.push_front(Unsent { retry, ..unsent });
                    Sent::Later
                }
                None if has_gone(&error) => {
                    step_frame(side, Edge::After, "send", &unsent.frame);
                    Sent::Closed
                }
                None => Sent::Failed(error),
            },
        }
    }

    /// Takes out what could not be sent before.
    pub(crate) fn take_unsent(&mut self, connection: ConnectionId) -> VecDeque<Unsent> {
        let peer = self.connections.get_mut(&connection);
        peer.map(|peer| std::mem::take(&mut peer.unsent)).unwrap_or_default()
    }

    /// When a frame is to be tried again.
    pub(crate) fn next_retry(&self) -> Option<Duration> {
        self.connections.values().filter_map(Connection::retry).min()
    }

    /// The connections whose frame is to be tried again.
    pub(crate) fn due_retries(&self, due: Duration) -> Vec<ConnectionId> {
        let is_due = |peer: &Connection| peer.retry().is_some_and(|retry| retry <= due);
        self.connections.iter().filter(|(_, peer)| is_due(peer)).map(|(id, _)| *id).collect()
    }

    /// Locks the token if nobody else has. One that cannot even be tried is somebody else's.
    pub(crate) fn try_lock(&self, side: Side) -> Lock {
        step(side, Edge::Before, "lock");
        let held = Lock::Held { attempt: self.attempt };
        let tried = self.token.as_ref().map_or(Ok(held), Token::try_lock);
        let lock = tried.unwrap_or_else(|error| {
            tracing::error!(target: "heirloom", event = "token_not_locked", reason = %error, "the token cannot be locked");
            held
        });
        step(side, Edge::After, "lock");
        lock
    }

    /// Writes the number of the attempt that begins into the token.
    pub(crate) fn write_attempt(&mut self, attempt: u64) -> io::Result<()> {
        self.attempt = attempt;
        step(Side::Predecessor, Edge::Before, "write-attempt");
        let written = self.token.as_ref().map_or(Ok(()), |token| token.write_attempt(attempt));
        step(Side::Predecessor, Edge::After, "write-attempt");
        written
    }

    /// Lets the token go.
    pub(crate) fn unlock(&self, side: Side) {
        step(side, Edge::Before, "unlock");
        if let Some(Err(error)) = self.token.as_ref().map(Token::unlock) {
            tracing::error!(target: "heirloom", event = "token_not_unlocked", reason = %error, "the token stays locked");
        }
        step(side, Edge::After, "unlock");
    }

    /// Replaces a token that stays locked by nobody that lives.
    pub(crate) fn renew_token(&mut self, side: Side) {
        step(side, Edge::Before, "renew");
        // The slot of the old one is free for the new one.
        self.token = None;
        match Token::create(self.attempt) {
            Ok(token) => self.token = Some(token),
            Err(error) => {
                tracing::error!(target: "heirloom", event = "token_not_renewed", reason = %error, "the token cannot be replaced")
            }
        }
        step(side, Edge::After, "renew");
    }

    /// Checks that the policy allows what has not been claimed.
    pub(crate) fn check_strays(&self) -> Result<(), Error> {
        if self.settings.strays != Strays::Fail {
            return Ok(());
        }
        let strays = self.registry.strays();
        if strays.is_empty() {
            return Ok(());
        }
        let text = format!("{} were inherited and not claimed: {}", strays.len(), listed(&strays));
        Err(Error::new(ErrorKind::Strays, text))
    }

    /// Does with what has not been claimed as the policy says.
    pub(crate) fn settle_strays(&self) -> Result<(), Error> {
        self.check_strays()?;
        #[cfg(feature = "systemd")]
        self.registry.settle_activated();
        let strays = self.registry.strays();
        if strays.is_empty() {
            return Ok(());
        }
        let (count, names) = (strays.len(), listed(&strays));
        match self.settings.strays {
            Strays::Keep => {
                tracing::info!(target: "heirloom", event = "strays_kept", count, names, "inherited, not claimed and kept");
                self.registry.keep_strays();
            }
            Strays::Close | Strays::Fail => {
                tracing::warn!(target: "heirloom", event = "strays_closed", count, names, "inherited, not claimed and closed");
                self.registry.close_strays();
            }
        }
        Ok(())
    }

    /// Makes the PID file this process's.
    pub(crate) fn publish_pid(&mut self) -> Result<(), Error> {
        self.pid_file.as_mut().map_or(Ok(()), PidFile::publish)
    }

    /// The service is on its way to a successor, or is so no more: for when it comes back.
    pub(crate) fn reserve_pid(&mut self, on_its_way: bool) {
        match (&mut self.pid_file, on_its_way) {
            (Some(file), true) => file.hold_reserve(),
            (Some(file), false) => file.drop_reserve(),
            (None, _) => {}
        }
    }

    /// Removes the PID file, if it still is the one that this process has put there.
    pub(crate) fn remove_pid_file(&mut self) {
        if let Some(file) = &mut self.pid_file {
            file.remove();
        }
    }

    /// Tells a test that this generation is ready and owns the service.
    pub(crate) fn observe_ready(&self, generation: u64) {
        if let Some(observer) = &self.settings.observer {
            observer.tell(generation, &self.mailbox);
        }
    }

    /// Tells `gone` when the predecessor's process has ended.
    pub(crate) fn watch_predecessor(&mut self, process: PidFd, gone: Arc<Latch>) {
        self.predecessor = Some(Ending { process, gone });
    }

    pub(crate) fn predecessor_process(&self) -> Option<&PidFd> {
        self.predecessor.as_ref().map(|ending| &ending.process)
    }

    /// The predecessor's process has ended, or will not be seen to.
    pub(crate) fn predecessor_ended(&mut self) {
        if let Some(ending) = self.predecessor.take() {
            ending.gone.fire();
        }
    }

    /// The predecessor lives in this process: its end is its retirement.
    pub(crate) fn expect_retirement(&mut self, generation: Option<u64>) {
        self.local_predecessor = generation;
    }

    /// A generation has finished draining.
    pub(crate) fn retired(&mut self, generation: u64) {
        if self.local_predecessor == Some(generation) {
            self.predecessor_ended();
        }
    }
}

/// Whether the peer has closed: what it said before is read first.
fn has_gone(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionRefused, ConnectionReset, NotConnected};
    matches!(error.kind(), BrokenPipe | ConnectionRefused | ConnectionReset | NotConnected)
}

/// The first few names.
fn listed(names: &[Name]) -> String {
    const FEW: usize = 10;
    let first: Vec<&str> = names.iter().take(FEW).map(Name::as_str).collect();
    let more = if names.len() > FEW { ", ..." } else { "" };
    first.join(", ") + more
}

impl Drop for Holdings {
    fn drop(&mut self) {
        self.mailbox.close();
        self.predecessor_ended();
        if let (true, Some(listener)) = (self.unfinished, &self.listener) {
            listener.unlink();
        }
    }
}

/// Whether a frame may be sent later, and when if the socket does not tell: `ETOOMANYREFS` counts
/// the descriptors that all of the user's processes have in flight.
fn wait_for(error: &io::Error, retry_at: Duration) -> Option<Option<Duration>> {
    match error.raw_os_error() {
        Some(libc::EAGAIN) => Some(None),
        Some(libc::ETOOMANYREFS | libc::ENOBUFS | libc::ENOMEM) => Some(Some(retry_at)),
        _ => None,
    }
}
