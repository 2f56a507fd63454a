//! What an owner is told when it begins, and of whom.

use alloc::string::String;

use super::output::ConnectionId;
use crate::message::DrainingGeneration;
use crate::timeouts::Timeouts;

/// What an owner is told when it begins.
///
/// ```
/// use heirloom_proto::{Timeouts, predecessor::Settings};
///
/// let settings = Settings {
///     service: "shop".into(),
///     build: "1.0".into(),
///     generation: 1,
///     pid: 100,
///     attempt: 0,
///     timeouts: Timeouts::default(),
///     draining_cap: 2,
///     fence: true,
/// };
/// assert!(settings.fence);
/// ```
#[derive(Clone, Debug, Hash)]
pub struct Settings {
    /// The service label; successors of another service are refused.
    pub service: String,
    /// The build label, told to successors and tools.
    pub build: String,
    /// This process's generation.
    pub generation: u64,
    /// This process's id, told to successors and tools.
    pub pid: u32,
    /// The number of the latest attempt, as it stands in the token.
    pub attempt: u64,
    /// The time limits of every handoff; they are [capped](Timeouts::capped).
    pub timeouts: Timeouts,
    /// Most older generations that may still drain when a new handoff begins.
    pub draining_cap: usize,
    /// End a successor that holds the token and says nothing.
    pub fence: bool,
}

/// An older generation that has not retired, and the connection on which it will say so.
///
/// ```
/// use heirloom_proto::DrainingGeneration;
/// use heirloom_proto::predecessor::{ConnectionId, Elder};
///
/// let generation = DrainingGeneration { generation: 1, pid: 100, open: None };
/// let elder = Elder { connection: ConnectionId(0), generation, drains: false };
/// assert!(!elder.drains);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Elder {
    /// The connection to it.
    pub connection: ConnectionId,
    /// Which generation and process it is.
    pub generation: DrainingGeneration,
    /// It has said `Draining`. Until then it may find its successor dead, and take the service back.
    pub drains: bool,
}
