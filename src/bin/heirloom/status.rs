//! `heirloom status`: how a service stands.

use std::fmt::Write as _;

use heirloom::tool::Tool;
use heirloom::{EntryStatus, Status};
use serde_json::{Value, json};

use crate::args;
use crate::outcome::Failed;
use crate::show::{BAD, DIM, Show, millis, printable, time};

/// Asks, and prints the answer.
pub(crate) fn status(arguments: &args::Status) -> Result<(), Failed> {
    let show = Show::new(arguments.service.json);
    let tool = Tool::builder().timeout(arguments.timeout);
    let status = tool.connect(&arguments.service.socket)?.status()?;
    show.print(|| object(&status), || lines(show, &status))?;
    Ok(())
}

/// Who it is and what it does.
pub(crate) fn in_short(status: &Status) -> String {
    let Status { service, generation, pid, phase, .. } = status;
    printable(format_args!("{service}: generation {generation}, process {pid}, {phase}"))
}

fn lines(show: Show, status: &Status) -> String {
    let mut text = in_short(status);
    // Writing to a string does not fail.
    let _ = write!(text, " for {}", time(status.since));
    let dim = |text: &str| show.paint(DIM, format!("{text:<10}"));
    if !status.build.is_empty() {
        let _ = write!(text, "\n{}{}", dim("build"), printable(&status.build));
    }
    let _ = write!(text, "\n{}{}", dim("uptime"), time(status.uptime));
    if let Some(open) = status.open {
        let _ = write!(text, "\n{}{open}", dim("open"));
    }
    if let Some(handoff) = &status.handoff {
        let build = printable(&handoff.build);
        let _ = write!(text, "\n{}to process {} {build}", dim("handoff"), handoff.pid);
    }
    for elder in &status.draining {
        let open = elder.open.map(|open| format!(", {open} open")).unwrap_or_default();
        let (generation, pid) = (elder.generation, elder.pid);
        let _ = write!(text, "\n{}generation {generation}, process {pid}{open}", dim("draining"));
    }
    for entry in &status.entries {
        let _ = write!(text, "\n{}{}", dim("entry"), printable(entry_in_words(entry)));
    }
    let more = status.entry_count.saturating_sub(status.entries.len() as u64);
    if more > 0 {
        let _ = write!(text, "\n{}and {more} more", dim("entry"));
    }
    if let Some(failure) = &status.last_failure {
        let (phase, took, ago) = (failure.phase, time(failure.took), time(failure.ago));
        let told = format!("{ago} ago, while {phase}, after {took}: {}", failure.reason);
        let _ = write!(text, "\n{}{}", dim("failed"), show.paint(BAD, told));
    }
    text
}

fn entry_in_words(entry: &EntryStatus) -> String {
    let EntryStatus { kind, name, address, .. } = entry;
    match address.is_empty() || address == name {
        true => format!("{kind} {name}"),
        false => format!("{kind} {name} at {address}"),
    }
}

/// The status as one object. Times are in milliseconds; what is not counted is null.
fn object(status: &Status) -> Value {
    let draining = status.draining.iter().map(
        |elder| json!({ "generation": elder.generation, "pid": elder.pid, "open": elder.open }),
    );
    let entries = status.entries.iter().map(|entry| {
        json!({ "kind": entry.kind.to_string(), "name": entry.name, "address": entry.address })
    });
    json!({
        "service": status.service,
        "build": status.build,
        "generation": status.generation,
        "pid": status.pid,
        "phase": status.phase.to_string(),
        "since_ms": millis(status.since),
        "uptime_ms": millis(status.uptime),
        "open": status.open,
        "handoff": status.handoff.as_ref().map(|it| json!({ "pid": it.pid, "build": it.build })),
        "draining": draining.collect::<Vec<_>>(),
        "entry_count": status.entry_count,
        "entries": entries.collect::<Vec<_>>(),
        "last_failure": status.last_failure.as_ref().map(|failure| json!({
            "phase": failure.phase.to_string(),
            "took_ms": millis(failure.took),
            "ago_ms": millis(failure.ago),
            "reason": failure.reason,
        })),
    })
}
