//! Settings that have been checked, and the policies among them.

use std::path::PathBuf;

use heirloom_proto::Timeouts;

use crate::address::UnixAddress;
use crate::launch::Launch;
use crate::sys::pidfd::PidFd;
use crate::testing::Observer;

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
    /// Whom the kernel tells instead of a user that this user namespace has no name for.
    pub(crate) nameless: u32,
    pub(crate) launch: Launch,
    pub(crate) observer: Option<Observer>,
    #[cfg(feature = "systemd")]
    pub(crate) systemd: Option<crate::systemd::Systemd>,
}

impl Settings {
    /// Whether a process of this user may take part.
    pub(crate) fn trusts(&self, uid: u32) -> bool {
        is_trusted(uid, &self.users)
    }

    /// Whether the process at the other end may take part, of whom the kernel has told this user.
    pub(crate) fn trusts_process(&self, process: &PidFd, uid: u32) -> bool {
        process_is_trusted(process, uid, &self.users, self.nameless)
    }
}

/// Whether a user is this process's own, root, or one of these.
pub(crate) fn is_trusted(uid: u32, users: &[u32]) -> bool {
    uid == nix::unistd::geteuid().as_raw() || uid == 0 || users.contains(&uid)
}

/// Whether a process is trusted of whom the kernel has told this user.
///
/// One that may be anybody has to be within reach of a signal: the kernel compares users for that as they
/// are, not as they are called here.
pub(crate) fn process_is_trusted(process: &PidFd, uid: u32, users: &[u32], nameless: u32) -> bool {
    let is_exact = || uid != nameless || names_everybody() || process.takes_signals();
    is_trusted(uid, users) && is_exact()
}

/// Whom the kernel tells instead of a user without a name. See `proc_sys_kernel(5)`.
pub(crate) fn nameless_user() -> u32 {
    const DEFAULT: u32 = 65_534;
    let told = std::fs::read_to_string("/proc/sys/kernel/overflowuid");
    told.ok().and_then(|text| text.trim().parse().ok()).unwrap_or(DEFAULT)
}

/// Whether every user has a name here: so it is outside of any user namespace, where one line of
/// the map has them all. See `user_namespaces(7)`.
fn names_everybody() -> bool {
    let map = std::fs::read_to_string("/proc/self/uid_map");
    map.is_ok_and(|map| map.split_whitespace().eq(["0", "0", "4294967295"]))
}

/// What a process that starts does about a predecessor.
///
/// ```no_run
/// use heirloom::{Takeover, Upgrader};
///
/// let upgrader = Upgrader::builder().handoff_socket("@echo").takeover(Takeover::Require).start()?;
/// # Ok::<(), heirloom::Error>(())
/// ```
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
///
/// ```no_run
/// use heirloom::{Strays, Upgrader};
///
/// let upgrader = Upgrader::builder().strays(Strays::Fail).start()?;
/// # Ok::<(), heirloom::Error>(())
/// ```
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
