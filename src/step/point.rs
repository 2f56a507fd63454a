//! The points themselves.

use std::fmt;

use heirloom_proto::MessageKind;

use super::{Edge, Side};
use crate::sys::channel::Channel;

pub(super) fn come_to(side: Side, edge: Edge, action: impl fmt::Display) {
    tracing::trace!(target: "heirloom::step", point = %format_args!("{side}.{edge}.{action}"));
}

pub(super) fn come_to_frame(side: Side, edge: Edge, verb: &str, frame: &[u8]) {
    if is_watched() {
        come_to(side, edge, format_args!("{verb}-{}", kind(frame)));
    }
}

/// Looks at the next frame without taking it: whoever is killed now has not read it.
pub(super) fn come_to_queue(side: Side, channel: &Channel) -> bool {
    if !is_watched() {
        return true;
    }
    match channel.peek() {
        Ok(Some(start)) => come_to_frame(side, Edge::Before, "receive", &start),
        Ok(None) => {}
        Err(error) => return error.kind() != std::io::ErrorKind::WouldBlock,
    }
    true
}

fn is_watched() -> bool {
    tracing::enabled!(target: "heirloom::step", tracing::Level::TRACE)
}

fn kind(frame: &[u8]) -> String {
    let kind = frame.get(6..8).and_then(|kind| kind.try_into().ok()).map(u16::from_le_bytes);
    let kind = kind.and_then(|kind| MessageKind::try_from(kind).ok());
    kind.map_or("unknown".into(), |kind| kind.to_string().to_lowercase())
}
