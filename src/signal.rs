//! Signals that may ask for an upgrade.

use nix::libc;

/// A signal that may ask for an upgrade: [`Upgrader::upgrade_on`](crate::Upgrader::upgrade_on).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Signal {
    /// What daemons are told to reload with.
    SIGHUP,
    /// The first one left to applications.
    SIGUSR1,
    /// The second one left to applications; what nginx upgrades on.
    SIGUSR2,
    /// Quit from the keyboard.
    SIGQUIT,
    /// A window has changed its size: unused by services.
    SIGWINCH,
}

impl Signal {
    pub(crate) fn number(self) -> libc::c_int {
        match self {
            Self::SIGHUP => libc::SIGHUP,
            Self::SIGUSR1 => libc::SIGUSR1,
            Self::SIGUSR2 => libc::SIGUSR2,
            Self::SIGQUIT => libc::SIGQUIT,
            Self::SIGWINCH => libc::SIGWINCH,
        }
    }
}
