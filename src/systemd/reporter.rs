//! What systemd is told, and when, and by which of two generations.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::Duration;

use sd_notify::NotifyState;

use super::Systemd;
use super::outbox::Outbox;
use super::store::{Store, stored_as};
use super::unit::Unit;
use crate::fds::Registry;
use crate::mailbox::Mailbox;
use crate::manager::News;

/// Tells systemd of this process's part in the service.
#[derive(Debug)]
pub(crate) struct Reporter {
    outbox: Outbox,
    voice: Voice,
    generation: u64,
    /// What this process's predecessor is to the unit, if it has one.
    predecessor: Option<Kin>,
    /// The successor of the running handoff, or of the one that was successful.
    successor: Option<(u32, Kin)>,
    store: Option<Store>,
    barrier: Duration,
}

/// Whether this process may speak for the unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Voice {
    /// It does not own the service.
    None,
    /// It does, and its predecessor has yet to name it: systemd may listen to the main process alone.
    Awaited,
    Own,
    /// It has handed the service over, or stopped it.
    Past,
}

/// What another process is to the unit of this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kin {
    SameUnit,
    OtherUnit,
}

impl Reporter {
    /// Looks whether systemd wants to be told, and takes the sockets that it passes.
    pub(crate) fn new(
        asked: &Systemd,
        registry: &Registry,
        mailbox: &Arc<Mailbox>,
    ) -> Option<Self> {
        if asked.activation {
            registry.activate();
        }
        let address = env::var_os("NOTIFY_SOCKET").filter(|_| asked.notify)?;
        let outbox = connect(&address)?;
        let store = asked.store.then(|| known(registry));
        if store.is_some() {
            registry.watch(mailbox);
        }
        Some(Self {
            outbox,
            voice: Voice::None,
            generation: 1,
            predecessor: None,
            successor: None,
            store,
            barrier: asked.barrier,
        })
    }

    pub(crate) fn tell(&mut self, news: News<'_>, registry: &Registry) {
        match news {
            News::Met { pid } => self.met(pid),
            News::Inherited => self.inherited(registry),
            News::Owned { generation, ready, orphaned } => {
                self.generation = generation;
                self.owned(ready, orphaned);
            }
            News::PredecessorDrains if self.voice == Voice::Awaited => self.voice = Voice::Own,
            News::PredecessorGone => self.predecessor_gone(),
            News::Ready { generation } => self.ready(generation),
            News::Began { pid } => self.began(pid),
            News::Progress { text } => return self.describe_successor(text),
            News::Failed { why } => self.failed(why),
            News::HandedOver if self.voice == Voice::Own => self.handed_over(),
            News::Stopped => self.stopped(registry),
            News::Registered => {}
            // That was heard before.
            News::PredecessorDrains | News::HandedOver => return,
        }
        self.keep(registry);
    }

