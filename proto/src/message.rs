//! Everything that is said, and how it becomes a frame.

mod frame;
mod greeting;
mod tool;
mod watch;

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

pub(crate) use frame::encode_manifest;
pub use greeting::{Hello, Secret, Welcome};
pub use tool::{DrainingGeneration, LastFailure, Listed, Outcome, RunningHandoff, StatusReport};
pub use watch::{Happened, Happening, Open};

use crate::abort::Abort;
use crate::error::InvalidMessage;
use crate::limits::VERSION;
use crate::manifest::{Incoming, Manifest, Outgoing};
use crate::message_kind::MessageKind;
use crate::name::Name;
use crate::refuse::Refuse;
use frame::{Header, read, write, write_kind};

/// One message.
///
/// ```
/// use heirloom_proto::{Message, MessageKind, Received};
///
/// let message = Message::Received(Received { count: 250 });
/// let frame = message.encode()?;
/// assert_eq!(Message::decode(&frame)?, message);
/// assert_eq!(message.kind(), Some(MessageKind::Received));
/// # Ok::<(), heirloom_proto::InvalidMessage>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Message {
    /// A successor introduces itself.
    Hello(Hello),
    /// The predecessor takes it. Travels with the token and the control listener.
    Welcome(Welcome),
    /// The predecessor does not take it.
    Refuse(Refuse),
    /// A batch of entries. Travels with as many descriptors.
    Manifest(Manifest),
    /// The successor holds this many.
    Received(Received),
    /// The successor is still preparing itself.
    Progress(Progress),
    /// The successor could serve now.
    Ready(Ready),
    /// The predecessor lets go.
    Commit(Commit),
    /// The token is free.
    Released,
    /// The token is the successor's.
    Owned,
    /// The predecessor knows that the service is the successor's, and will never take it back.
    Draining,
    /// The predecessor has finished what it had in flight.
    Retired,
    /// Nothing changed hands.
    Abort(Abort),
    /// A tool asks how things stand.
    Status,
    /// The answer to it.
    StatusReport(StatusReport),
    /// A tool asks the service to spawn a successor.
    Upgrade,
    /// What became of it.
    Outcome(Outcome),
    /// So many requests or connections are still open in a process that drains.
    Open(Open),
    /// A tool wants to be told how things stand, and whatever happens.
    Watch,
    /// Something has happened.
    Happened(Happened),
    /// A kind that this version does not know and may skip.
    Unknown(u16),
}

impl Message {
    /// Reads the frame that holds one message.
    ///
    /// # Errors
    ///
    /// [`InvalidMessage`] names what is wrong with it. A kind that this version does not know is
    /// [`Message::Unknown`] if it may be skipped and an error if it must be understood.
    pub fn decode(frame: &[u8]) -> Result<Self, InvalidMessage> {
        let (header, body) = Header::read(frame)?;
        let Ok(kind) = MessageKind::try_from(header.kind) else {
            return match header.kind & MessageKind::MUST_UNDERSTAND {
                0 => Ok(Self::Unknown(header.kind)),
                _ => Err(InvalidMessage::UnknownKind { kind: header.kind }),
            };
        };
        if header.version != kind.version() {
            return Err(InvalidMessage::WrongVersion {
                kind,
                found: header.version,
                expected: kind.version(),
            });
        }
        Ok(match kind {
            MessageKind::Hello => Self::Hello(read(kind, body)?),
            MessageKind::Welcome => Self::Welcome(read(kind, body)?),
            MessageKind::Refuse => Self::Refuse(read(kind, body)?),
            MessageKind::Manifest => Self::Manifest(read::<Incoming>(kind, body)?.try_into()?),
            MessageKind::Received => Self::Received(read(kind, body)?),
            MessageKind::Progress => Self::Progress(read(kind, body)?),
            MessageKind::Ready => Self::Ready(read(kind, body)?),
            MessageKind::Commit => Self::Commit(read(kind, body)?),
            MessageKind::Released => Self::Released,
            MessageKind::Owned => Self::Owned,
            MessageKind::Retired => Self::Retired,
            MessageKind::Abort => Self::Abort(read(kind, body)?),
            MessageKind::Status => Self::Status,
            MessageKind::StatusReport => Self::StatusReport(read(kind, body)?),
            MessageKind::Upgrade => Self::Upgrade,
            MessageKind::Outcome => Self::Outcome(read(kind, body)?),
            MessageKind::Draining => Self::Draining,
            MessageKind::Open => Self::Open(read(kind, body)?),
            MessageKind::Watch => Self::Watch,
            MessageKind::Happened => Self::Happened(read(kind, body)?),
        })
    }

