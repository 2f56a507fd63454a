//! What the successor waits for.

use core::time::Duration;

use super::seize::Seizing;
use crate::phase::Phase;

#[derive(Clone, Debug, Hash)]
pub(super) enum Step {
    AwaitingWelcome {
        deadline: Duration,
    },
    AwaitingManifest {
        deadline: Duration,
    },
    /// A batch is with the driver.
    Verifying {
        last: bool,
    },
    /// It holds every descriptor. The application prepares itself.
    Preparing,
    AwaitingCommit {
        deadline: Duration,
    },
    AwaitingReleased {
        deadline: Duration,
    },
    /// It tries to lock the token.
    Seizing(Seizing),
    /// It holds the token and reads what the predecessor said before letting go.
    Emptying {
        leaked: bool,
    },
    /// It holds the token and takes over the PID file and the control socket.
    Publishing {
        leaked: bool,
    },
    Owning,
    Failed,
}

impl Step {
    pub(super) fn deadline(&self) -> Option<Duration> {
        match self {
            Self::AwaitingWelcome { deadline }
            | Self::AwaitingManifest { deadline }
            | Self::AwaitingCommit { deadline }
            | Self::AwaitingReleased { deadline } => Some(*deadline),
            Self::Seizing(seizing) => Some(seizing.deadline()),
            _ => None,
        }
    }

    pub(super) fn phase(&self) -> Phase {
        match self {
            Self::AwaitingWelcome { .. } => Phase::Greeting,
            Self::AwaitingManifest { .. } | Self::Verifying { .. } => Phase::Transferring,
            Self::Preparing => Phase::Preparing,
            Self::AwaitingCommit { .. } => Phase::Committing,
            Self::AwaitingReleased { .. } => Phase::Releasing,
            Self::Seizing(_) | Self::Emptying { .. } | Self::Publishing { .. } => Phase::Reclaiming,
            Self::Owning => Phase::Serving,
            Self::Failed => Phase::Stopped,
        }
    }

    /// Nothing that the predecessor says or does can change the outcome any more: this process has
    /// the token, or has given up.
    pub(super) fn is_settled(&self) -> bool {
        matches!(
            self,
            Self::Emptying { .. } | Self::Publishing { .. } | Self::Owning | Self::Failed
        )
    }

    /// It holds every descriptor and not the token.
    pub(super) fn has_everything(&self) -> bool {
        matches!(
            self,
            Self::Preparing
                | Self::AwaitingCommit { .. }
                | Self::AwaitingReleased { .. }
                | Self::Seizing(_)
        )
    }
}
