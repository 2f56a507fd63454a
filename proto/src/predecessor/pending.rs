//! Connections that have not said what they want.

use alloc::vec::Vec;
use core::time::Duration;

use super::output::ConnectionId;
use crate::limits::{MAX_PENDING, PENDING_TIMEOUT};

/// Few, oldest first, each with a deadline.
#[derive(Clone, Debug, Hash, Default)]
pub(super) struct Pending(Vec<Visitor>);

#[derive(Clone, Copy, Debug, Hash)]
struct Visitor {
    connection: ConnectionId,
    pid: u32,
    deadline: Duration,
}

impl Pending {
    /// Adds a connection; tells which one has to go for it.
    pub(super) fn insert(
        &mut self,
        connection: ConnectionId,
        pid: u32,
        now: Duration,
    ) -> Option<ConnectionId> {
        self.0.push(Visitor { connection, pid, deadline: now.saturating_add(PENDING_TIMEOUT) });
        if self.0.len() <= MAX_PENDING {
            return None;
        }
        let evicted = self.most_dispensable()?;
        self.remove(evicted);
        Some(evicted)
    }

    /// The oldest of whichever process has most: a crowd of one makes nobody else go, who may have
    /// been about to speak.
    fn most_dispensable(&self) -> Option<ConnectionId> {
        let crowd = |pid| self.0.iter().filter(|visitor| visitor.pid == pid).count();
        // Of several that are the greatest the last one found is taken.
        let found = self.0.iter().rev().max_by_key(|visitor| crowd(visitor.pid));
        found.map(|visitor| visitor.connection)
    }

    pub(super) fn pid(&self, connection: ConnectionId) -> Option<u32> {
        self.0.iter().find(|visitor| visitor.connection == connection).map(|visitor| visitor.pid)
    }

    pub(super) fn remove(&mut self, connection: ConnectionId) {
        self.0.retain(|visitor| visitor.connection != connection);
    }

    /// Gives a connection its whole time again: it is the last to go now.
    pub(super) fn renew(&mut self, connection: ConnectionId, now: Duration) {
        if let Some(pid) = self.pid(connection) {
            self.remove(connection);
            self.insert(connection, pid, now);
        }
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        self.0.first().map(|visitor| visitor.deadline)
    }

    /// Takes out everybody whose time is over.
    pub(super) fn expired(&mut self, now: Duration) -> Vec<ConnectionId> {
        let (expired, rest) = self.0.iter().partition(|visitor| visitor.deadline <= now);
        self.0 = rest;
        let expired: Vec<Visitor> = expired;
        expired.into_iter().map(|visitor| visitor.connection).collect()
    }

    /// Takes out everybody.
    pub(super) fn drain(&mut self) -> Vec<ConnectionId> {
        self.0.drain(..).map(|visitor| visitor.connection).collect()
    }
}
