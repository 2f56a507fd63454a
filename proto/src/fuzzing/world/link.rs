//! The control socket: its listener, and what lies between two who are connected.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// The listening end, which every process with a copy may accept from.
#[derive(Clone, Debug, Hash)]
pub(super) struct Listener {
    /// Who has called `listen(2)` last: whoever connects is told his credentials.
    pub(super) told: usize,
    /// Those who have connected and are not accepted, by process.
    pub(super) queue: VecDeque<usize>,
}

/// The connection that a successor has made last.
#[derive(Clone, Debug, Hash)]
pub(super) struct Link {
    /// Whose death the successor is told of.
    pub(super) watched: usize,
    /// Who has accepted it.
    pub(super) acceptor: Option<usize>,
    /// The acceptor has closed its copy. The other end notices unless a child has one too.
    pub(super) is_left: bool,
    pub(super) to_successor: VecDeque<Parcel>,
    pub(super) to_predecessor: VecDeque<Vec<u8>>,
    pub(super) predecessor_closed: bool,
    pub(super) successor_closed: bool,
}

/// A frame with what travels with it.
#[derive(Clone, Debug, Hash)]
pub(super) struct Parcel {
    pub(super) frame: Vec<u8>,
    pub(super) descriptors: usize,
    /// The token of which a description travels with `Welcome`, and the listener with it.
    pub(super) token: Option<usize>,
}

impl Link {
    pub(super) fn new(watched: usize) -> Self {
        Self {
            watched,
            acceptor: None,
            is_left: false,
            to_successor: VecDeque::new(),
            to_predecessor: VecDeque::new(),
            predecessor_closed: false,
            successor_closed: false,
        }
    }

    /// The process has accepted it and reads it still.
    pub(super) fn is_read_by(&self, process: usize) -> bool {
        self.acceptor == Some(process) && !self.is_left
    }

    /// The control listener is on its way to the successor.
    pub(super) fn brings_listener(&self) -> bool {
        self.to_successor.iter().any(|parcel| parcel.token.is_some())
    }
}
