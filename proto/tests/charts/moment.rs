//! How far a handoff has come when something goes wrong.

use heirloom_proto::{MessageKind, Phase};

use crate::support::{Pair, Who, kind_of};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Moment {
    Transferring,
    Preparing,
    Committed,
    Unlocked,
    Released,
    Locked,
    Owned,
}

use Moment::{Committed, Locked, Owned, Preparing, Released, Transferring, Unlocked};

impl Moment {
    pub(crate) const ALL: [Self; 7] =
        [Transferring, Preparing, Committed, Unlocked, Released, Locked, Owned];

    /// As the charts and the table of faults name it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Transferring => "A: before the last Manifest",
            Preparing => "B: up to Ready",
            Committed => "C: Commit sent, still locked",
            Unlocked => "D: unlocked, Released not sent",
            Released => "E: Released sent, not yet locked",
            Locked => "F: locked, Owned not sent",
            Owned => "G: Owned sent",
        }
    }

    pub(crate) fn letter(self) -> &'static str {
        &self.name()[..1]
    }

    pub(crate) fn is_reached(self, pair: &Pair) -> bool {
        let (older, younger) = (&pair.older, &pair.youngers[0]);
        let is_releasing = older.machine.phase() == Phase::Releasing;
        let holder = pair.kernel.holder();
        match self {
            Transferring => younger.batches == 1,
            Preparing => {
                older.machine.phase() == Phase::Preparing
                    && younger.machine.phase() == Phase::Preparing
            }
            Committed => is_releasing && holder == Some(Who::Older),
            Unlocked => is_releasing && holder.is_none(),
            Released => holder.is_none() && has_queued(pair, MessageKind::Released),
            Locked => holder == Some(Who::Younger(0)) && !younger.owns(),
            Owned => younger.owns() && !younger.link.to_older.is_empty(),
        }
    }
}

fn has_queued(pair: &Pair, kind: MessageKind) -> bool {
    let queue = &pair.youngers[0].link.to_younger;
    queue.iter().any(|parcel| kind_of(&parcel.frame) == Some(kind))
}
