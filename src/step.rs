//! Every step of a handoff by name, for faults to be injected there.
//!
//! With the feature `fault-points` each is an event at level `TRACE`, target `heirloom::step`, whose
//! field `point` reads like `successor.before.lock`. A subscriber that blocks there holds the handoff;
//! it may as well kill or stop its own process. Without the feature nothing of it is compiled.

#[cfg(feature = "fault-points")]
mod point;

use std::fmt;

use crate::sys::channel::Channel;

/// Which side takes the step.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Side {
    Predecessor,
    Successor,
}

/// Before or after the step is taken.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Edge {
    Before,
    After,
}

/// A step with the token, or one that the outside sees.
#[cfg_attr(not(feature = "fault-points"), expect(unused_variables, reason = "compiled out"))]
pub(crate) fn step(side: Side, edge: Edge, action: &str) {
    #[cfg(feature = "fault-points")]
    point::come_to(side, edge, action);
}

/// A frame is sent or received: `send-ready`, `receive-commit`.
#[cfg_attr(not(feature = "fault-points"), expect(unused_variables, reason = "compiled out"))]
pub(crate) fn step_frame(side: Side, edge: Edge, verb: &str, frame: &[u8]) {
    #[cfg(feature = "fault-points")]
    point::come_to_frame(side, edge, verb, frame);
}

/// The next frame that is queued is about to be received. Tells whether to look for one: what comes
/// after a point has been looked for is not received before its turn.
#[cfg_attr(not(feature = "fault-points"), expect(unused_variables, reason = "compiled out"))]
pub(crate) fn step_queue(side: Side, channel: &Channel) -> bool {
    #[cfg(feature = "fault-points")]
    return point::come_to_queue(side, channel);
    #[cfg(not(feature = "fault-points"))]
    true
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Predecessor => "predecessor",
            Self::Successor => "successor",
        })
    }
}

impl fmt::Display for Edge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Before => "before",
            Self::After => "after",
        })
    }
}
