//! Everything that is said, and how it becomes a frame.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::abort::Abort;
use crate::codec;
use crate::entry::Name;
use crate::error::{InvalidMessage, Phase};
use crate::limits::{FROZEN_VERSION, HEADER, MAGIC, MAX_FRAME, VERSION};
use crate::manifest::{Incoming, Manifest, Outgoing};
use crate::refuse::Refuse;
use crate::timeouts::Timeouts;

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
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
        })
    }

    /// The frame that holds this message.
    ///
    /// # Errors
    ///
    /// [`InvalidMessage::TooLong`] when it does not fit [`MAX_FRAME`]. Never for a message made
    /// within the bounds of [`limits`](crate::limits).
    pub fn encode(&self) -> Result<Vec<u8>, InvalidMessage> {
        match self {
            Self::Hello(body) => write(MessageKind::Hello, body),
            Self::Welcome(body) => write(MessageKind::Welcome, body),
            Self::Refuse(body) => write(MessageKind::Refuse, body),
            Self::Manifest(manifest) => {
                let entries: Vec<_> = manifest
                    .entries
                    .iter()
                    .map(|(entry, ())| entry.clone().into())
                    .collect();
                encode_manifest(&Outgoing {
                    last: manifest.last,
                    entries: &entries,
                })
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
            Self::Unknown(_) => return None,
        })
    }
}

/// `S -> P`: who the successor is and what it can take. Its layout never changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Lowest protocol version spoken.
    pub lowest: u16,
    /// Highest protocol version spoken.
    pub highest: u16,
    /// Optional features, one bit each. None is defined yet.
    pub features: u64,
    /// Descriptors that may still be opened, the soft limit raised to the hard one first.
    pub free_slots: u64,
    /// The process id in the successor's own namespace: for people, never for a decision.
    pub pid: u32,
    /// The service it belongs to.
    pub service: String,
    /// Which build it is; free text.
    pub build: String,
    /// The secret it was spawned with, unless it was started by somebody else.
    pub secret: Option<Secret>,
}

/// Proof that a successor was spawned by this predecessor, good for one handoff.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub struct Secret(pub [u8; 32]);

impl PartialEq for Secret {
    /// Looks at every byte whatever the first ones are.
    fn eq(&self, other: &Self) -> bool {
        self.0
            .iter()
            .zip(&other.0)
            .fold(0, |differs, (a, b)| differs | (a ^ b))
            == 0
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// `P -> S`: what the successor is about to get. Its layout never changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// The version spoken from here on.
    pub version: u16,
    /// The generation that the successor is going to be.
    pub generation: u64,
    /// The number of this attempt, which also stands in the token.
    pub attempt: u64,
    /// How many entries will follow in all.
    pub entries: u64,
    /// The time limits of this handoff.
    pub timeouts: Timeouts,
    /// The predecessor's process id in its own namespace, for people.
    pub pid: u32,
    /// The predecessor's build; free text.
    pub build: String,
}

/// `S -> P`: the next batches may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Received {
    /// Entries received and found right since `Welcome`.
    pub count: u64,
}

/// `S -> P`: the successor lives and works; extends the ready timeout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// What it is doing, for people.
    pub text: String,
}

/// `S -> P`: the successor could serve.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    /// How many entries were not claimed.
    pub stray_count: u64,
    /// As many of their names as fit.
    pub strays: Vec<Name>,
}

/// `P -> S`: the predecessor will unlock the token next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// The last words of an application that froze its state; empty otherwise. At most
    /// [`MAX_LATE_STATE`](crate::limits::MAX_LATE_STATE) bytes.
    pub late_state: Vec<u8>,
}

/// `P -> tool`: how things stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusReport {
    /// The generation of the process that answers.
    pub generation: u64,
    /// Its process id in its own namespace.
    pub pid: u32,
    /// Its service label.
    pub service: String,
    /// Its build label.
    pub build: String,
    /// What it is doing.
    pub phase: Phase,
    /// For how long, in milliseconds.
    pub age_ms: u64,
    /// For how long the process has been running the service, in milliseconds.
    pub uptime_ms: u64,
    /// How many entries it would hand over now.
    pub entries: u64,
    /// Older generations that are still draining.
    pub draining: Vec<DrainingGeneration>,
}

/// An older generation that is still draining.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrainingGeneration {
    /// Which one.
    pub generation: u64,
    /// Its process id in its own namespace.
    pub pid: u32,
}

