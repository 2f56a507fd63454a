//! What a service manager has passed to this process: claimed like what a predecessor hands over, after
//! that, and before anything is bound.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use heirloom_proto::{Identity, Kind, Name};
use nix::sys::socket::{UnixAddr, getsockname};

use super::bind::{is_bound_exactly, is_bound_to};
use super::passable::{self, Mode};
use super::registry::{Registered, Registry};
use super::{Fds, Passable, placed, set_nonblocking};
use crate::error::Error;
use crate::mailbox::Mailbox;
use crate::sys::activation::{Listened, Original, listen_descriptors};
use crate::sys::identity::identity;
use crate::systemd::{stored_as, stored_name};

/// What was passed and nobody has claimed.
#[derive(Debug, Default)]
pub(super) struct Activated {
    unclaimed: Mutex<Vec<Passed>>,
    /// What came from the descriptor store, where it stands since the process began.
    kept: Mutex<Vec<(Original, Identity)>>,
}

/// One descriptor that was passed.
#[derive(Debug)]
struct Passed {
    name: String,
    /// What a generation of this service has kept it as, in the descriptor store.
    stored: Option<(Kind, Name)>,
    descriptor: OwnedFd,
}

/// How well one fits, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Stored,
    NameAndAddress,
    Name,
    Address,
}

impl Activated {
    fn lock(&self) -> MutexGuard<'_, Vec<Passed>> {
        self.unclaimed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_in(&self, listened: Listened) {
        let Listened { name, duplicate, original } = listened;
        let passed = Passed::new(name, duplicate);
        if let (Some(_), Ok(identity)) = (&passed.stored, identity(passed.descriptor.as_fd())) {
            self.kept.lock().unwrap_or_else(PoisonError::into_inner).push((original, identity));
        }
        self.lock().push(passed);
    }

    /// What came from the descriptor store is open for as long as it is registered, and no longer.
    fn vacate_kept(&self) {
        let kept = std::mem::take(&mut *self.kept.lock().unwrap_or_else(PoisonError::into_inner));
        for (original, expected) in kept {
            let is_it =
                |found: BorrowedFd<'_>| identity(found).is_ok_and(|found| found == expected);
            if let Err(error) = original.vacate(is_it) {
                tracing::warn!(target: "heirloom", event = "passed_not_closed", reason = %error, "a socket from the descriptor store stays open");
            }
        }
    }

    /// Takes the one out that fits best.
    fn take<T: Passable>(&self, name: &Name, address: Option<&str>) -> Option<Passed> {
        let mut all = self.lock();
        let fits = all.iter().enumerate().filter_map(|(index, passed)| {
            T::check(passed.descriptor.as_fd()).ok()?;
            Some((passed.fit(T::KIND, name, address)?, index))
        });
        let (_, index) = fits.min()?;
        Some(all.remove(index))
    }
}

impl Passed {
    fn new(name: String, descriptor: OwnedFd) -> Self {
        Self { stored: stored_name(&name), name, descriptor }
    }

    fn fit(&self, kind: Kind, name: &Name, address: Option<&str>) -> Option<Fit> {
        let socket = self.descriptor.as_fd();
        if let Some((stored_kind, stored)) = &self.stored {
            // As with what a predecessor hands over: the address may have changed.
            let at = |address: &str| address == name.as_str() || is_bound_to(kind, socket, address);
            let fits = *stored_kind == kind && stored == name && address.is_none_or(at);
            return fits.then_some(Fit::Stored);
        }
        let named = self.name == name.as_str();
        let bound = address.is_some_and(|address| is_bound_exactly(kind, socket, address));
        match (named, bound) {
            (true, true) => Some(Fit::NameAndAddress),
            (true, false) => Some(Fit::Name),
            (false, true) => Some(Fit::Address),
            (false, false) => None,
        }
    }
}

impl Registry {
    /// Takes duplicates of what was passed to this process.
    pub(crate) fn activate(&self) {
        match listen_descriptors() {
            Ok(all) => all.into_iter().for_each(|one| self.activated.take_in(one)),
            Err(error) => {
                tracing::warn!(target: "heirloom", event = "passed_not_taken", reason = %error, "the descriptors of LISTEN_FDS cannot be taken");
            }
        }
    }

