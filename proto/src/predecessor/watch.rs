//! Who is told of what happens: the application by its driver, and the tools that watch.

use alloc::string::String;
use core::mem;
use core::time::Duration;

use super::output::{ConnectionId, Event, Output};
use super::{Predecessor, millis};
use crate::abort::{Abort, AbortReason};
use crate::limits::{MAX_WATCHERS, clip};
use crate::message::{Happened, Happening, Message};
use crate::phase::Phase;

impl Predecessor {
    /// A tool wants to be told of everything, and first of how things stand.
    pub(super) fn watch(&mut self, connection: ConnectionId) {
        self.pending.remove(connection);
        if self.watchers.len() < MAX_WATCHERS {
            self.watchers.push(connection);
            self.outputs.push_back(Output::Report(connection));
            return;
        }
        let text = alloc::format!("{MAX_WATCHERS} tools watch already: end one of them");
        self.send(connection, &Message::Abort(Abort::new(AbortReason::System, &text)));
        self.outputs.push_back(Output::Close(connection));
    }

    pub(super) fn is_watcher(&self, connection: ConnectionId) -> bool {
        self.watchers.contains(&connection)
    }

    pub(super) fn forget_watcher(&mut self, connection: ConnectionId) {
        self.watchers.retain(|watcher| *watcher != connection);
    }

    /// They connect again, to the new owner.
    pub(super) fn close_watchers(&mut self) {
        self.outputs.extend(mem::take(&mut self.watchers).into_iter().map(Output::Close));
    }

    /// Something has happened.
    pub(super) fn emit(&mut self, event: Event) {
        let happened = match self.watchers.is_empty() {
            true => None,
            false => {
                self.happened(&event).and_then(|happened| Message::Happened(happened).encode().ok())
            }
        };
        self.outputs.push_back(Output::Event(event));
        if let Some(frame) = happened {
            let tell = |watcher: &ConnectionId| Output::Tell {
                connection: *watcher,
                frame: frame.clone(),
            };
            self.outputs.extend(self.watchers.iter().map(tell));
        }
    }

    /// The handoff has come to another phase.
    pub(super) fn emit_phase(&mut self, now: Duration) {
        if let Some(handoff) = &self.handoff {
            let (pid, phase, took) = (handoff.pid, handoff.phase, handoff.took(now));
            self.emit(Event::Entered { pid, phase, took });
        }
    }

    /// What a watcher is told of an event, if anything.
    fn happened(&self, event: &Event) -> Option<Happened> {
        let next = self.settings.generation.saturating_add(1);
        let happened = |event, pid, took: Duration| Happened {
            event,
            pid,
            generation: next,
            phase: self.phase(),
            took_ms: millis(took),
            number: 0,
            text: String::new(),
        };
        Some(match event {
            Event::Began { pid, build, took } => {
                Happened { text: build.clone(), ..happened(Happening::Began, *pid, *took) }
            }
            Event::Entered { pid, phase, took } => {
                Happened { phase: *phase, ..happened(Happening::Phase, *pid, *took) }
            }
            Event::Progress { pid, text, took } => {
                Happened { text: clip(text), ..happened(Happening::Progress, *pid, *took) }
            }
            Event::SuccessorReady { pid, strays, took } => {
                Happened { number: *strays, ..happened(Happening::Ready, *pid, *took) }
            }
            Event::Owned { pid, took, .. } => {
                let phase = Phase::Draining;
                Happened { phase, ..happened(Happening::Owned, *pid, *took) }
            }
            Event::Failed(ended) => {
                ended.to_happened(happened(Happening::Failed, 0, Duration::ZERO))
            }
            Event::TakenBack { ended, .. } => {
                ended.to_happened(happened(Happening::TakenBack, 0, Duration::ZERO))
            }
            Event::Refused { pid, refuse } => Happened {
                phase: refuse.phase,
                number: u16::from(refuse.reason).into(),
                text: refuse.text.clone(),
                ..happened(Happening::Refused, *pid, Duration::ZERO)
            },
            Event::Retired { generation, pid } => Happened {
                generation: *generation,
                ..happened(Happening::Retired, *pid, Duration::ZERO)
            },
            Event::Stopped => Happened {
                generation: self.settings.generation,
                ..happened(Happening::Stopped, self.settings.pid, Duration::ZERO)
            },
            Event::UpgradeAsked { .. } | Event::Introduced { .. } => return None,
        })
    }
}