/// `P -> tool`: what became of an upgrade.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// A successor owns the service.
    Committed {
        /// Its process id.
        pid: u32,
        /// Its generation.
        generation: u64,
    },
    /// Nothing changed hands.
    Failed {
        /// Why, for people.
        text: String,
    },
}

macro_rules! kinds {
    ($($(#[$inner:meta])* $variant:ident = $number:literal,)*) => {
        /// The kinds of message, by their number on the wire. Those at or above
        /// [`MUST_UNDERSTAND`](Self::MUST_UNDERSTAND) may not be skipped.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u16)]
        #[non_exhaustive]
        #[expect(missing_docs, reason = "each is documented where its message is")]
        pub enum MessageKind { $($variant = $number,)* }

        impl MessageKind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$variant),*];
        }

        impl TryFrom<u16> for MessageKind {
            type Error = u16;

            fn try_from(number: u16) -> Result<Self, u16> {
                match number {
                    $($number => Ok(Self::$variant),)*
                    unknown => Err(unknown),
                }
            }
        }

        impl fmt::Display for MessageKind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$variant => stringify!($variant),)* })
            }
        }
    };
}

kinds! {
    Hello = 0x8001,
    Welcome = 0x8002,
    Refuse = 0x8003,
    Manifest = 0x8004,
    Received = 0x8005,
    Progress = 0x0006,
    Ready = 0x8007,
    Commit = 0x8008,
    Released = 0x8009,
    Owned = 0x800a,
    Retired = 0x000b,
    Abort = 0x800c,
    Status = 0x800d,
    StatusReport = 0x800e,
    Upgrade = 0x800f,
    Outcome = 0x8010,
}

impl MessageKind {
    /// The bit of a kind that a receiver must know or else refuse.
    pub const MUST_UNDERSTAND: u16 = 0x8000;

    /// The version in the header of this kind.
    fn version(self) -> u16 {
        match self {
            Self::Hello | Self::Welcome | Self::Refuse => FROZEN_VERSION,
            _ => VERSION,
        }
    }
}

/// The first [`HEADER`] bytes of a frame.
#[derive(Serialize, Deserialize)]
struct Header {
    magic: u32,
    version: u16,
    kind: u16,
    length: u32,
}

impl Header {
    fn read(frame: &[u8]) -> Result<(Self, &[u8]), InvalidMessage> {
        if frame.len() > MAX_FRAME {
            return Err(InvalidMessage::TooLong {
                length: frame.len(),
            });
        }
        let Some((head, body)) = frame.split_at_checked(HEADER) else {
            return Err(InvalidMessage::TooShort {
                length: frame.len(),
            });
        };
        let header: Self = codec::decode(head).map_err(InvalidMessage::Header)?;
        if header.magic != MAGIC {
            return Err(InvalidMessage::Magic {
                found: header.magic,
            });
        }
        if usize::try_from(header.length) != Ok(body.len()) {
            return Err(InvalidMessage::Length {
                told: header.length,
                found: body.len(),
            });
        }
        Ok((header, body))
    }
}

/// The frame of one batch.
pub(crate) fn encode_manifest(batch: &Outgoing<'_>) -> Result<Vec<u8>, InvalidMessage> {
    write(MessageKind::Manifest, batch)
}

fn read<T: DeserializeOwned>(kind: MessageKind, body: &[u8]) -> Result<T, InvalidMessage> {
    codec::decode(body).map_err(|error| InvalidMessage::Body { kind, error })
}

fn write<T: Serialize>(kind: MessageKind, body: &T) -> Result<Vec<u8>, InvalidMessage> {
    write_kind(kind as u16, kind.version(), body)
}

fn write_kind<T: Serialize>(kind: u16, version: u16, body: &T) -> Result<Vec<u8>, InvalidMessage> {
    let header = Header {
        magic: MAGIC,
        version,
        kind,
        length: 0,
    };
    let mut frame = codec::encode(&(header, body)).unwrap_or_default();
    let length = frame.len();
    if !(HEADER..=MAX_FRAME).contains(&length) {
        return Err(InvalidMessage::TooLong { length });
    }
    if let (Some(field), Ok(body)) = (frame.get_mut(8..HEADER), u32::try_from(length - HEADER)) {
        field.copy_from_slice(&body.to_le_bytes());
    }
    Ok(frame)
}
