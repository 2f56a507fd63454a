//! The steps of one handoff, as the owner sees them. Each waits for one thing, and moving on
//! consumes it, so a step that is over cannot be taken again:
//!
//! ```compile_fail,E0382
//! use heirloom_proto::{Timeouts, predecessor::steps::AwaitingReady};
//! use core::time::Duration;
//!
//! let step = AwaitingReady::new(Timeouts::default(), Duration::ZERO);
//! let freezing = step.handle_ready();
//! let again = step.handle_ready(); // the step has been consumed
//! ```

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;
use core::time::Duration;

use crate::entry::Entry;
use crate::error::PeerMisbehaved;
use crate::failure::Failure;
use crate::limits::{LOCK_RETRY, MAX_IN_FLIGHT, TRANSFER_TIMEOUT};
use crate::manifest::Batches;
use crate::message::encode_manifest;
use crate::timeouts::Timeouts;

/// The manifest is being passed: waits for `Received`.
///
/// ```
/// use std::{sync::Arc, time::Duration};
/// use heirloom_proto::predecessor::steps::{Acknowledged, AwaitingReceived};
/// # use heirloom_proto::{Entry, FileId, Identity, Kind, Name, Opaque};
///
/// # let identity = Identity::File(FileId { device: 2, inode: 11 });
/// # let (name, opaque) = (Name::new("journal")?, Opaque::default());
/// # let entry = Arc::new(Entry { kind: Kind::File, name, identity, path: None, opaque });
/// let now = Duration::ZERO;
/// let mut step = AwaitingReceived::new(vec![entry; 300], now).handle_sent(now);
/// let first = step.poll_batch().map(|(_frame, range)| range);
/// assert_eq!(first, Some(0..250));
/// // The next one is kept back until the kernel has taken the first.
/// assert_eq!(step.poll_batch(), None);
/// let mut step = step.handle_sent(now);
/// assert_eq!(step.poll_batch().map(|(_frame, range)| range), Some(250..300));
/// assert!(matches!(step.handle_received(300, now), Ok(Acknowledged::All)));
/// # Ok::<(), heirloom_proto::InvalidName>(())
/// ```
#[derive(Clone, Debug, Hash)]
pub struct AwaitingReceived {
    batches: Batches,
    received: u64,
    /// A frame is with the driver.
    in_transit: bool,
    pub(super) deadline: Duration,
}

/// What an acknowledgement leads to.
///
/// ```
/// use std::time::Duration;
/// use heirloom_proto::predecessor::steps::{Acknowledged, AwaitingReceived};
///
/// let now = Duration::ZERO;
/// // Nothing is handed over: one empty batch goes all the same.
/// let mut step = AwaitingReceived::new(Vec::new(), now).handle_sent(now);
/// assert!(step.poll_batch().is_some());
/// assert!(matches!(step.handle_received(0, now), Ok(Acknowledged::All)));
/// ```
#[derive(Debug)]
pub enum Acknowledged {
    /// There is more to send or to be acknowledged.
    More(AwaitingReceived),
    /// The successor holds everything.
    All,
}

impl AwaitingReceived {
    /// Begins once `Welcome` is with the driver.
    pub fn new(entries: Vec<Arc<Entry>>, now: Duration) -> Self {
        Self {
            batches: Batches::new(entries),
            received: 0,
            in_transit: true,
            deadline: now.saturating_add(TRANSFER_TIMEOUT),
        }
    }

    /// The next frame and where its entries lie, while the window has room for it.
    pub fn poll_batch(&mut self) -> Option<(Vec<u8>, Range<usize>)> {
        let range = self.batches.peek().filter(|_| !self.in_transit)?;
        let received = usize::try_from(self.received).unwrap_or(usize::MAX);
        if range.end.saturating_sub(received) > MAX_IN_FLIGHT {
            return None;
        }
        let frame = encode_manifest(&self.batches.take(&range)).ok()?;
        self.in_transit = true;
        Some((frame, range))
    }

    /// The kernel has taken a frame: the next may come.
    pub fn handle_sent(mut self, now: Duration) -> Self {
        self.in_transit = false;
        self.deadline = now.saturating_add(TRANSFER_TIMEOUT);
        self
    }

    /// The successor holds `count` entries.
    ///
    /// # Errors
    ///
    /// [`PeerMisbehaved::Acknowledged`] when it cannot.
    pub fn handle_received(
        mut self,
        count: u64,
        now: Duration,
    ) -> Result<Acknowledged, PeerMisbehaved> {
        let sent = self.batches.taken() as u64;
        let whole = self.batches.is_done() && count == sent;
        // One that tells nothing new would keep the handoff alive for ever.
        if count > sent || (count <= self.received && !whole) {
            return Err(PeerMisbehaved::Acknowledged { count, received: self.received, sent });
        }
        self.received = count;
        self.deadline = now.saturating_add(TRANSFER_TIMEOUT);
        match whole {
            true => Ok(Acknowledged::All),
            false => Ok(Acknowledged::More(self)),
        }
    }
}

