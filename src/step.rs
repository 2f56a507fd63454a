//! Every step of a handoff as an event, by name: what a trace of a handoff is made of.

use std::fmt;

use heirloom_proto::MessageKind;

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

/// Tells of a step: an event at level `TRACE`, target `heirloom::step`, whose field `point` reads
/// like `successor.before.lock`.
pub(crate) fn step(side: Side, edge: Edge, action: impl fmt::Display) {
    tracing::trace!(target: "heirloom::step", point = %format_args!("{side}.{edge}.{action}"));
}

/// Tells of a frame: `send-ready`, `receive-commit`.
pub(crate) fn step_frame(side: Side, edge: Edge, verb: &str, frame: &[u8]) {
    if tracing::enabled!(target: "heirloom::step", tracing::Level::TRACE) {
        let kind = frame.get(6..8).and_then(|kind| kind.try_into().ok()).map(u16::from_le_bytes);
        let kind = kind.and_then(|kind| MessageKind::try_from(kind).ok());
        let kind = kind.map_or("unknown".into(), |kind| kind.to_string().to_lowercase());
        step(side, edge, format_args!("{verb}-{kind}"));
    }
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
