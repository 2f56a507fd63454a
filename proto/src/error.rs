//! What can go wrong, by who is to blame.

use alloc::string::String;
use core::fmt;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::abort::{Abort, AbortReason};
use crate::codec::BodyError;
use crate::limits::{HEADER, MAX_DESCRIPTORS, MAX_FRAME};
use crate::message::MessageKind;
use crate::refuse::Refuse;

/// Bytes that are no message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidMessage {
    /// Not even a header.
    #[error("a frame of {length} bytes is shorter than its header of {HEADER}")]
    TooShort {
        /// Bytes received.
        length: usize,
    },
    /// More than a frame may hold.
    #[error("a frame is longer than {MAX_FRAME} bytes")]
    TooLong {
        /// Bytes received, as far as they are known.
        length: usize,
    },
    /// Not a frame of this protocol.
    #[error("a frame begins with {found:#010x}: the peer does not speak this protocol")]
    Magic {
        /// The first four bytes.
        found: u32,
    },
    /// The header and the frame do not agree.
    #[error("the header tells a body of {told} bytes, the frame holds {found}")]
    Length {
        /// What the header tells.
        told: u32,
        /// What there is.
        found: usize,
    },
    /// The header could not be read.
    #[error("the header cannot be read: {0}")]
    Header(BodyError),
    /// A known kind in another version's layout.
    #[error("{kind} came in version {found}, expected {expected}")]
    WrongVersion {
        /// The message.
        kind: MessageKind,
        /// The version in its header.
        found: u16,
        /// The version expected.
        expected: u16,
    },
    /// A kind that must be understood and is not.
    #[error("message kind {kind:#06x} is unknown and must not be skipped: one side is too old")]
    UnknownKind {
        /// Its number.
        kind: u16,
    },
    /// The body could not be read.
    #[error("{kind} cannot be read: {error}")]
    Body {
        /// The message.
        kind: MessageKind,
        /// What is wrong.
        error: BodyError,
    },
    /// More entries than descriptors fit a frame.
    #[error("a manifest has {entries} entries, at most {MAX_DESCRIPTORS} are allowed")]
    TooManyEntries {
        /// How many.
        entries: usize,
    },
    /// Not as many descriptors as the message calls for.
    #[error("{descriptors} descriptors came with a message that calls for {entries}")]
    DescriptorCount {
        /// What the message calls for.
        entries: usize,
        /// What came.
        descriptors: usize,
    },
}

/// A peer that breaks the protocol with messages that are well-formed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PeerMisbehaved {
    /// A message that has no place in this state.
    #[error("{kind} came while {state}")]
    Unexpected {
        /// The message.
        kind: MessageKind,
        /// The state it met.
        state: Phase,
    },
    /// An acknowledgement of what was never sent, or less than before.
    #[error("{count} entries were acknowledged, {received} had been and {sent} were sent")]
    Acknowledged {
        /// What it says.
        count: u64,
        /// What it had said.
        received: u64,
        /// What was sent.
        sent: u64,
    },
    /// More or fewer entries than promised.
    #[error("{found} entries came, {told} were announced")]
    Total {
        /// What `Welcome` said.
        told: u64,
        /// What came.
        found: u64,
    },
}

/// A well-behaved peer that this one cannot work with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PeerIncompatible {
    /// The predecessor chose a version that was not offered.
    #[error("the predecessor speaks version {version}, this process {lowest} to {highest}")]
    Version {
        /// The version chosen.
        version: u16,
        /// The lowest offered.
        lowest: u16,
        /// The highest offered.
        highest: u16,
    },
}

