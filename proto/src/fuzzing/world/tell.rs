//! What an action is, for people.

use alloc::format;
use alloc::string::{String, ToString};

use super::predecessor::successor;
use super::process::Next;
use super::{Action, World};
use crate::message::Message;
use crate::{predecessor, successor as heir};

impl World {
    /// What an action is in this world.
    pub fn tell(&self, action: Action) -> String {
        let (Action::Act(i), Some(next)) = (action, self.next(action)) else {
            return action.to_string();
        };
        match next {
            Next::Predecessor(output) => format!("{i} {}", as_predecessor(output)),
            Next::Successor(output) => format!("{i} {}", as_successor(output)),
        }
    }

    fn next(&self, action: Action) -> Option<&Next> {
        self.processes[action.process()].next.as_ref()
    }
}

fn as_predecessor(output: &predecessor::Output) -> String {
    use predecessor::Output;
    match output {
        Output::Send { connection, frame, .. } => {
            format!("says {} to {}", kind(frame), successor(*connection))
        }
        Output::Unlock => "lets the token go".into(),
        Output::TryLock => "tries the token".into(),
        Output::RenewToken => "makes a new token".into(),
        Output::Fence(connection) => format!("kills {}", successor(*connection)),
        Output::Event(_) => "takes the service back".into(),
        other => format!("{other:?}"),
    }
}

fn as_successor(output: &heir::Output<()>) -> String {
    use heir::Output;
    match output {
        Output::Send(frame) => format!("says {}", kind(frame)),
        Output::Unlock => "lets the token go".into(),
        Output::TryLock => "tries the token".into(),
        Output::RenewToken => "makes a new token".into(),
        Output::Publish => "listens on the control socket and puts its PID into the file".into(),
        Output::Event(_) => "gives up".into(),
        other => format!("{other:?}"),
    }
}

fn kind(frame: &[u8]) -> String {
    let kind = Message::decode(frame).ok().and_then(|message| message.kind());
    kind.map_or("what is no message".into(), |kind| kind.to_string())
}
