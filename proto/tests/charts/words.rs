//! What a chart calls the things that a side sends, does and waits for.

use heirloom_proto::predecessor::{Attachment, Event as OlderEvent, Output as OlderOutput};
use heirloom_proto::successor::{Event as YoungerEvent, Output as YoungerOutput};
use heirloom_proto::{Message, Phase};

/// A frame, with what travels with it.
pub(crate) fn message(frame: &[u8]) -> String {
    match Message::decode(frame).unwrap() {
        Message::Welcome(_) => "Welcome + token + control listener".into(),
        Message::Manifest(manifest) => {
            let last = if manifest.last { "last " } else { "" };
            let entries = count(manifest.entries.len(), "descriptor", "descriptors");
            format!("{last}Manifest + {entries}")
        }
        Message::Received(received) => format!("Received ({})", received.count),
        Message::Commit(commit) if !commit.late_state.is_empty() => "Commit + late state".into(),
        Message::Abort(abort) => format!("Abort ({})", abort.reason),
        Message::Refuse(refuse) => format!("Refuse ({})", refuse.reason),
        message => message.kind().unwrap().to_string(),
    }
}

/// What the predecessor does, but for what it says and tries.
pub(crate) fn of_older(output: &OlderOutput) -> Vec<String> {
    let text = match output {
        OlderOutput::Send { attachment: Attachment::Token, .. } => "opens the token once more",
        OlderOutput::TakeSnapshot => "lists what it hands over",
        OlderOutput::WriteAttempt(attempt) => {
            return vec![format!("writes attempt {attempt} into the token")];
        }
        OlderOutput::Freeze => "stops changes, asks for the late state",
        OlderOutput::Thaw => "allows changes again",
        OlderOutput::Unlock => "unlocks the token",
        OlderOutput::RenewToken => "makes a new token and locks it",
        OlderOutput::Fence(_) => "kills S through its pidfd",
        OlderOutput::Event(OlderEvent::Owned { .. }) => {
            return vec!["closes all it handed over".into(), "drains".into()];
        }
        OlderOutput::Event(OlderEvent::Failed(_)) => "goes on",
        OlderOutput::Event(OlderEvent::TakenBack { .. }) => {
            return published("puts the PID file back");
        }
        _ => return Vec::new(),
    };
    vec![text.into()]
}

/// What the successor does, but for what it says and tries.
pub(crate) fn of_younger(output: &YoungerOutput<()>) -> Vec<String> {
    let text = match output {
        YoungerOutput::Verify(entries) => {
            let entries = count(entries.len(), "entry", "entries");
            return vec![format!("compares {entries} with its kernel")];
        }
        YoungerOutput::Unlock => "unlocks the token",
        YoungerOutput::RenewToken => "makes a new token and locks it",
        YoungerOutput::Empty => "reads all that is queued",
        YoungerOutput::Publish => return published("takes over the PID file"),
        YoungerOutput::Event(YoungerEvent::Inherited) => "has everything, prepares itself",
        YoungerOutput::Event(YoungerEvent::Owned { late_state, .. }) => match late_state[..] {
            [] => "owns",
            _ => "owns, has the late state",
        },
        YoungerOutput::Event(YoungerEvent::Failed(_)) => "gives up",
        _ => return Vec::new(),
    };
    vec![text.into()]
}

/// What the predecessor waits for.
pub(crate) fn awaited_by_older(phase: Phase) -> Option<&'static str> {
    match phase {
        Phase::Serving => Some("Hello"),
        Phase::Transferring => Some("Received"),
        Phase::Preparing => Some("Ready"),
        Phase::Releasing => Some("Owned"),
        _ => None,
    }
}

/// What the successor waits for.
pub(crate) fn awaited_by_younger(phase: Phase) -> Option<&'static str> {
    match phase {
        Phase::Greeting => Some("Welcome"),
        Phase::Transferring => Some("Manifest"),
        Phase::Committing => Some("Commit"),
        Phase::Releasing => Some("Released"),
        _ => None,
    }
}

fn published(how: &str) -> Vec<String> {
    vec!["listens again".into(), "closes what connected before".into(), how.into()]
}

fn count(count: usize, one: &str, more: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { more })
}
