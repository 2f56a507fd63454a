//! Why a handoff did not move ownership.

use alloc::string::String;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::abort::{Abort, AbortReason, wire_numbers};
use crate::error::{InvalidMessage, PeerIncompatible, PeerMisbehaved};
use crate::phase::Phase;
use crate::refuse::Refuse;

/// Why a handoff did not move ownership.
///
/// ```
/// use heirloom_proto::{Cause, Failure, Phase};
///
/// let failure = Failure::Closed { phase: Phase::Transferring };
/// assert_eq!(failure.to_string(), "the peer closed the connection while transferring");
/// assert_eq!(failure.cause(), Cause::Exited);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
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
    #[error("{phase} took {} ms, {} ms are allowed", .took.as_millis(), .allowed.as_millis())]
    TimedOut {
        /// What was going on.
        phase: Phase,
        /// How long it may take.
        allowed: Duration,
        /// How long it had taken when that was noticed.
        took: Duration,
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

wire_numbers! {
    /// Why a handoff did not move ownership, as a program goes by it. On the wire a `u16`.
    ///
    /// ```
    /// use heirloom_proto::Cause;
    ///
    /// assert_eq!(Cause::from(3), Cause::TimedOut);
    /// assert_eq!(u16::from(Cause::Other(900)), 900);
    /// assert!(Cause::ALL.contains(&Cause::Refused));
    /// ```
    Cause, "cause" {
        /// The predecessor did not take the successor, or no handoff could begin.
        Refused = 1, "refused";
        /// The successor exited, or closed the connection.
        Exited = 2, "exited";
        /// A step took longer than it may.
        TimedOut = 3, "timed out";
        /// Either side gave it up.
        GivenUp = 4, "given up";
        /// Either side broke the protocol, or the two speak no version in common.
        Protocol = 5, "protocol broken";
        /// No successor process could be started.
        NotStarted = 6, "not started";
        /// The token is not to be had.
        Void = 7, "void";
    }
}

impl Failure {
    /// What a program goes by.
    pub fn cause(&self) -> Cause {
        match self {
            Self::Refused(_) => Cause::Refused,
            Self::Closed { .. } | Self::Died { .. } => Cause::Exited,
            Self::PeerAborted(Abort { reason: AbortReason::TimedOut, .. })
            | Self::TimedOut { .. } => Cause::TimedOut,
            Self::PeerAborted(_) | Self::Aborted(_) => Cause::GivenUp,
            Self::Invalid(_) | Self::Misbehaved(_) | Self::Incompatible(_) => Cause::Protocol,
            Self::Spawn(_) => Cause::NotStarted,
            Self::TokenHeld | Self::Superseded { .. } => Cause::Void,
        }
    }

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

impl From<InvalidMessage> for Failure {
    fn from(invalid: InvalidMessage) -> Self {
        Self::Invalid(invalid)
    }
}

impl From<PeerMisbehaved> for Failure {
    fn from(misbehaved: PeerMisbehaved) -> Self {
        Self::Misbehaved(misbehaved)
    }
}
