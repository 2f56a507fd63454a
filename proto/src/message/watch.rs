//! What is told unasked: to tools that watch, and to the owner by a generation that drains.

use alloc::string::String;

use serde::{Deserialize, Serialize};

use crate::abort::wire_numbers;
use crate::phase::Phase;

/// `P -> S`, while draining: how much is still open here.
///
/// ```
/// use heirloom_proto::{Message, Open};
///
/// let frame = Message::Open(Open { open: 3 }).encode()?;
/// assert_eq!(Message::decode(&frame)?, Message::Open(Open { open: 3 }));
/// # Ok::<(), heirloom_proto::InvalidMessage>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Open {
    /// Requests or connections.
    pub open: u64,
}

/// `P -> tool`: something has happened. Flat, and with a number for what it is, so that whoever does not
/// know the number can still show the rest.
///
/// ```
/// use heirloom_proto::{Cause, Happened, Happening, Phase};
///
/// let failed = Happened {
///     event: Happening::Failed,
///     pid: 200,
///     generation: 2,
///     phase: Phase::Preparing,
///     took_ms: 60_001,
///     number: u16::from(Cause::TimedOut).into(),
///     text: "waiting for the successor to become ready took 60001 ms".into(),
/// };
/// assert_eq!(u16::try_from(failed.number).map(Cause::from), Ok(Cause::TimedOut));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Happened {
    /// What.
    pub event: Happening,
    /// The process that it happened to, as the kernel tells it to the predecessor: the successor of the
    /// handoff, or the generation that has retired. 0 if it is not known yet.
    pub pid: u32,
    /// The generation which that process is, or is going to be; 0 if it is none.
    pub generation: u64,
    /// What the predecessor was doing; of a handoff that failed, what it failed in.
    pub phase: Phase,
    /// How long the handoff has taken up to now, in milliseconds; 0 if it is none of a handoff.
    pub took_ms: u64,
    /// *Ready*: the entries not claimed. *Refused*: the [reason](crate::RefuseReason). *Failed* and *taken
    /// back*: the [cause](crate::Cause). Else 0.
    pub number: u64,
    /// *Began*: the build label. Else, for people: at most [`MAX_TEXT`](crate::limits::MAX_TEXT) bytes.
    #[serde(deserialize_with = "crate::codec::text")]
    pub text: String,
}

wire_numbers! {
    /// What has happened. On the wire a `u16`.
    ///
    /// ```
    /// use heirloom_proto::Happening;
    ///
    /// assert_eq!(Happening::from(5), Happening::Owned);
    /// assert_eq!(Happening::TakenBack.to_string(), "taken back");
    /// assert_eq!(Happening::ALL.len(), 10);
    /// ```
    Happening, "event" {
        /// A handoff has begun: the successor is known, and nothing keeps it waiting.
        Began = 1, "began";
        /// The handoff has come to its next phase.
        Phase = 2, "phase";
        /// The successor tells what it is doing.
        Progress = 3, "progress";
        /// The successor could serve.
        Ready = 4, "ready";
        /// The successor owns the service; whoever watches is closed, and finds the new owner.
        Owned = 5, "owned";
        /// The handoff failed, and nothing has changed hands.
        Failed = 6, "failed";
        /// The handoff failed, and the service was taken back.
        TakenBack = 7, "taken back";
        /// A successor was refused.
        Refused = 8, "refused";
        /// An older generation has finished draining.
        Retired = 9, "retired";
        /// The service is being stopped.
        Stopped = 10, "stopped";
    }
}
