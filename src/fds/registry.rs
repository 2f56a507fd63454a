//! The table behind [`Fds`](super::Fds): what is registered, and what waits to be claimed.

use std::collections::BTreeMap;
use std::collections::btree_map;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
#[cfg(feature = "systemd")]
use std::sync::OnceLock;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use heirloom_proto::{Abort, AbortReason, Entry, FileId, Kind, Name, Opaque};

#[cfg(feature = "systemd")]
use super::activated::Activated;
use super::placed::own_bytes;
use super::{Inherited, Registration};
use crate::error::{Error, ErrorKind};
#[cfg(feature = "systemd")]
use crate::mailbox::{Command, Mailbox};
use crate::socket_file::SocketFile;
use crate::sys::identity::identity;

/// What is registered, and what waits to be claimed.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    state: Mutex<State>,
    /// What a service manager has passed and nobody has claimed.
    #[cfg(feature = "systemd")]
    pub(super) activated: Activated,
    /// Whoever is to know when something is registered or removed.
    #[cfg(feature = "systemd")]
    pub(super) watcher: OnceLock<Arc<Mailbox>>,
}

#[derive(Debug, Default)]
struct State {
    registered: BTreeMap<(Kind, Name), Arc<Registered>>,
    inherited: BTreeMap<(Kind, Name), Arc<Registered>>,
    access: Access,
    /// The number of the entry registered last.
    latest: u64,
    /// The number of the latest that is no connection: a handoff must not miss it, while connections
    /// come and go, and one that is missed is finished where it is.
    latest_lasting: u64,
}

/// Whether entries may be registered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Access {
    #[default]
    Open,
    /// The token is on its way to a successor.
    Sealed,
    /// The service is somebody else's, or has ended.
    Released,
}

/// One registered duplicate.
#[derive(Debug)]
pub(crate) struct Registered {
    number: u64,
    /// It came from the predecessor.
    inherited: bool,
    pub(crate) entry: Arc<Entry>,
    /// What a socket is bound to, if that is the file which its entry tells.
    file: Option<SocketFile>,
    descriptor: OwnedFd,
}

impl Registered {
    /// Not to be made under the lock: a file system may take its time to tell of a path.
    fn new(inherited: bool, entry: Entry, descriptor: OwnedFd) -> Self {
        let file = entry.path.and_then(|told| SocketFile::of(descriptor.as_fd(), told));
        let file = if inherited { file } else { file.map(SocketFile::of_anybody) };
        Self { number: 0, inherited, entry: Arc::new(entry), file, descriptor }
    }

    fn numbered(self, number: u64) -> Arc<Self> {
        Arc::new(Self { number, ..self })
    }

    /// Unlinks the path that a socket is bound to, if it still is the file that was bound.
    fn unlink(&self) {
        self.file.iter().for_each(SocketFile::unlink);
    }
}

impl AsFd for Registered {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

impl Registry {
    pub(super) fn add(
        self: &Arc<Self>,
        kind: Kind,
        name: Name,
        descriptor: BorrowedFd<'_>,
        path: Option<FileId>,
        opaque: Opaque,
    ) -> Result<Registration, Error> {
        let trouble = |error| Error::io(format!("{kind} {name} cannot be registered"), error);
        let identity = identity(descriptor).map_err(trouble)?;
        let descriptor = descriptor.try_clone_to_owned().map_err(trouble)?;
        let entry = Entry { kind, name: name.clone(), identity, path, opaque };
        let registered = Registered::new(false, entry, descriptor);
        let mut state = self.lock();
        state.check_free(kind, &name)?;
        let number = state.next_number();
        state.insert(registered.numbered(number));
        if !is_connection(kind) {
            state.latest_lasting = number;
        }
        drop(state);
        self.changed(kind);
        Ok(Registration::new(self, kind, name, number))
    }

    /// Checks that an entry could be registered now.
    pub(super) fn check_free(&self, kind: Kind, name: &Name) -> Result<(), Error> {
        self.lock().check_free(kind, name)
    }