    pub(crate) fn clogged(&self) -> Option<BorrowedFd<'_>> {
        self.outbox.clogged()
    }

    pub(crate) fn flush(&mut self) {
        self.outbox.flush();
    }

    pub(crate) fn part(&mut self) {
        self.outbox.barrier(self.barrier);
    }

    /// A predecessor in another unit tells this one's systemd nothing, nor does one that cannot be seen.
    fn met(&mut self, pid: u32) {
        let kin = kin(pid).unwrap_or(Kin::OtherUnit);
        self.predecessor = Some(kin);
        if kin == Kin::OtherUnit {
            self.say(&[], &format!("takes over from process {pid}"));
        }
    }

    fn inherited(&mut self, registry: &Registry) {
        if let Some(store) = &mut self.store {
            for inherited in registry.inherited_entries() {
                store.know(inherited.kind, &inherited.name, &inherited.identity, false);
            }
        }
    }

    fn owned(&mut self, ready: bool, orphaned: bool) {
        match self.predecessor {
            Some(_) if orphaned => self.name_itself(ready),
            Some(Kin::SameUnit) => self.voice = Voice::Awaited,
            _ => {
                self.voice = Voice::Own;
                if ready {
                    self.say(&[NotifyState::Ready], &self.serves());
                }
            }
        }
    }

    fn predecessor_gone(&mut self) {
        match self.voice {
            Voice::Awaited => self.name_itself(true),
            Voice::Own => self.say(&[], &self.serves()),
            Voice::None | Voice::Past => {}
        }
    }

    /// The predecessor is gone and has not named this process.
    fn name_itself(&mut self, ready: bool) {
        self.voice = Voice::Own;
        let main = NotifyState::MainPid(std::process::id());
        match ready {
            true => self.say(&[main, NotifyState::Ready], &self.serves()),
            false => self.say(&[main], &format!("generation {} becomes ready", self.generation)),
        }
    }

    fn ready(&mut self, generation: u64) {
        self.generation = generation;
        self.voice = Voice::Own;
        self.say(&[NotifyState::Ready], &self.serves());
    }

    fn began(&mut self, pid: u32) {
        // One that cannot be seen is taken for one of this unit: it ends it if it is not, and the other
        // way round systemd would end what serves.
        let kin = kin(pid).unwrap_or(Kin::SameUnit);
        self.successor = Some((pid, kin));
        let status = format!("{}, process {pid} is to take over", self.serves());
        match (kin, NotifyState::monotonic_usec_now()) {
            (Kin::SameUnit, Ok(now)) => self.say(&[NotifyState::Reloading, now], &status),
            _ => self.say(&[], &status),
        }
    }

    fn describe_successor(&mut self, text: &str) {
        if let Some((pid, _)) = self.successor {
            self.say(&[], &format!("{}, process {pid} is to take over: {text}", self.serves()));
        }
    }

    fn failed(&mut self, why: &str) {
        let reloads = self.successor.take().is_some_and(|(_, kin)| kin == Kin::SameUnit);
        let states: &[_] = if reloads { &[NotifyState::Ready] } else { &[] };
        self.say(states, &format!("{}, the last upgrade failed: {why}", self.serves()));
    }

    fn handed_over(&mut self) {
        let next = self.generation.saturating_add(1);
        match self.successor {
            // A process of a namespace that systemd has no numbers for cannot be named.
            Some((0, Kin::SameUnit)) | None => {}
            Some((pid, Kin::SameUnit)) => {
                let status = format!("generation {next} serves, {} drains", self.generation);
                self.say(&[NotifyState::MainPid(pid), NotifyState::Ready], &status);
            }
            Some((pid, Kin::OtherUnit)) => {
                let status = format!("generation {next}, process {pid}, serves elsewhere");
                self.say(&[NotifyState::Stopping], &status);
                // Or else they would live on here when the other unit has given them up.
                let stored = self.store.as_mut().map(Store::empty).unwrap_or_default();
                stored.iter().for_each(|name| self.forget(name));
            }
        }
        self.voice = Voice::Past;
    }

    fn stopped(&mut self, registry: &Registry) {
        self.say(&[NotifyState::Stopping], &format!("generation {} stops", self.generation));
        if self.store.is_some() && self.voice == Voice::Own {
            // Nobody finds a socket whose path is gone.
            registry.owned_paths().iter().for_each(|(kind, name)| {
                stored_as(*kind, name).iter().for_each(|name| self.forget(name));
            });
        }
        self.voice = Voice::Past;
    }

    /// Brings the descriptor store up to what is registered.
    fn keep(&mut self, registry: &Registry) {
        let Some(store) = self.store.as_mut().filter(|_| self.voice == Voice::Own) else {
            return;
        };
        let listeners = registry.lasting_listeners();
        let named = listeners.iter().filter_map(|listener| {
            Some((stored_as(listener.entry.kind, &listener.entry.name)?, listener))
        });
        let named: BTreeMap<_, _> = named.collect();
        let identities =
            named.iter().map(|(name, listener)| (name.clone(), listener.entry.identity.clone()));
        let outdated = store.outdated(&identities.collect());
        let lacking: Vec<_> = named
            .into_iter()
            .filter(|(name, one)| store.lacks(name, &one.entry.identity))
            .collect();
        outdated.iter().for_each(|name| self.forget(name));
        lacking.iter().for_each(|(name, listener)| self.remember(name, listener.as_fd()));
    }

    fn remember(&mut self, name: &str, listener: BorrowedFd<'_>) {
        match listener.try_clone_to_owned() {
            Ok(copy) => {
                // systemd would drop a socket on which poll(2) tells an error.
                let keep = NotifyState::Custom("FDPOLL=0");
                let states = [NotifyState::FdStore, NotifyState::FdName(name), keep];
                self.outbox.put(&states, Some(copy));
            }
            Err(error) => {
                tracing::warn!(target: "heirloom", event = "listener_not_stored", name, reason = %error, "a listener is not kept by systemd");
            }
        }
    }

    fn forget(&mut self, name: &str) {
        self.outbox.put(&[NotifyState::FdStoreRemove, NotifyState::FdName(name)], None);
    }

    fn serves(&self) -> String {
        format!("generation {} serves", self.generation)
    }

    /// One message, with a line of text.
    fn say(&mut self, states: &[NotifyState<'_>], status: &str) {
        const MAX_STATUS: usize = 1_000;
        let printable = |letter: char| if letter.is_control() { ' ' } else { letter };
        let status: String = status.chars().take(MAX_STATUS).map(printable).collect();
        let status = NotifyState::Status(&status);
        self.outbox.put(&states.iter().cloned().chain([status]).collect::<Vec<_>>(), None);
    }
}

/// What cannot be told is no reason not to serve.
fn connect(address: &OsStr) -> Option<Outbox> {
    let outbox = Outbox::connect(address);
    outbox
        .inspect_err(|error| {
            tracing::warn!(target: "heirloom", event = "systemd_not_found", ?address, reason = %error, "there is no systemd at NOTIFY_SOCKET");
        })
        .ok()
}

/// What has come from the store is there.
fn known(registry: &Registry) -> Store {
    let mut store = Store::default();
    for (kind, name, identity) in registry.stored() {
        store.know(kind, &name, &identity, true);
    }
    store
}

/// Whether a process is in the unit of this one.
fn kin(pid: u32) -> Option<Kin> {
    let (this, other) = (Unit::of(std::process::id())?, Unit::of(pid)?);
    Some(if this == other { Kin::SameUnit } else { Kin::OtherUnit })
}
