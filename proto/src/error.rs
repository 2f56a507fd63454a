//! What a peer can do wrong, by who is to blame.

use alloc::string::String;

use crate::codec::BodyError;
use crate::entry::Kind;
use crate::limits::{HEADER, MAX_DESCRIPTORS, MAX_FRAME};
use crate::message_kind::MessageKind;
use crate::name::Name;
use crate::phase::Phase;

/// Bytes that are no message.
///
/// ```
/// use heirloom_proto::{InvalidMessage, Message};
///
/// let stranger = Message::decode(b"GET / HTTP/1.1\r\n");
/// assert_eq!(stranger, Err(InvalidMessage::Magic { found: u32::from_le_bytes(*b"GET ") }));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
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
    #[error("{kind} cannot be read: {field}: {error}")]
    Body {
        /// The message.
        kind: MessageKind,
        /// The field at fault, by the names of this crate's types: `entries[3].identity.local`.
        field: String,
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
///
/// ```
/// use heirloom_proto::PeerMisbehaved;
///
/// let short = PeerMisbehaved::Total { told: 3, found: 2 };
/// assert_eq!(short.to_string(), "2 entries came, 3 were announced");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
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
    /// `Owned` of a successor whose lock nobody finds: it lies, or has ended since.
    #[error("Owned came from a successor that does not hold the token, or does no more")]
    OwnedWithoutToken,
    /// The socket that came with `Welcome` is not the one at which the predecessor was met.
    #[error(
        "the control listener that came with Welcome is {found}, expected the one that listens at {met_at}"
    )]
    ControlListener {
        /// What it is.
        found: String,
        /// The name by which the predecessor's was bound.
        met_at: String,
    },
    /// Two entries that cannot be told apart.
    #[error(
        "two entries are {kind} {name}: each has a name of its own among those of its kind, or of state a schema"
    )]
    Duplicate {
        /// Their kind.
        kind: Kind,
        /// Their name.
        name: Name,
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
///
/// ```
/// use heirloom_proto::PeerIncompatible;
///
/// let newer = PeerIncompatible::Version { version: 3, lowest: 1, highest: 2 };
/// assert_eq!(newer.to_string(), "the predecessor speaks version 3, this process 1 to 2");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
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