/// The successor holds everything and prepares itself: waits for `Ready`.
///
/// ```
/// use std::time::Duration;
/// use heirloom_proto::{Timeouts, predecessor::steps::{AwaitingReady, Freezing}};
///
/// let step = AwaitingReady::new(Timeouts::default(), Duration::ZERO);
/// let step = step.handle_progress(Duration::from_secs(50));
/// let freezing: Freezing = step.handle_ready();
/// # drop(freezing);
/// ```
#[derive(Clone, Debug, Hash)]
pub struct AwaitingReady {
    pub(super) deadline: Duration,
    pub(super) allowed: Duration,
}

impl AwaitingReady {
    /// Begins at `now`. The cap on the whole handoff is kept where the handoff is.
    pub fn new(timeouts: Timeouts, now: Duration) -> Self {
        Self { deadline: now.saturating_add(timeouts.ready), allowed: timeouts.ready }
    }

    /// The successor works: it gets its time anew.
    pub fn handle_progress(self, now: Duration) -> Self {
        Self { deadline: now.saturating_add(self.allowed), ..self }
    }

    /// The successor could serve.
    pub fn handle_ready(self) -> Freezing {
        Freezing(())
    }
}

/// The application stops changing what is handed over.
///
/// ```
/// use std::time::Duration;
/// use heirloom_proto::{Timeouts, predecessor::steps::{AwaitingReady, Committing}};
///
/// let freezing = AwaitingReady::new(Timeouts::default(), Duration::ZERO).handle_ready();
/// let committing: Committing = freezing.handle_frozen(Duration::from_millis(3));
/// # drop(committing);
/// ```
#[derive(Clone, Debug, Hash)]
pub struct Freezing(());

impl Freezing {
    /// It has; `Commit` goes out.
    pub fn handle_frozen(self, now: Duration) -> Committing {
        Committing { deadline: now.saturating_add(TRANSFER_TIMEOUT) }
    }
}

/// `Commit` is with the driver. The token is still locked.
///
/// ```
/// use std::time::Duration;
/// use heirloom_proto::{Timeouts, predecessor::steps::AwaitingReady};
///
/// # let ready = AwaitingReady::new(Timeouts::default(), Duration::ZERO).handle_ready();
/// # let committing = ready.handle_frozen(Duration::ZERO);
/// let releasing = committing.handle_sent(Timeouts::default(), Duration::ZERO);
/// assert_eq!(releasing.deadline(), Some(Timeouts::default().commit));
/// ```
#[derive(Clone, Debug, Hash)]
pub struct Committing {
    pub(super) deadline: Duration,
}

impl Committing {
    /// The kernel has taken it: from here on whoever gets the token finds `Commit` in its queue.
    pub fn handle_sent(self, timeouts: Timeouts, now: Duration) -> AwaitingOwned {
        AwaitingOwned {
            patience: timeouts.commit,
            deadline: Some(now.saturating_add(timeouts.commit)),
            retry: None,
            failure: None,
            claimed: false,
            dead: false,
            fenced: false,
        }
    }
}

/// The token is let go: waits for `Owned`, and takes the token back if the successor is lost.
///
/// ```
/// use std::time::Duration;
/// use heirloom_proto::predecessor::steps::{AwaitingReady, Held};
/// use heirloom_proto::{Failure, Phase, Timeouts};
///
/// # let ready = AwaitingReady::new(Timeouts::default(), Duration::ZERO).handle_ready();
/// # let committing = ready.handle_frozen(Duration::ZERO);
/// let step = committing.handle_sent(Timeouts::default(), Duration::ZERO);
/// // The successor's word counts while it lives.
/// let step = step.handle_owned();
/// assert!(step.has_said_owned() && step.is_claimed());
///
/// // It is killed right after. The token is tried at once, and its lock waited for.
/// let died = Failure::Died { phase: Phase::Releasing, status: None };
/// let now = Duration::from_secs(1);
/// let step = step.handle_lost(died.clone(), true, now);
/// assert!(!step.is_claimed() && step.has_said_owned());
/// assert_eq!(step.deadline(), Some(now + Timeouts::default().commit));
/// assert_eq!(step.waited(now), Timeouts::default().commit);
///
/// // Somebody else keeps a lock that nobody who lives could have left: a new token it has to be.
/// let end = Duration::from_secs(3);
/// assert!(matches!(step.handle_held(true, Failure::TokenHeld, end), Held::Leaked(why) if why == died));
/// ```
///
/// One that falls silent is ended, if the kernel lets it be:
///
/// ```
/// use std::time::Duration;
/// use heirloom_proto::predecessor::steps::{AwaitingReady, Held};
/// use heirloom_proto::{Failure, Phase, Timeouts};
///
/// # let ready = AwaitingReady::new(Timeouts::default(), Duration::ZERO).handle_ready();
/// # let committing = ready.handle_frozen(Duration::ZERO);
/// let step = committing.handle_sent(Timeouts::default(), Duration::ZERO);
/// // It lives, keeps the token, and has said nothing for as long as it may.
/// let (end, allowed) = (Duration::from_secs(2), Timeouts::default().commit);
/// let silent = Failure::TimedOut { phase: Phase::Releasing, allowed, took: end };
/// let Held::Fence(step) = step.handle_held(true, silent.clone(), end) else { panic!() };
/// assert!(step.is_fenced());
/// // It is another user's, and cannot be killed.
/// let step = step.handle_fence_failed();
/// assert!(!step.is_fenced());
/// assert_eq!(step.into_failure(Failure::TokenHeld), silent);
/// ```
#[derive(Clone, Debug, Hash)]
pub struct AwaitingOwned {
    patience: Duration,
    /// When patience with a living successor ends, or with a lock that a dead one left behind.
    deadline: Option<Duration>,
    /// When to try the token again.
    retry: Option<Duration>,
    /// Why the handoff cannot end well any more, unless the successor says `Owned`.
    failure: Option<Failure>,
    /// The successor has said `Owned`: the token has to confirm it.
    claimed: bool,
    dead: bool,
    fenced: bool,
}

