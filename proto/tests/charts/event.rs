//! What happens in a handoff, as a chart tells it.

use std::time::Duration;

use crate::moment::Moment;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Successor,
    Predecessor,
}

#[derive(Clone, Debug)]
pub(crate) enum Event {
    Does {
        side: Side,
        what: String,
    },
    /// Its kernel tells a side of something.
    Hears {
        side: Side,
        what: String,
    },
    /// A frame goes into the other side's queue. Each direction counts its own.
    Sends {
        side: Side,
        what: String,
        number: usize,
    },
    /// A side takes a frame out of its queue.
    Reads {
        side: Side,
        what: String,
        number: usize,
        emptying: bool,
    },
    /// A side tries the token.
    Tries {
        side: Side,
        got: bool,
        now: Duration,
    },
    /// A side begins to wait for something.
    Waits {
        side: Side,
        what: &'static str,
        length: Duration,
    },
    /// It has waited in vain.
    Waited {
        side: Side,
        what: &'static str,
        length: Duration,
    },
    /// A side is killed, frozen or thawed.
    Fault {
        side: Side,
        what: &'static str,
    },
    /// The handoff has come so far.
    Reaches(Moment),
}

impl Event {
    /// What was sent before it and is read after it has lain in the queue.
    pub(crate) fn takes_time(&self) -> bool {
        matches!(self, Self::Waited { .. } | Self::Fault { .. })
    }
}

impl Side {
    pub(crate) fn peer(self) -> Self {
        match self {
            Self::Successor => Self::Predecessor,
            Self::Predecessor => Self::Successor,
        }
    }

    pub(crate) fn letter(self) -> char {
        match self {
            Self::Successor => 'S',
            Self::Predecessor => 'P',
        }
    }
}
