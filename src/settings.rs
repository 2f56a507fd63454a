//! Settings that have been checked, and the policies among them.

use std::path::PathBuf;

use heirloom_proto::Timeouts;

use crate::address::UnixAddress;
use crate::launch::Launch;

/// Settings that have been checked.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) handoff: Option<UnixAddress>,
    pub(crate) pid_file: Option<PathBuf>,
    pub(crate) service: String,
    pub(crate) build: String,
    pub(crate) takeover: Takeover,
    pub(crate) strays: Strays,
    pub(crate) timeouts: Timeouts,
    pub(crate) draining_cap: usize,
    pub(crate) fence: bool,
    pub(crate) users: Vec<u32>,
    pub(crate) launch: Launch,
}

impl Settings {
    /// Whether a process of this user may take part.
    pub(crate) fn trusts(&self, uid: u32) -> bool {
        uid == nix::unistd::geteuid().as_raw() || uid == 0 || self.users.contains(&uid)
    }
}

/// What a process that starts does about a predecessor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Takeover {
    /// Takes over from it if there is one, and begins the service if there is none, or if it ends
    /// before it has handed everything over.
    #[default]
    IfPresent,
    /// Takes over from it; without one the start fails with [`ErrorKind::Absent`](crate::ErrorKind::Absent).
    Require,
    /// Begins the service. If somebody holds the handoff socket the start fails with
    /// [`ErrorKind::AddressInUse`](crate::ErrorKind::AddressInUse).
    Never,
}

/// What becomes of entries that were inherited and not claimed when the service is owned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Strays {
    /// They are closed and named in a warning.
    #[default]
    Close,
    /// They are kept, unclaimed, and handed on.
    Keep,
    /// [`Upgrader::ready`](crate::Upgrader::ready) fails with [`ErrorKind::Strays`](crate::ErrorKind::Strays).
    Fail,
}
