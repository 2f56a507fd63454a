//! What the owner's machine asks of its driver.

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;
use core::time::Duration;

use super::millis;
use crate::failure::Failure;
use crate::limits::clip;
use crate::message::Happened;
use crate::phase::Phase;
use crate::refuse::Refuse;

/// A connection to the control socket, numbered by the driver and never reused.
///
/// ```
/// use heirloom_proto::predecessor::ConnectionId;
///
/// assert!(ConnectionId(1) < ConnectionId(2));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// Something to do.
///
/// ```
/// use std::time::Duration;
/// use heirloom_proto::{Message, Timeouts};
/// use heirloom_proto::predecessor::{ConnectionId, Output, Predecessor, Settings};
///
/// # let settings = Settings { service: "shop".into(), build: "1.0".into(), generation: 1, pid: 100,
/// #     attempt: 0, timeouts: Timeouts::default(), draining_cap: 2, fence: true };
/// let mut owner = Predecessor::new(settings, Vec::new(), Duration::ZERO);
/// owner.handle_connected(ConnectionId(1), 300, Duration::ZERO);
/// owner.handle_frame(ConnectionId(1), &Message::Status.encode()?, Duration::ZERO);
/// while let Some(output) = owner.poll_output() {
///     match output {
///         Output::Report(tool) => assert_eq!(tool, ConnectionId(1)),
///         other => panic!("a driver would do it: {other:?}"),
///     }
/// }
/// # Ok::<(), heirloom_proto::InvalidMessage>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Output {
    /// Send this frame with these descriptors.
    Send {
        /// On which connection.
        connection: ConnectionId,
        /// The frame.
        frame: Vec<u8>,
        /// What travels with it.
        attachment: Attachment,
    },
    /// Send this frame if the kernel takes it at once, and answer with `handle_closed` if it does not:
    /// whoever watches and does not read is not waited for.
    Tell {
        /// On which connection.
        connection: ConnectionId,
        /// The frame.
        frame: Vec<u8>,
    },
    /// Complete [`report`](super::Predecessor::report) with what this process has, and send it.
    Report(ConnectionId),
    /// Answer with `handle_open`.
    CountOpen,
    /// Close this connection; drop what has not been sent on it.
    Close(ConnectionId),
    /// List what is to be handed over and answer with `handle_snapshot`.
    TakeSnapshot,
    /// Write this number of an attempt into the token.
    WriteAttempt(u64),
    /// Spawn a successor with the secret given.
    Spawn,
    /// End the process spawned last, whose handoff failed, if it has not ended by itself soon.
    Condemn,
    /// Stop changing what is handed over and answer with `handle_frozen`.
    Freeze,
    /// Go on as before `Freeze`.
    Thaw,
    /// Unlock the token.
    Unlock,
    /// Try to lock the token, hand in every frame that the successor has sent by then, and answer
    /// with `handle_lock`.
    TryLock,
    /// Make a new token and lock it: the old one is locked by nobody that lives.
    RenewToken,
    /// Kill the peer through its pidfd; answer with `handle_fence_failed` if that cannot be. It holds
    /// the token and says nothing.
    Fence(ConnectionId),
    /// Something has happened.
    Event(Event),
}

/// The descriptors that travel with a frame.
///
/// ```
/// use heirloom_proto::predecessor::Attachment;
///
/// let snapshot = ["web", "admin", "journal"];
/// let attachment = Attachment::Entries(1..3);
/// if let Attachment::Entries(range) = attachment {
///     assert_eq!(snapshot[range], ["admin", "journal"]);
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Attachment {
    /// None.
    None,
    /// A second open description of the token, then the control listener.
    Token,
    /// Those of the entries in this range of the snapshot.
    Entries(Range<usize>),
}

/// Something that has happened.
///
/// ```
/// use std::time::Duration;
/// use heirloom_proto::Timeouts;
/// use heirloom_proto::predecessor::{Event, Output, Predecessor, Settings};
///
/// # let settings = Settings { service: "shop".into(), build: "1.0".into(), generation: 1, pid: 100,
/// #     attempt: 0, timeouts: Timeouts::default(), draining_cap: 2, fence: true };
/// let mut owner = Predecessor::new(settings, Vec::new(), Duration::ZERO);
/// owner.handle_stop(Duration::ZERO);
/// let mut outputs = std::iter::from_fn(|| owner.poll_output());
/// assert!(outputs.any(|output| output == Output::Event(Event::Stopped)));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Event {
    /// A tool wants an upgrade: answer with `handle_asked_upgrade`.
    UpgradeAsked {
        /// Its connection.
        tool: ConnectionId,
    },
    /// A successor has introduced itself; it may be kept waiting yet.
    Introduced {
        /// Its process id.
        pid: u32,
    },
    /// A handoff has begun: nothing keeps the successor waiting any more.
    Began {
        /// The successor's process id.
        pid: u32,
        /// The successor's build label.
        build: String,
        /// How long since it was to be spawned, or has introduced itself.
        took: Duration,
    },
    /// The handoff has come to another phase.
    Entered {
        /// The successor's process id; 0 before it has introduced itself.
        pid: u32,
        /// Which.
        phase: Phase,
        /// How long the handoff has taken.
        took: Duration,
    },
    /// The successor tells what it is doing.
    Progress {
        /// Its process id.
        pid: u32,
        /// In its own words.
        text: String,
        /// How long the handoff has taken.
        took: Duration,
    },
    /// The successor is ready; it did not claim so many entries.
    SuccessorReady {
        /// Its process id.
        pid: u32,
        /// How many.
        strays: u64,
        /// How long the handoff has taken.
        took: Duration,
    },
    /// A successor was refused.
    Refused {
        /// Its process id.
        pid: u32,
        /// What it was told.
        refuse: Refuse,
    },
    /// The successor owns the service. This process drains.
    Owned {
        /// Its process id.
        pid: u32,
        /// Its generation.
        generation: u64,
        /// How long the handoff has taken.
        took: Duration,
    },
    /// The handoff failed before the token moved: nothing has changed.
    Failed(Ended),
    /// The handoff failed after the token was let go, and it is this process's again: what the
    /// successor may have taken over is to be put back.
    TakenBack {
        /// How it ended.
        ended: Ended,
        /// The old token stays locked by a copy in a stranger's hands; there is a new one.
        leaked: bool,
    },
    /// An older generation has finished draining.
    Retired {
        /// Which one.
        generation: u64,
        /// Its process id.
        pid: u32,
    },
    /// The service is being stopped.
    Stopped,
}

/// A handoff that did not move ownership.
///
/// ```
/// use std::time::Duration;
/// use heirloom_proto::{Failure, Phase, predecessor::Ended};
///
/// let phase = Phase::Preparing;
/// let failure = Failure::Closed { phase };
/// let ended = Ended { pid: 200, phase, took: Duration::from_millis(1_200), failure };
/// assert_eq!(ended.took.as_millis(), 1_200);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ended {
    /// The successor's process id; 0 if it has not introduced itself.
    pub pid: u32,
    /// What was going on when it failed.
    pub phase: Phase,
    /// How long the handoff had taken.
    pub took: Duration,
    /// Why it failed.
    pub failure: Failure,
}

impl Ended {
    pub(super) fn to_happened(&self, happened: Happened) -> Happened {
        Happened {
            pid: self.pid,
            phase: self.phase,
            took_ms: millis(self.took),
            number: u16::from(self.failure.cause()).into(),
            text: clip(&alloc::format!("{}", self.failure)),
            ..happened
        }
    }
}