/// Why a handoff did not move ownership.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The predecessor did not take it.
    #[error("refused: {0}")]
    Refused(Refuse),
    /// The peer gave it up.
    #[error("the peer gave up: {0}")]
    PeerAborted(Abort),
    /// This side gave it up.
    #[error("given up: {0}")]
    Aborted(Abort),
    /// The peer closed the connection.
    #[error("the peer closed the connection while {phase}")]
    Closed {
        /// What was going on.
        phase: Phase,
    },
    /// The peer's process ended.
    #[error("the peer's process ended{} while {phase}", .status.as_ref().map(|s| alloc::format!(" ({s})")).unwrap_or_default())]
    Died {
        /// What was going on.
        phase: Phase,
        /// How it ended, if that can be known.
        status: Option<String>,
    },
    /// The peer took too long.
    #[error("{phase} took longer than {} ms", .allowed.as_millis())]
    TimedOut {
        /// What was going on.
        phase: Phase,
        /// How long it may take.
        allowed: Duration,
    },
    /// The peer sent what is no message.
    #[error("{0}")]
    Invalid(InvalidMessage),
    /// The peer broke the protocol.
    #[error("the peer broke the protocol: {0}")]
    Misbehaved(PeerMisbehaved),
    /// The peer cannot be worked with.
    #[error("{0}")]
    Incompatible(PeerIncompatible),
    /// The token stays locked by a predecessor that lives: it owns the service.
    #[error(
        "the predecessor lives and keeps the token: it owns the service, this process must end"
    )]
    TokenHeld,
    /// A later attempt has begun, or the service was stopped: this attempt is void.
    #[error("attempt {attempt} is void: the token bears attempt {latest} since")]
    Superseded {
        /// This attempt.
        attempt: u64,
        /// The latest.
        latest: u64,
    },
    /// No successor process could be started.
    #[error("the successor could not be started: {0}")]
    Spawn(String),
}

impl Failure {
    /// The word to give the peer, if it is still there to hear it.
    pub(crate) fn to_abort(&self) -> Abort {
        let reason = match self {
            Self::Aborted(abort) => return abort.clone(),
            Self::TimedOut { .. } => AbortReason::TimedOut,
            Self::Invalid(_) | Self::Misbehaved(_) | Self::Incompatible(_) => AbortReason::Protocol,
            _ => AbortReason::System,
        };
        Abort::new(reason, &alloc::format!("{self}"))
    }
}

macro_rules! phases {
    ($($(#[$inner:meta])* $variant:ident = $number:literal, $text:literal;)*) => {
        /// What an owner or a successor is doing. On the wire a `u8`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(from = "u8", into = "u8")]
        #[non_exhaustive]
        pub enum Phase {
            $($(#[$inner])* $variant,)*
            /// A phase of a newer version.
            Other(u8),
        }

        impl Phase {
            /// Every phase this version knows.
            pub const ALL: &[Self] = &[$(Self::$variant),*];
        }

        impl From<u8> for Phase {
            fn from(number: u8) -> Self {
                match number { $($number => Self::$variant,)* other => Self::Other(other) }
            }
        }

        impl From<Phase> for u8 {
            fn from(phase: Phase) -> Self {
                match phase { $(Phase::$variant => $number,)* Phase::Other(number) => number }
            }
        }

        impl fmt::Display for Phase {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Self::$variant => f.write_str($text),)*
                    Self::Other(number) => write!(f, "phase {number}"),
                }
            }
        }
    };
}

phases! {
    /// The owner has not become ready.
    Starting = 1, "starting";
    /// The owner serves and no handoff is going on.
    Serving = 2, "serving";
    /// The owner waits for the successor it spawned to introduce itself.
    Spawning = 3, "waiting for the spawned successor";
    /// `Hello` and `Welcome`.
    Greeting = 4, "greeting";
    /// The manifest is passed.
    Transferring = 5, "transferring";
    /// The successor prepares itself.
    Preparing = 6, "waiting for the successor to become ready";
    /// From `Ready` to `Commit`.
    Committing = 7, "committing";
    /// From `Commit` to `Owned`.
    Releasing = 8, "moving the token";
    /// A side finds out who holds the token.
    Reclaiming = 9, "taking the token";
    /// The owner ends a successor that holds the token and says nothing.
    Fencing = 10, "ending a silent successor";
    /// The service belongs to a successor; this process finishes what it has in flight.
    Draining = 11, "draining";
    /// The service is being stopped.
    Stopped = 12, "stopping";
}
