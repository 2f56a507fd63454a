//! Signals that may ask for an upgrade.

use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use nix::libc;
use signal_hook::SigId;

/// A signal that may ask for an upgrade: [`Upgrader::upgrade_on`](crate::Upgrader::upgrade_on).
///
/// ```
/// # let upgrader = heirloom::testing::first()?;
/// use heirloom::Signal;
///
/// upgrader.upgrade_on(Signal::SIGHUP)?;
/// # Ok::<(), heirloom::Error>(())
/// ```
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
    fn number(self) -> libc::c_int {
        match self {
            Self::SIGHUP => libc::SIGHUP,
            Self::SIGUSR1 => libc::SIGUSR1,
            Self::SIGUSR2 => libc::SIGUSR2,
            Self::SIGQUIT => libc::SIGQUIT,
            Self::SIGWINCH => libc::SIGWINCH,
        }
    }
}

/// A handled signal, as something to poll.
#[derive(Debug)]
pub(crate) struct SignalSource {
    pipe: UnixStream,
    registration: SigId,
}

impl SignalSource {
    /// Registers a handler that writes into a pipe and does nothing else.
    pub(crate) fn new(signal: Signal) -> io::Result<Self> {
        let (pipe, writer) = UnixStream::pair()?;
        pipe.set_nonblocking(true)?;
        let registration = signal_hook::low_level::pipe::register(signal.number(), writer)?;
        Ok(Self { pipe, registration })
    }

    /// Takes out what has come, so that the source is readable no more.
    pub(crate) fn take(&mut self) {
        let mut bytes = [0; 64];
        // The pipe never blocks; what is left in it is taken the next time.
        let _ = self.pipe.read(&mut bytes);
    }
}

impl AsFd for SignalSource {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pipe.as_fd()
    }
}

impl Drop for SignalSource {
    fn drop(&mut self) {
        signal_hook::low_level::unregister(self.registration);
    }
}