    /// The frame that holds this message.
    ///
    /// # Errors
    ///
    /// [`InvalidMessage::TooLong`] when it does not fit
    /// [`MAX_FRAME`](crate::limits::MAX_FRAME). Never for a message made within the bounds of
    /// [`limits`](crate::limits).
    pub fn encode(&self) -> Result<Vec<u8>, InvalidMessage> {
        match self {
            Self::Hello(body) => write(MessageKind::Hello, body),
            Self::Welcome(body) => write(MessageKind::Welcome, body),
            Self::Refuse(body) => write(MessageKind::Refuse, body),
            Self::Manifest(manifest) => {
                encode_manifest(&Outgoing { last: manifest.last, entries: &manifest.entries })
            }
            Self::Received(body) => write(MessageKind::Received, body),
            Self::Progress(body) => write(MessageKind::Progress, body),
            Self::Ready(body) => write(MessageKind::Ready, body),
            Self::Commit(body) => write(MessageKind::Commit, body),
            Self::Released => write(MessageKind::Released, &()),
            Self::Owned => write(MessageKind::Owned, &()),
            Self::Retired => write(MessageKind::Retired, &()),
            Self::Abort(body) => write(MessageKind::Abort, body),
            Self::Status => write(MessageKind::Status, &()),
            Self::StatusReport(body) => write(MessageKind::StatusReport, body),
            Self::Upgrade => write(MessageKind::Upgrade, &()),
            Self::Outcome(body) => write(MessageKind::Outcome, body),
            Self::Draining => write(MessageKind::Draining, &()),
            Self::Open(body) => write(MessageKind::Open, body),
            Self::Watch => write(MessageKind::Watch, &()),
            Self::Happened(body) => write(MessageKind::Happened, body),
            Self::Unknown(kind) => write_kind(*kind, VERSION, &()),
        }
    }

    /// Which message this is, unless it is unknown.
    pub fn kind(&self) -> Option<MessageKind> {
        Some(match self {
            Self::Hello(_) => MessageKind::Hello,
            Self::Welcome(_) => MessageKind::Welcome,
            Self::Refuse(_) => MessageKind::Refuse,
            Self::Manifest(_) => MessageKind::Manifest,
            Self::Received(_) => MessageKind::Received,
            Self::Progress(_) => MessageKind::Progress,
            Self::Ready(_) => MessageKind::Ready,
            Self::Commit(_) => MessageKind::Commit,
            Self::Released => MessageKind::Released,
            Self::Owned => MessageKind::Owned,
            Self::Retired => MessageKind::Retired,
            Self::Abort(_) => MessageKind::Abort,
            Self::Status => MessageKind::Status,
            Self::StatusReport(_) => MessageKind::StatusReport,
            Self::Upgrade => MessageKind::Upgrade,
            Self::Outcome(_) => MessageKind::Outcome,
            Self::Draining => MessageKind::Draining,
            Self::Open(_) => MessageKind::Open,
            Self::Watch => MessageKind::Watch,
            Self::Happened(_) => MessageKind::Happened,
            Self::Unknown(_) => return None,
        })
    }
}

/// `S -> P`: the next batches may come.
///
/// ```
/// use heirloom_proto::{Message, Received};
///
/// let frame = Message::Received(Received { count: 250 }).encode()?;
/// assert_eq!(frame.len(), 12 + 8);
/// # Ok::<(), heirloom_proto::InvalidMessage>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Received {
    /// Entries received and found right since `Welcome`.
    pub count: u64,
}

/// `S -> P`: the successor lives and works; extends the ready timeout.
///
/// ```
/// use heirloom_proto::{Message, Progress};
///
/// let progress = Message::Progress(Progress { text: "loading the cache, 40 %".into() });
/// assert_eq!(Message::decode(&progress.encode()?)?, progress);
/// # Ok::<(), heirloom_proto::InvalidMessage>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Progress {
    /// What it is doing, for people.
    #[serde(deserialize_with = "crate::codec::text")]
    pub text: String,
}

/// `S -> P`: the successor could serve.
///
/// ```
/// use heirloom_proto::{Message, Name, Ready};
///
/// let ready = Ready { stray_count: 1, strays: vec![Name::new("metrics")?] };
/// let frame = Message::Ready(ready.clone()).encode()?;
/// assert_eq!(Message::decode(&frame)?, Message::Ready(ready));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ready {
    /// How many entries were not claimed.
    pub stray_count: u64,
    /// As many of their names as fit.
    #[serde(deserialize_with = "crate::codec::list")]
    pub strays: Vec<Name>,
}

/// `P -> S`: the predecessor will unlock the token next.
///
/// ```
/// use heirloom_proto::{Commit, LateState, Message};
///
/// // Nothing was frozen.
/// let commit = Commit { late_state: LateState::default().encode()? };
/// assert_eq!(Message::Commit(commit).encode()?.len(), 12 + 8);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Commit {
    /// The last words of an application that froze its state: a [`LateState`](crate::LateState), of no
    /// bytes otherwise. At most [`MAX_LATE_STATE`](crate::limits::MAX_LATE_STATE) bytes.
    #[serde(with = "crate::codec::bytes")]
    pub late_state: Vec<u8>,
}
