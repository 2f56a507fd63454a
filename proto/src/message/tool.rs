//! What tools are told.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

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
    /// For how long the process has been running the service, in milliseconds.
    pub uptime_ms: u64,
    /// How many entries it would hand over now.
    pub entries: u64,
    /// Older generations that are still draining.
    #[serde(deserialize_with = "crate::codec::list")]
    pub draining: Vec<DrainingGeneration>,
}

/// An older generation that is still draining.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DrainingGeneration {
    /// Which one.
    pub generation: u64,
    /// Its process id in its own namespace.
    pub pid: u32,
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
        /// Why, for people.
        #[serde(deserialize_with = "crate::codec::text")]
        text: String,
    },
}
