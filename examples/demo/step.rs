//! Acts at a named step of the handoff. The library tells its steps as `tracing` events.

use std::fmt::Debug;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{SetGlobalDefaultError, Subscriber};
use tracing::{Event, Metadata};

/// Calls `act` whenever the handoff is at `point`, such as `successor.before.lock`.
///
/// The library tells of a step on the very thread that takes it, so nothing happens in between.
pub(crate) fn at(point: &'static str, act: fn()) -> Result<(), SetGlobalDefaultError> {
    tracing::subscriber::set_global_default(At { point, act })
}

#[derive(Clone, Copy)]
struct At {
    point: &'static str,
    act: fn(),
}

impl Subscriber for At {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "heirloom::step"
    }

    fn event(&self, event: &Event<'_>) {
        event.record(&mut { *self });
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

impl Visit for At {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "point" && format!("{value:?}") == self.point {
            (self.act)();
        }
    }
}