    /// Has the driver told whenever something is registered or removed.
    pub(crate) fn watch(&self, mailbox: &Arc<Mailbox>) {
        // It is watched once.
        let _ = self.watcher.set(Arc::clone(mailbox));
    }

    /// What has come from the descriptor store.
    pub(crate) fn stored(&self) -> Vec<(Kind, Name, Identity)> {
        let all = self.activated.lock();
        let stored = all.iter().filter_map(|passed| {
            let (kind, name) = passed.stored.clone()?;
            Some((kind, name, identity(passed.descriptor.as_fd()).ok()?))
        });
        stored.collect()
    }

    /// Closes what came from the descriptor store and is of no use any more, and tells of the sockets
    /// that nobody has claimed. They may still be.
    pub(crate) fn settle_activated(&self) {
        let registered = self.registered();
        let is_used = |descriptor: BorrowedFd<'_>| {
            identity(descriptor)
                .is_ok_and(|found| registered.iter().any(|one| one.entry.identity == found))
        };
        let mut all = self.activated.lock();
        all.retain(|passed| passed.stored.is_none() && !is_used(passed.descriptor.as_fd()));
        let names: Vec<_> = all.iter().map(|passed| passed.name.clone()).collect();
        drop(all);
        // Whoever has no store leaves what is in it to the upgrader that has.
        if self.watcher.get().is_some() {
            self.activated.vacate_kept();
        }
        if !names.is_empty() {
            let names = names.join(", ");
            tracing::warn!(target: "heirloom", event = "passed_unclaimed", names, "passed by systemd and not claimed: bind them by name or address");
        }
    }

    /// What is worth to be kept when nobody is left: sockets that clients find by an address. A path
    /// that this service has not made is somebody else's to keep.
    pub(crate) fn lasting_listeners(&self) -> Vec<Arc<Registered>> {
        let mut all = self.registered();
        all.retain(|one| {
            let entry = &one.entry;
            let is_kept = stored_as(entry.kind, &entry.name).is_some();
            is_kept && (entry.path.is_some() || !has_path(one.as_fd()))
        });
        all
    }

    /// The sockets whose paths are unlinked when the service ends.
    pub(crate) fn owned_paths(&self) -> Vec<(Kind, Name)> {
        let all = self.registered();
        let owned = all.iter().filter(|one| one.entry.path.is_some());
        owned.map(|one| (one.entry.kind, one.entry.name.clone())).collect()
    }
}

impl Fds {
    /// Claims what a service manager has passed.
    pub(super) fn claim_activated<T: Passable>(
        &self,
        name: &Name,
        address: Option<&str>,
    ) -> Result<Option<T>, Error> {
        let Some(passed) = self.registry.activated.take::<T>(name, address) else {
            return Ok(None);
        };
        let taken = self.take_up(&passed, name);
        if taken.is_err() {
            self.registry.activated.lock().push(passed);
        }
        taken.map(Some)
    }

    /// Nobody else uses what was passed, so it gets the mode that is asked for. The path of a socket is
    /// this service's if one of its generations has kept it.
    fn take_up<T: Passable>(&self, passed: &Passed, name: &Name) -> Result<T, Error> {
        let trouble = |error: io::Error| {
            Error::io(format!("{} {name} from systemd cannot be taken up", T::KIND), error)
        };
        self.registry.check_free(T::KIND, name)?;
        let descriptor = passed.descriptor.try_clone().map_err(trouble)?;
        match T::MODE {
            Mode::Any => {}
            Mode::Chosen => set_nonblocking(&descriptor, self.nonblocking).map_err(trouble)?,
            Mode::Nonblocking => set_nonblocking(&descriptor, true).map_err(trouble)?,
        }
        let taken = T::from_descriptor(descriptor).map_err(trouble)?;
        if !matches!(T::KIND, Kind::TcpStream | Kind::UnixStream) {
            let stored = passed.stored.as_ref();
            let path = stored.and_then(|_| passable::bound_path(passed.descriptor.as_fd()));
            // Where it is bound was the service's own choice if one of its generations has kept it.
            let mark = if stored.is_some() { Default::default() } else { placed::mark() };
            self.registry.add(T::KIND, name.clone(), taken.as_fd(), path, mark)?.keep();
        }
        Ok(taken)
    }
}

fn has_path(socket: BorrowedFd<'_>) -> bool {
    getsockname::<UnixAddr>(socket.as_raw_fd()).is_ok_and(|address| address.path().is_some())
}
