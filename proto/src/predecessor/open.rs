//! What a generation that drains tells the owner of what is still open there.

use core::time::Duration;

use super::output::Output;
use super::{Predecessor, Service};
use crate::limits::OPEN_INTERVAL;
use crate::message::{Message, Open};

/// When the owner is told next.
#[derive(Clone, Copy, Debug, Default, Hash)]
pub(super) struct Telling {
    /// The owner has been told another number.
    changed: bool,
    /// A frame is with the driver: a frozen owner is not told over and over.
    in_transit: bool,
    not_before: Duration,
}

impl Telling {
    /// `Draining` is with the driver.
    pub(super) fn begin() -> Self {
        Self { in_transit: true, ..Self::default() }
    }
}

impl Predecessor {
    /// How much is open has changed. Of use from [`Event::Owned`](super::Event::Owned) on; call it no more
    /// until [`Output::CountOpen`] asks how much it is.
    pub fn handle_open_changed(&mut self, now: Duration) {
        self.telling.changed = true;
        self.count_open(now);
    }

    /// How much is open; `None` if nobody counts.
    pub fn handle_open(&mut self, open: Option<u64>) {
        match (self.service, open) {
            (Service::Draining { successor: Some(successor) }, Some(open)) => {
                self.send(successor, &Message::Open(Open { open }));
            }
            _ => self.telling.in_transit = false,
        }
    }

    /// The kernel has taken a frame for the owner.
    pub(super) fn open_told(&mut self, now: Duration) {
        self.telling.in_transit = false;
        self.count_open(now);
    }

    /// Asks how much is open, if the owner is to be told now.
    pub(super) fn count_open(&mut self, now: Duration) {
        if self.open_deadline().is_some_and(|deadline| deadline <= now) {
            let not_before = now.saturating_add(OPEN_INTERVAL);
            self.telling = Telling { changed: false, in_transit: true, not_before };
            self.outputs.push_back(Output::CountOpen);
        }
    }

    pub(super) fn open_deadline(&self) -> Option<Duration> {
        let Telling { changed, in_transit, not_before } = self.telling;
        let is_told = matches!(self.service, Service::Draining { successor: Some(_) });
        (is_told && changed && !in_transit).then_some(not_before)
    }
}