    pub(super) fn remove(&self, kind: Kind, name: &Name) -> bool {
        let removed = self.lock().registered.remove(&(kind, name.clone())).is_some();
        self.changed(kind);
        removed
    }

    /// Removes an entry unless its name was given to another since.
    pub(super) fn remove_numbered(&self, kind: Kind, name: &Name, number: u64) {
        let mut state = self.lock();
        if let btree_map::Entry::Occupied(entry) = state.registered.entry((kind, name.clone()))
            && entry.get().number == number
        {
            entry.remove();
        }
        drop(state);
        self.changed(kind);
    }

    /// Moves an inherited entry to the registered ones, if `take` makes something of it. A connection
    /// is not kept: a copy of it here would keep it open when the application closes it.
    pub(super) fn claim<T>(
        &self,
        kind: Kind,
        name: &Name,
        take: impl FnOnce(&Registered) -> Result<Option<T>, Error>,
    ) -> Result<Option<T>, Error> {
        let key = (kind, name.clone());
        let inherited = {
            let state = self.lock();
            let Some(inherited) = state.inherited.get(&key) else {
                return Ok(None);
            };
            state.check_name(kind, name)?;
            Arc::clone(inherited)
        };
        // What is made of it may take its time: not under the lock.
        let Some(claimed) = take(&inherited)? else {
            return Ok(None);
        };
        let mut state = self.lock();
        match state.inherited.remove(&key) {
            // Another thread was quicker.
            None => return Ok(None),
            Some(_) if is_connection(kind) => {}
            Some(inherited) => state.insert(inherited),
        }
        drop(state);
        self.changed(kind);
        Ok(Some(claimed))
    }

    pub(super) fn inherited(&self) -> Vec<Inherited> {
        let state = self.lock();
        let entries = state.inherited.values().map(|inherited| &inherited.entry);
        entries
            .map(|entry| Inherited {
                kind: entry.kind,
                name: entry.name.as_str().into(),
                opaque: own_bytes(entry),
            })
            .collect()
    }

    /// What the predecessor has handed over.
    pub(crate) fn inherit(&self, entries: Vec<(Entry, OwnedFd)>) {
        let inherited: Vec<_> = entries
            .into_iter()
            .map(|(entry, descriptor)| Registered::new(true, entry, descriptor))
            .collect();
        let mut state = self.lock();
        let number = state.next_number();
        let keyed = inherited.into_iter().map(|inherited| {
            let key = (inherited.entry.kind, inherited.entry.name.clone());
            (key, inherited.numbered(number))
        });
        state.inherited = keyed.collect();
    }

    /// The names that nobody has claimed.
    pub(crate) fn strays(&self) -> Vec<Name> {
        self.lock().inherited.keys().map(|(_, name)| name.clone()).collect()
    }

    /// Closes what nobody has claimed, and unlinks the paths of its sockets.
    pub(crate) fn close_strays(&self) {
        let strays = std::mem::take(&mut self.lock().inherited);
        strays.into_values().for_each(|stray| stray.unlink());
    }

    /// Keeps what nobody has claimed, to be handed on, unless its name was given to another: that
    /// one is in use, so the stray is closed.
    pub(crate) fn keep_strays(&self) {
        let mut state = self.lock();
        let strays = std::mem::take(&mut state.inherited);
        if state.registered.is_empty() {
            state.registered = strays;
            return;
        }
        for (key, stray) in strays {
            match state.registered.entry(key) {
                btree_map::Entry::Vacant(vacant) => {
                    vacant.insert(stray);
                }
                btree_map::Entry::Occupied(_) => stray.unlink(),
            }
        }
    }

    /// What would be handed over now, in the order in which it will be sent, and a number by which
    /// [`seal`](Self::seal) tells whether something was bound since.
    pub(crate) fn snapshot(&self) -> (Vec<Arc<Registered>>, u64) {
        let state = self.lock();
        (state.registered.values().cloned().collect(), state.latest)
    }

