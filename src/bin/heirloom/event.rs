//! One event of a service, as it is printed.

use std::io;

use heirloom::tool::Event;
use serde_json::{Value, json};

use crate::show::{BAD, DIM, GOOD, PLAIN, Show, millis};

/// Prints an event. Tells whether anybody reads.
pub(crate) fn print(show: Show, event: &Event) -> io::Result<bool> {
    show.print(|| object(event), || line(show, event))
}

fn line(show: Show, event: &Event) -> String {
    let style = match event {
        Event::Owned { .. } | Event::Retired { .. } => GOOD,
        Event::Failed { .. } | Event::TakenBack { .. } | Event::Refused { .. } => BAD,
        Event::Progress { .. } => DIM,
        _ => PLAIN,
    };
    show.paint(style, event)
}

/// An event for programs. Times are in milliseconds; a kind is named as in `heirloom::ErrorKind`.
fn object(event: &Event) -> Value {
    let mut object = body(event);
    if let Some(fields) = object.as_object_mut() {
        fields.insert("event".into(), name(event).into());
        fields.insert("pid".into(), event.pid().into());
    }
    object
}

fn name(event: &Event) -> &'static str {
    match event {
        Event::Began { .. } => "began",
        Event::Phase { .. } => "phase",
        Event::Progress { .. } => "progress",
        Event::Ready { .. } => "ready",
        Event::Owned { .. } => "owned",
        Event::Failed { .. } => "failed",
        Event::TakenBack { .. } => "taken_back",
        Event::Refused { .. } => "refused",
        Event::Retired { .. } => "retired",
        Event::Stopped { .. } => "stopped",
        _ => "other",
    }
}

/// What it tells beside its name and process.
fn body(event: &Event) -> Value {
    match event {
        Event::Began { build, took, .. } => json!({ "build": build, "took_ms": millis(*took) }),
        Event::Phase { phase, took, .. } => {
            json!({ "phase": phase.to_string(), "took_ms": millis(*took) })
        }
        Event::Progress { text, took, .. } => json!({ "text": text, "took_ms": millis(*took) }),
        Event::Ready { strays, took, .. } => json!({ "strays": strays, "took_ms": millis(*took) }),
        Event::Owned { generation, took, .. } => {
            json!({ "generation": generation, "took_ms": millis(*took) })
        }
        Event::Failed { phase, kind, reason, took, .. }
        | Event::TakenBack { phase, kind, reason, took, .. } => json!({
            "phase": phase.to_string(),
            "kind": format!("{kind:?}"),
            "reason": reason,
            "took_ms": millis(*took),
        }),
        Event::Refused { phase, kind, reason, .. } => json!({
            "phase": phase.to_string(),
            "kind": format!("{kind:?}"),
            "reason": reason,
        }),
        Event::Retired { generation, .. } | Event::Stopped { generation, .. } => {
            json!({ "generation": generation })
        }
        Event::Other { number, text, .. } => json!({ "number": number, "text": text }),
        unknown => json!({ "text": unknown.to_string() }),
    }
}
