//! What one handoff passes on.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use heirloom_proto::Entry;
use heirloom_proto::predecessor::{Attachment, Elder};

use crate::elder::describe;
use crate::fds::Registered;
use crate::holdings::Holdings;
use crate::state::Stated;
use crate::step::{Edge, Side, step};

/// What one handoff passes on, in the order in which the machine numbers it.
#[derive(Default)]
pub(super) struct Snapshot {
    registered: Vec<Arc<Registered>>,
    /// Duplicates of the connections to the generations that are still draining.
    elders: Vec<OwnedFd>,
    /// The application's state.
    states: Vec<OwnedFd>,
    /// Tells what was bound later.
    pub(super) number: u64,
    /// A second open description of the token, and the control listener. Closed as soon as they are
    /// sent: a copy kept here would keep the successor's lock alive beyond its death.
    pub(super) offer: Vec<OwnedFd>,
}

impl Snapshot {
    /// What is to be handed over now, and the entries that say so.
    pub(super) fn take(
        holdings: &Holdings,
        elders: &[Elder],
        states: Vec<Stated>,
    ) -> io::Result<(Self, Vec<Arc<Entry>>)> {
        let (registered, number) = holdings.registry.snapshot();
        let mut entries: Vec<_> =
            registered.iter().map(|registered| Arc::clone(&registered.entry)).collect();
        let mut snapshot = Self { registered, number, ..Self::default() };
        for elder in elders {
            if let Some(peer) = holdings.connections.get(&elder.connection) {
                entries.push(Arc::new(describe(&elder.generation, peer.channel.as_fd())?));
                snapshot.elders.push(peer.channel.as_fd().try_clone_to_owned()?);
            }
        }
        for Stated { entry, memory } in states {
            entries.push(entry);
            snapshot.states.push(memory);
        }
        if let (Some(token), Some(listener)) = (&holdings.token, &holdings.listener) {
            step(Side::Predecessor, Edge::Before, "open");
            snapshot.offer = vec![token.open_again()?, listener.as_fd().try_clone_to_owned()?];
            step(Side::Predecessor, Edge::After, "open");
        }
        Ok((snapshot, entries))
    }

    /// The descriptors that travel with a frame.
    pub(super) fn attached(&self, attachment: &Attachment) -> Vec<BorrowedFd<'_>> {
        match attachment {
            Attachment::None => Vec::new(),
            Attachment::Token => self.offer.iter().map(AsFd::as_fd).collect(),
            Attachment::Entries(range) => {
                let first = range.start.min(self.registered.len());
                let (_, registered) = self.registered.split_at(first);
                let registered = registered.iter().map(|registered| registered.as_fd());
                let others = self.elders.iter().chain(&self.states).map(AsFd::as_fd);
                // The entries that others come behind are passed over at once, the others one by one.
                let rest = registered.chain(others).skip(range.start - first);
                rest.take(range.len()).collect()
            }
        }
    }
}
