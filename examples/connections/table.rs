//! All sessions, and how they stop while the service changes hands.

use std::collections::BTreeMap;
use std::io::{self, PipeWriter, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use heirloom::{Freeze, Registration};

use crate::session::{MOST_BYTES, Session, take};

/// How the sessions are written: first the id, then the session, of one after another. A build that
/// writes them otherwise gets another label, and may offer both.
pub(crate) const SCHEMA: &str = "id session/1";

/// Most connections at a time. Last words have 48 KiB, and the sessions of so many fit whatever they
/// hold: what could fail an upgrade is a limit of the service. More are to be had if what is frozen is
/// written into a file (a memfd) that was handed over with the connections.
pub(crate) const MOST_SESSIONS: usize = 48 * 1_024 / (8 + MOST_BYTES) - 1;

/// All sessions. What serves them and what hands them over share it: a cheap clone.
#[derive(Clone)]
pub(crate) struct Table(Arc<Shared>);

struct Shared {
    sessions: Mutex<Sessions>,
    /// Wakes the loop that serves.
    thaws: PipeWriter,
}

#[derive(Default)]
pub(crate) struct Sessions {
    pub(crate) entries: BTreeMap<u64, Entry>,
    /// Nothing is read or written any more, so that the sessions are as they were told.
    pub(crate) frozen: bool,
}

pub(crate) struct Entry {
    pub(crate) session: Session,
    /// Its connection is handed over. None while the service changes hands: it is finished here.
    pub(crate) registration: Option<Registration>,
    /// It goes with the handoff that has begun.
    pub(crate) moves: bool,
}

impl Table {
    pub(crate) fn new(thaws: PipeWriter) -> Self {
        Self(Arc::new(Shared { sessions: Mutex::default(), thaws }))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Sessions> {
        self.0.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A handoff begins: marks the sessions that go with it.
    ///
    /// The list of descriptors is made right after this. A connection that comes later may or may not
    /// be in it, so it never moves: both processes know which they are by the last words, which name
    /// the marked ones.
    pub(crate) fn mark(&self) {
        for entry in self.lock().entries.values_mut() {
            entry.moves = entry.registration.is_some();
        }
    }
}

impl Freeze for Table {
    /// The lock is the loop's for one turn. After this it finds that it is to do nothing, so that no
    /// byte is read here which the successor would miss, and none written twice.
    fn freeze(&mut self) -> io::Result<Vec<u8>> {
        let mut sessions = self.lock();
        sessions.frozen = true;
        let mut words = Vec::new();
        for (id, entry) in sessions.entries.iter().filter(|(_, entry)| entry.moves) {
            words.extend(id.to_le_bytes());
            entry.session.write(&mut words);
        }
        Ok(words)
    }

    /// The handoff has failed, and the sessions are here as before.
    fn thaw(&mut self) {
        self.lock().frozen = false;
        // The pipe is never full: the loop empties it.
        let _ = (&self.0.thaws).write_all(b"t");
    }
}

/// The sessions that the predecessor has told at last.
pub(crate) fn read(mut words: &[u8]) -> BTreeMap<u64, Session> {
    let mut sessions = BTreeMap::new();
    while let Some(id) = take(&mut words).map(u64::from_le_bytes)
        && let Some(session) = Session::read(&mut words)
    {
        sessions.insert(id, session);
    }
    sessions
}
