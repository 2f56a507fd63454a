//! Locking the token, or finding out that it is not to be had.

use core::time::Duration;

use crate::Lock;
use crate::failure::Failure;
use crate::limits::LOCK_RETRY;

/// The token is being tried, again and again until patience ends.
#[derive(Clone, Debug, Hash)]
pub(super) struct Seizing {
    /// What the handoff fails for if the token is not to be had.
    failure: Failure,
    until: Duration,
    retry: Duration,
    patience: Duration,
    /// The predecessor has said that it keeps the service: a lock held by a living one settles it.
    settled: bool,
    orphaned: bool,
}

/// What an answer of the kernel leads to.
pub(super) enum Next {
    /// The token is this process's, or nobody's that lives.
    Own { leaked: bool },
    /// Try again later.
    Wait(Seizing),
    /// The token is locked, but this attempt is void: let it go.
    Yield(Failure),
    /// The token is not to be had.
    Fail(Failure),
}

impl Seizing {
    pub(super) fn new(failure: Failure, patience: Duration, now: Duration) -> Self {
        let until = now.saturating_add(patience);
        Self { failure, until, retry: now, patience, settled: false, orphaned: false }
    }

    /// As [`new`](Self::new), but one refusal by a living predecessor is enough.
    pub(super) fn once(failure: Failure, patience: Duration, now: Duration) -> Self {
        Self { settled: true, ..Self::new(failure, patience, now) }
    }

    pub(super) fn handle_lock(
        mut self,
        lock: Lock,
        attempt: u64,
        orphaned: bool,
        now: Duration,
    ) -> Next {
        match lock {
            Lock::Got { attempt: latest } if latest == attempt => Next::Own { leaked: false },
            Lock::Got { attempt: latest } => Next::Yield(Failure::Superseded { attempt, latest }),
            // Whoever holds it may be the owner that a later attempt has made.
            Lock::Held { attempt: latest } if latest != attempt => {
                Next::Fail(Failure::Superseded { attempt, latest })
            }
            Lock::Held { .. } => {
                if orphaned && !self.orphaned {
                    self.orphaned = true;
                    self.until = now.saturating_add(self.patience);
                }
                match (now >= self.until, orphaned) {
                    (true, true) => Next::Own { leaked: true },
                    (true, false) => Next::Fail(self.into_failure()),
                    (false, false) if self.settled => Next::Fail(self.failure),
                    (false, _) => {
                        self.retry = now + LOCK_RETRY;
                        Next::Wait(self)
                    }
                }
            }
        }
    }

    pub(super) fn deadline(&self) -> Duration {
        self.retry.min(self.until)
    }

    /// A predecessor that is still there has kept the token, whatever else went wrong.
    fn into_failure(self) -> Failure {
        match self.failure {
            Failure::Closed { .. } | Failure::TimedOut { .. } => Failure::TokenHeld,
            failure => failure,
        }
    }
}
