//! What the service manager is told of what happens in a handoff, on the owner's side.

use heirloom_proto::Phase;
use heirloom_proto::predecessor::Event;

use super::PredecessorSide;
use crate::holdings::Holdings;
use crate::manager::News;

impl PredecessorSide {
    /// Tells the service manager what has happened, if that is news to it.
    pub(super) fn announce(&self, holdings: &mut Holdings, event: &Event) {
        match event {
            Event::Began { pid, .. } => holdings.announce(News::Began { pid: *pid }),
            Event::Progress { text, .. } => holdings.announce(News::Progress { text }),
            Event::Failed(ended) | Event::TakenBack { ended, .. } => {
                holdings.announce(News::Failed { why: &ended.failure.to_string() });
            }
            Event::Retired { generation, .. } if *generation == self.predecessor() => {
                holdings.announce(News::PredecessorGone);
            }
            Event::Stopped => holdings.announce(News::Stopped),
            _ => {}
        }
    }

    /// Tells the service manager whose turn it is to speak for the service.
    pub(super) fn announce_turn(&self, holdings: &mut Holdings) {
        let mut elders = self.machine.elders().iter();
        if self.machine.phase() == Phase::Draining {
            holdings.announce(News::HandedOver);
        } else if elders
            .any(|elder| elder.drains && elder.generation.generation == self.predecessor())
        {
            holdings.announce(News::PredecessorDrains);
        }
    }

    /// The generation before this one.
    fn predecessor(&self) -> u64 {
        self.generation.saturating_sub(1)
    }
}
