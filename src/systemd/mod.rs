//! A service that systemd starts: what it is told, and what comes from it.

mod outbox;
mod reporter;
mod store;
mod unit;

use std::time::Duration;

pub(crate) use reporter::Reporter;
pub(crate) use store::{stored_as, stored_name};

/// What a service does about systemd: given to [`Builder::systemd`](crate::Builder::systemd). Every part
/// does nothing where systemd has not asked for it by the environment, so the same program runs without.
///
/// Both generations have to ask for it: it is the predecessor that names its successor.
///
/// ```
/// use std::net::TcpListener;
/// use heirloom::{Systemd, Upgrader};
///
/// # fn main() -> Result<(), heirloom::Error> {
/// let upgrader = Upgrader::builder().systemd(Systemd::new()).start()?;
/// // From a socket unit if there is one for this address, or else bound now.
/// let listener: TcpListener = upgrader.fds().bind("127.0.0.1:0")?;
/// upgrader.ready()?; // READY=1
/// # drop(listener);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "it is to be given to `Builder::systemd`"]
pub struct Systemd {
    pub(crate) notify: bool,
    pub(crate) activation: bool,
    pub(crate) store: bool,
    pub(crate) barrier: Duration,
}

impl Systemd {
    /// Tells systemd what becomes of the service, and takes the sockets that it passes.
    ///
    /// ```
    /// use heirloom::{Systemd, Upgrader};
    ///
    /// let builder = Upgrader::builder().systemd(Systemd::new());
    /// # drop(builder);
    /// ```
    pub fn new() -> Self {
        Self { notify: true, activation: true, store: false, barrier: Duration::from_secs(5) }
    }

    /// Whether systemd is told at `NOTIFY_SOCKET` that the service is ready, reloads and stops, which
    /// process is the main one, and what goes on. Default: yes.
    ///
    /// ```
    /// use heirloom::Systemd;
    ///
    /// // The application does that itself.
    /// let systemd = Systemd::new().notify(false);
    /// # drop(systemd);
    /// ```
    pub fn notify(mut self, notify: bool) -> Self {
        self.notify = notify;
        self
    }

    /// Whether the sockets that come by `LISTEN_FDS` are taken. Default: yes.
    ///
    /// A socket unit's socket is found by the name of its `FileDescriptorName=`, or else by its kind and
    /// address. One that the predecessor hands over is preferred. It is put in the mode that the caller
    /// asks for, since nobody else uses it. The path of a Unix socket is systemd's, and never unlinked.
    ///
    /// ```
    /// use heirloom::Systemd;
    ///
    /// let systemd = Systemd::new().socket_activation(false);
    /// # drop(systemd);
    /// ```
    pub fn socket_activation(mut self, activation: bool) -> Self {
        self.activation = activation;
        self
    }

    /// Whether listeners and datagram sockets are kept in the unit's descriptor store too, so that they
    /// live on if every process of the service dies. Default: no.
    ///
    /// The unit needs `FileDescriptorStoreMax=`, in number of sockets, and `Restart=`. The next start finds
    /// them by `bind` under their names, and whoever has connected meanwhile is served. A Unix
    /// socket with a path is kept if `bind` or `bind_with` has made it. Needs [`notify`](Self::notify)
    /// and [`socket_activation`](Self::socket_activation). For one upgrader of a process: it takes out
    /// of the store whatever it has not registered.
    ///
    /// ```
    /// use heirloom::Systemd;
    ///
    /// let systemd = Systemd::new().descriptor_store(true);
    /// # drop(systemd);
    /// ```
    pub fn descriptor_store(mut self, store: bool) -> Self {
        self.store = store;
        self
    }

    /// How long the last handle of an [`Upgrader`](crate::Upgrader), when it is dropped, waits for systemd
    /// to have read everything it was told. Default: 5 s; more than 60 s counts as that.
    ///
    /// Nothing else ever waits for systemd. Without it systemd may no longer know to whom a message
    /// belongs, when the process that has sent it is gone.
    ///
    /// ```
    /// use heirloom::Systemd;
    /// use std::time::Duration;
    ///
    /// let systemd = Systemd::new().barrier_timeout(Duration::from_secs(1));
    /// # drop(systemd);
    /// ```
    pub fn barrier_timeout(mut self, timeout: Duration) -> Self {
        self.barrier = timeout.min(LONGEST_BARRIER);
        self
    }
}

/// A process that is to end does so in a time that a person waits.
const LONGEST_BARRIER: Duration = Duration::from_secs(60);

impl Default for Systemd {
    fn default() -> Self {
        Self::new()
    }
}
