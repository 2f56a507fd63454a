//! The guard of an entry that the application has added.

use std::sync::Arc;

use heirloom_proto::{Kind, Name};

use super::registry::Registry;

/// Keeps a duplicate registered: [`Fds::add`](super::Fds::add).
///
/// ```
/// # let upgrader = heirloom::testing::first()?;
/// let (server, _client) = std::os::unix::net::UnixStream::pair().unwrap();
/// let registration = upgrader.fds().add("client", &server)?; // is handed over while this lives
/// drop((registration, server)); // and closes with both
/// # Ok::<(), heirloom::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "dropping a registration removes the entry at once; `keep` leaves it in place"]
pub struct Registration {
    registry: Arc<Registry>,
    kind: Kind,
    name: Name,
    number: u64,
    kept: bool,
}

impl Registration {
    pub(super) fn new(registry: &Arc<Registry>, kind: Kind, name: Name, number: u64) -> Self {
        Self { registry: Arc::clone(registry), kind, name, number, kept: false }
    }

    /// Leaves the entry in place until it is removed by name or the service is handed over.
    ///
    /// ```
    /// # let upgrader = heirloom::testing::first()?;
    /// let log = std::fs::File::open("/dev/null").unwrap();
    /// upgrader.fds().add("log", &log)?.keep();
    /// assert!(upgrader.fds().remove::<std::fs::File>("log"));
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        if !self.kept {
            self.registry.remove_numbered(self.kind, &self.name, self.number);
        }
    }
}
