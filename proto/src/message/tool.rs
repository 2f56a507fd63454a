//! What tools are told when they ask.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::Message;
use crate::entry::{Address, Kind};
use crate::failure::Cause;
use crate::limits::MAX_FRAME;
use crate::name::Name;
use crate::phase::Phase;

/// `P -> tool`: how things stand.
///
/// ```
/// use heirloom_proto::{Address, DrainingGeneration, Kind, Listed, Name, Phase, StatusReport};
///
/// let mut report = StatusReport {
///     generation: 2,
///     pid: 200,
///     service: "shop".into(),
///     build: "2.0".into(),
///     phase: Phase::Serving,
///     age_ms: 90_000,
///     uptime_ms: 90_250,
///     entries: 1,
///     draining: vec![DrainingGeneration { generation: 1, pid: 100, open: Some(3) }],
///     open: None,
///     handoff: None,
///     last_failure: None,
///     listed: Vec::new(),
/// };
/// let journal =
///     Listed { kind: Kind::File, name: Name::new("journal")?, address: Address::default() };
/// report.list([journal.clone()]);
/// assert_eq!(report.listed, [journal]);
/// # Ok::<(), heirloom_proto::InvalidName>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StatusReport {
    /// The generation of the process that answers.
    pub generation: u64,
    /// Its process id in its own namespace.
    pub pid: u32,
    /// Its service label.
    #[serde(deserialize_with = "crate::codec::text")]
    pub service: String,
    /// Its build label.
    #[serde(deserialize_with = "crate::codec::text")]
    pub build: String,
    /// What it is doing.
    pub phase: Phase,
    /// For how long, in milliseconds.
    pub age_ms: u64,
    /// How long ago the process began, in milliseconds.
    pub uptime_ms: u64,
    /// How many entries it would hand over now.
    pub entries: u64,
    /// Older generations that are still draining.
    #[serde(deserialize_with = "crate::codec::list")]
    pub draining: Vec<DrainingGeneration>,
    /// How many requests or connections are open in the process that answers; `None` if it counts none.
    pub open: Option<u64>,
    /// The handoff that goes on, once its successor has said `Hello`.
    pub handoff: Option<RunningHandoff>,
    /// The last handoff that failed.
    pub last_failure: Option<LastFailure>,
    /// The entries, as many as fit beside the rest: `entries` tells how many there are.
    #[serde(deserialize_with = "crate::codec::list")]
    pub listed: Vec<Listed>,
}

impl StatusReport {
    /// Lists as many of the entries as the frame has room for. There may be more than a frame holds, and
    /// whoever asks for a status is better served with some of them than with none.
    pub fn list(&mut self, entries: impl IntoIterator<Item = Listed>) {
        self.listed.clear();
        let rest =
            Message::StatusReport(self.clone()).encode().map_or(MAX_FRAME, |rest| rest.len());
        let mut room = MAX_FRAME - rest;
        for entry in entries {
            let Some(left) = room.checked_sub(entry.encoded_len()) else {
                return;
            };
            room = left;
            self.listed.push(entry);
        }
    }
}

/// An older generation that is still draining.
///
/// ```
/// use heirloom_proto::DrainingGeneration;
///
/// let older = DrainingGeneration { generation: 1, pid: 100, open: Some(3) };
/// assert_eq!(older.open, Some(3));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DrainingGeneration {
    /// Which one.
    pub generation: u64,
    /// Its process id: as the kernel told its successor, or in its own namespace.
    pub pid: u32,
    /// How many requests or connections were open there when it told so last; `None` if it counts none.
    pub open: Option<u64>,
}

/// A handoff that goes on.
///
/// ```
/// use heirloom_proto::RunningHandoff;
///
/// let running = RunningHandoff { pid: 200, build: "2.0".into() };
/// assert_eq!(format!("to {} (pid {})", running.build, running.pid), "to 2.0 (pid 200)");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RunningHandoff {
    /// The successor's process id, as the kernel tells it to the predecessor.
    pub pid: u32,
    /// The successor's build label.
    #[serde(deserialize_with = "crate::codec::text")]
    pub build: String,
}

/// A handoff that did not move ownership.
///
/// ```
/// use heirloom_proto::{Failure, LastFailure, Phase};
///
/// let phase = Phase::Preparing;
/// let text = Failure::Died { phase, status: Some("exit status: 1".into()) }.to_string();
/// let last = LastFailure { phase, took_ms: 1_200, ago_ms: 60_000, text };
/// assert!(last.text.starts_with("the peer's process ended (exit status: 1) while waiting"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LastFailure {
    /// What was going on when it failed.
    pub phase: Phase,
    /// How long the whole handoff had taken, in milliseconds.
    pub took_ms: u64,
    /// How long ago it failed, in milliseconds.
    pub ago_ms: u64,
    /// Why, for people. At most [`MAX_TEXT`](crate::limits::MAX_TEXT) bytes.
    #[serde(deserialize_with = "crate::codec::text")]
    pub text: String,
}

/// An entry, as far as a tool is told of it.
///
/// ```
/// use heirloom_proto::{Address, Kind, Listed, Name};
///
/// let listed = Listed { kind: Kind::File, name: Name::new("journal")?, address: Address::default() };
/// assert_eq!(format!("{} {}", listed.kind, listed.name), "file journal");
/// # Ok::<(), heirloom_proto::InvalidName>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Listed {
    /// What a successor may claim it as.
    pub kind: Kind,
    /// The name by which a successor claims it.
    pub name: Name,
    /// Its local address, a `sockaddr`; empty for what is no socket.
    pub address: Address,
}

impl Listed {
    /// How many bytes it takes in a frame.
    fn encoded_len(&self) -> usize {
        2 + 8 + self.name.as_str().len() + 8 + self.address.as_bytes().len()
    }
}

/// `P -> tool`: what became of an upgrade.
///
/// ```
/// use heirloom_proto::{Cause, Message, Outcome};
///
/// let failed = Outcome::Failed { cause: Cause::Exited, text: "exit status: 1".into() };
/// let frame = Message::Outcome(failed.clone()).encode()?;
/// assert_eq!(Message::decode(&frame)?, Message::Outcome(failed));
/// # Ok::<(), heirloom_proto::InvalidMessage>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
        /// Why, for a program.
        cause: Cause,
        /// Why, for people.
        #[serde(deserialize_with = "crate::codec::text")]
        text: String,
    },
}
