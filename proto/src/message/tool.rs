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
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RunningHandoff {
    /// The successor's process id, as the kernel tells it to the predecessor.
    pub pid: u32,
    /// The successor's build label.
    #[serde(deserialize_with = "crate::codec::text")]
    pub build: String,
}

/// A handoff that did not move ownership.
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
