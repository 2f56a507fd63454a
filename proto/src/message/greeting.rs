//! How the two sides introduce themselves.

use alloc::string::String;
use core::fmt;
use core::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};

use crate::timeouts::Timeouts;

/// `S -> P`: who the successor is and what it can take. Its layout never changes.
///
/// ```
/// use heirloom_proto::{Hello, Message, limits::VERSION};
///
/// let hello = Hello {
///     lowest: VERSION,
///     highest: VERSION,
///     features: 0,
///     free_slots: 1_000,
///     pid: 200,
///     service: "shop".into(),
///     build: "2.0".into(),
///     secret: None,
/// };
/// let frame = Message::Hello(hello.clone()).encode()?;
/// assert_eq!(Message::decode(&frame)?, Message::Hello(hello));
/// # Ok::<(), heirloom_proto::InvalidMessage>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
    #[serde(deserialize_with = "crate::codec::text")]
    pub service: String,
    /// Which build it is; free text.
    #[serde(deserialize_with = "crate::codec::text")]
    pub build: String,
    /// The secret it was spawned with, unless it was started by somebody else.
    pub secret: Option<Secret>,
}

/// Proof that a successor was spawned by this predecessor, good for one handoff.
///
/// ```
/// use heirloom_proto::Secret;
///
/// let secret = Secret([7; 32]);
/// assert!(secret == Secret([7; 32]) && secret != Secret([8; 32]));
/// // It is not written into a log by accident.
/// assert_eq!(format!("{secret:?}"), "Secret(..)");
/// ```
#[derive(Clone, Copy, Serialize, Deserialize)]
pub struct Secret(pub [u8; 32]);

impl PartialEq for Secret {
    /// Looks at every byte whatever the first ones are.
    fn eq(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
    }
}

impl Eq for Secret {}

impl Hash for Secret {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// `P -> S`: what the successor is about to get. Its layout never changes.
///
/// ```
/// use heirloom_proto::{Message, Timeouts, Welcome, limits::VERSION};
///
/// let welcome = Welcome {
///     version: VERSION,
///     generation: 2,
///     attempt: 1,
///     entries: 3,
///     timeouts: Timeouts::default(),
///     pid: 100,
///     build: "1.0".into(),
/// };
/// let frame = Message::Welcome(welcome.clone()).encode()?;
/// assert_eq!(Message::decode(&frame)?, Message::Welcome(welcome));
/// # Ok::<(), heirloom_proto::InvalidMessage>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
    #[serde(deserialize_with = "crate::codec::text")]
    pub build: String,
}
