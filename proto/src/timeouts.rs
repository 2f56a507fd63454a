//! How long each part of a handoff may take.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::limits::{MAX_COMMIT_TIMEOUT, MAX_READY_TIMEOUT};

/// The time limits of one handoff, set by the predecessor and told in
/// [`Welcome`](crate::Welcome). On the wire each is a `u64` of milliseconds.
///
/// ```
/// use std::time::Duration;
/// use heirloom_proto::{Timeouts, limits::MAX_COMMIT_TIMEOUT};
///
/// let timeouts = Timeouts { ready: Duration::from_secs(5), ..Timeouts::default() };
/// assert_eq!(timeouts.capped(), timeouts);
/// let endless = Timeouts { commit: Duration::MAX, ..timeouts };
/// assert_eq!(endless.capped().commit, MAX_COMMIT_TIMEOUT);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "Milliseconds", into = "Milliseconds")]
pub struct Timeouts {
    /// From the last descriptor to `Ready`, and anew from every `Progress`. Default: 60 s.
    pub ready: Duration,
    /// From the start of the handoff to `Ready`, however much progress is told. Default: 10 min.
    pub ready_cap: Duration,
    /// From `Released` to `Owned`; also how long either side keeps trying the token. Default: 2 s.
    pub commit: Duration,
}

impl Timeouts {
    /// The same, but none longer than it may be: [`MAX_READY_TIMEOUT`] for the first two,
    /// [`MAX_COMMIT_TIMEOUT`] for the last. Both machines go by these, whatever they are told.
    pub fn capped(self) -> Self {
        Self {
            ready: self.ready.min(MAX_READY_TIMEOUT),
            ready_cap: self.ready_cap.min(MAX_READY_TIMEOUT),
            commit: self.commit.min(MAX_COMMIT_TIMEOUT),
        }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            ready: Duration::from_secs(60),
            ready_cap: Duration::from_secs(600),
            commit: Duration::from_secs(2),
        }
    }
}

/// As [`Timeouts`] are on the wire.
#[derive(Serialize, Deserialize)]
struct Milliseconds {
    ready: u64,
    ready_cap: u64,
    commit: u64,
}

impl From<Milliseconds> for Timeouts {
    fn from(milliseconds: Milliseconds) -> Self {
        Self {
            ready: Duration::from_millis(milliseconds.ready),
            ready_cap: Duration::from_millis(milliseconds.ready_cap),
            commit: Duration::from_millis(milliseconds.commit),
        }
    }
}

impl From<Timeouts> for Milliseconds {
    fn from(timeouts: Timeouts) -> Self {
        let whole = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Self {
            ready: whole(timeouts.ready),
            ready_cap: whole(timeouts.ready_cap),
            commit: whole(timeouts.commit),
        }
    }
}