    pub(crate) fn count(&self) -> u64 {
        self.lock().registered.len() as u64
    }

    /// Registers nothing more until [`open`](Self::open), unless something was bound since the
    /// snapshot: it would be lost.
    pub(crate) fn seal(&self, snapshot: u64) -> Result<(), Abort> {
        let mut state = self.lock();
        if state.latest_lasting > snapshot {
            let text = "a socket or file was added while the handoff was going on: try again";
            return Err(Abort::new(AbortReason::Changed, text));
        }
        state.access = Access::Sealed;
        Ok(())
    }

    /// The service stays here.
    pub(crate) fn open(&self) {
        self.lock().access = Access::Open;
    }

    /// The service is a successor's: every duplicate is closed.
    pub(crate) fn release(&self) {
        let mut state = self.lock();
        state.access = Access::Released;
        let registered = std::mem::take(&mut state.registered);
        drop(state);
        drop(registered);
    }

    /// The service ends here: paths that are still ours are unlinked, every duplicate is closed.
    pub(crate) fn end(&self) {
        for registered in self.lock().registered.values() {
            registered.unlink();
        }
        self.release();
    }

    /// This process never owned the service: it unlinks the paths that it has bound itself and leaves
    /// those of the owner. Every duplicate is closed.
    pub(crate) fn abandon(&self) {
        let strays = {
            let mut state = self.lock();
            let own = state.registered.values().filter(|registered| !registered.inherited);
            own.for_each(|registered| registered.unlink());
            std::mem::take(&mut state.inherited)
        };
        drop(strays);
        self.release();
    }

    /// What is registered, in the order of kinds and names.
    #[cfg(feature = "systemd")]
    pub(super) fn registered(&self) -> Vec<Arc<Registered>> {
        self.lock().registered.values().cloned().collect()
    }

    /// What was handed over and not claimed.
    #[cfg(feature = "systemd")]
    pub(crate) fn inherited_entries(&self) -> Vec<Arc<Entry>> {
        self.lock().inherited.values().map(|inherited| Arc::clone(&inherited.entry)).collect()
    }

    /// Tells whoever watches. Connections are nothing to him, and come and go by the thousand.
    #[cfg_attr(not(feature = "systemd"), expect(unused_variables, reason = "nobody watches"))]
    fn changed(&self, kind: Kind) {
        #[cfg(feature = "systemd")]
        if let Some(mailbox) = self.watcher.get().filter(|_| !is_connection(kind)) {
            // A driver that has ended keeps nothing.
            let _ = mailbox.put(Command::Registered);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn check_name(&self, kind: Kind, name: &Name) -> Result<(), Error> {
        if !self.registered.contains_key(&(kind, name.clone())) {
            return Ok(());
        }
        let text = format!(
            "{kind} {name} is registered already: clone the socket, or choose another name with \
             `bind_as`"
        );
        Err(Error::new(ErrorKind::NameTaken, text))
    }

    fn check_free(&self, kind: Kind, name: &Name) -> Result<(), Error> {
        self.check_name(kind, name)?;
        let text = match self.access {
            Access::Open => return Ok(()),
            Access::Sealed => "nothing is registered while the service changes hands",
            Access::Released => {
                "nothing is registered after the service was handed over, stopped or given up"
            }
        };
        Err(Error::new(ErrorKind::Closed, format!("{kind} {name}: {text}")))
    }

    fn next_number(&mut self) -> u64 {
        self.latest += 1;
        self.latest
    }

    fn insert(&mut self, registered: Arc<Registered>) {
        let key = (registered.entry.kind, registered.entry.name.clone());
        self.registered.insert(key, registered);
    }
}

/// Whether entries of this kind come and go with their peers.
fn is_connection(kind: Kind) -> bool {
    matches!(kind, Kind::TcpStream | Kind::UnixStream)
}