/// What an answer of the kernel leads to.
///
/// ```
/// use std::time::Duration;
/// use heirloom_proto::predecessor::steps::{AwaitingReady, Held};
/// use heirloom_proto::{Failure, Timeouts};
///
/// # let ready = AwaitingReady::new(Timeouts::default(), Duration::ZERO).handle_ready();
/// # let committing = ready.handle_frozen(Duration::ZERO);
/// let step = committing.handle_sent(Timeouts::default(), Duration::ZERO);
/// // The successor has it, and has not said so yet.
/// let held = step.handle_held(true, Failure::TokenHeld, Duration::from_millis(1));
/// assert!(matches!(held, Held::Wait(_)));
/// ```
#[derive(Debug)]
pub enum Held {
    /// Wait on.
    Wait(AwaitingOwned),
    /// End the successor, then wait on.
    Fence(AwaitingOwned),
    /// Nobody that lives holds the token: replace it.
    Leaked(Failure),
}

impl AwaitingOwned {
    /// The successor is lost, or its process has ended.
    pub fn handle_lost(mut self, failure: Failure, dead: bool, now: Duration) -> Self {
        if (dead && !self.dead) || self.deadline.is_none() {
            self.dead |= dead;
            self.deadline = Some(now.saturating_add(self.patience));
        }
        self.failure.get_or_insert(failure);
        self
    }

    /// The successor says that it owns the service.
    pub fn handle_owned(self) -> Self {
        Self { claimed: true, ..self }
    }

    /// The successor has said that it owns the service, alive or dead.
    pub fn has_said_owned(&self) -> bool {
        self.claimed
    }

    /// The successor says that it owns the service, and lives: it does if it holds the token.
    pub fn is_claimed(&self) -> bool {
        self.claimed && !self.dead
    }

    /// The token is locked by somebody else.
    pub fn handle_held(mut self, fence: bool, silent: Failure, now: Duration) -> Held {
        let over = self.deadline.is_some_and(|deadline| deadline <= now);
        let waiting = self.failure.is_some() && !over;
        self.retry = waiting.then_some(now.saturating_add(LOCK_RETRY));
        match (over, self.dead) {
            (false, _) => Held::Wait(self),
            (true, true) => Held::Leaked(self.into_failure(silent)),
            (true, false) => {
                self.deadline = None;
                self.failure.get_or_insert(silent);
                self.fenced |= fence;
                if fence { Held::Fence(self) } else { Held::Wait(self) }
            }
        }
    }

    /// Why the handoff failed; `silent` if it was for nothing but silence.
    pub fn into_failure(self, silent: Failure) -> Failure {
        match self.failure {
            Some(failure) => failure,
            None if self.claimed => PeerMisbehaved::OwnedWithoutToken.into(),
            None => silent,
        }
    }

    /// The successor could not be killed: its word counts again, and its death is waited for.
    pub fn handle_fence_failed(self) -> Self {
        Self { fenced: false, ..self }
    }

    /// How long the successor has been waited for.
    pub fn waited(&self, now: Duration) -> Duration {
        let late = self.deadline.map_or(Duration::ZERO, |deadline| now.saturating_sub(deadline));
        self.patience.saturating_add(late)
    }

    /// The successor was killed for its silence: what it said before does not count any more.
    pub fn is_fenced(&self) -> bool {
        self.fenced
    }

    /// When to try the token.
    pub fn deadline(&self) -> Option<Duration> {
        self.deadline.into_iter().chain(self.retry).min()
    }
}
