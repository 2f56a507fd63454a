//! The loop that serves all connections.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, PipeReader, Read};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use heirloom::{Exit, Fds, Inherited, Words};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use socket2::SockRef;

use crate::session::Session;
use crate::table::{self, Entry, MOST_SESSIONS, Sessions, Table};

pub(crate) struct Service {
    /// None once another process owns the service.
    listener: Option<TcpListener>,
    fds: Fds,
    table: Table,
    /// Tells that the table is frozen no more.
    thawed: PipeReader,
    exit: Exit,
    sockets: BTreeMap<u64, TcpStream>,
    latest: u64,
}

/// How long the connections that did not move may stay when another process owns the service. They came
/// while it changed hands.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

impl Service {
    pub(crate) fn new(
        listener: TcpListener,
        fds: Fds,
        table: Table,
        thawed: PipeReader,
        exit: Exit,
    ) -> Self {
        let (listener, sockets) = (Some(listener), BTreeMap::new());
        Self { listener, fds, table, thawed, exit, sockets, latest: 0 }
    }

    /// Before `ready`: takes the connections, and touches none of them. They are the predecessor's.
    pub(crate) fn claim_connections(
        &mut self,
        inherited: impl Iterator<Item = Inherited>,
    ) -> Result<(), Box<dyn Error>> {
        for name in inherited.map(|inherited| inherited.name) {
            let Some(id) = name.strip_prefix(PREFIX) else { continue };
            if let Some(socket) = self.fds.claim(&name)? {
                self.sockets.insert(id.parse()?, socket);
            }
        }
        self.latest = self.sockets.keys().max().copied().unwrap_or(0);
        Ok(())
    }

    /// After `ready`: goes on with every session where the predecessor has stopped.
    pub(crate) fn resume(&mut self, words: Option<Words>) {
        // None if it died before it could say them. Then nobody knows where its sessions stood, and
        // it is better to hang up than to answer wrongly.
        let mut sessions = table::read(&words.map_or_else(Vec::new, |words| words.bytes));
        for (id, socket) in std::mem::take(&mut self.sockets) {
            // Those that are not told were closed meanwhile, or are finished by the predecessor.
            if let Some(session) = sessions.remove(&id) {
                self.admit(&mut self.table.clone().lock(), id, socket, session);
            }
        }
    }

    /// Serves until a successor owns the service; then those that did not go with it.
    pub(crate) fn serve(&mut self) -> io::Result<()> {
        while !self.exit.is_fired() {
            self.turn(PollTimeout::NONE)?;
        }
        self.let_go();
        let deadline = Instant::now() + DRAIN_TIMEOUT;
        while !self.sockets.is_empty() && Instant::now() < deadline {
            let left = deadline.saturating_duration_since(Instant::now());
            self.turn(PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX))?;
        }
        Ok(())
    }

    /// Closes what is the successor's now. Its own copies live on, so the peers do not notice; a
    /// `shutdown` would end the connections themselves.
    fn let_go(&mut self) {
        self.listener = None;
        let mut sessions = self.table.lock();
        sessions.entries.retain(|_, entry| !entry.moves);
        sessions.frozen = false;
        self.sockets.retain(|id, _| sessions.entries.contains_key(id));
    }

    /// Waits for something to do, and does it.
    fn turn(&mut self, timeout: PollTimeout) -> io::Result<()> {
        let ready = self.wait(timeout)?;
        let table = self.table.clone();
        let mut sessions = table.lock();
        // It may have been frozen since it was looked at.
        if sessions.frozen {
            return Ok(());
        }
        for id in ready {
            self.serve_one(&mut sessions, id);
        }
        self.accept(&mut sessions);
        Ok(())
    }

    /// Waits until something can be done; tells which connections can be served.
    fn wait(&mut self, timeout: PollTimeout) -> io::Result<Vec<u64>> {
        let watch = |fd, flags| PollFd::new(fd, flags);
        let mut polled = vec![watch(self.thawed.as_fd(), PollFlags::POLLIN)];
        let mut ids = Vec::new();
        let sessions = self.table.lock();
        if !sessions.frozen {
            for (id, socket) in &self.sockets {
                let waits_to_write =
                    sessions.entries.get(id).is_some_and(|entry| entry.session.waits_to_write());
                let flags = if waits_to_write { PollFlags::POLLOUT } else { PollFlags::POLLIN };
                polled.push(watch(socket.as_fd(), flags));
                ids.push(*id);
            }
            let room = self.sockets.len() < MOST_SESSIONS;
            let listener = self.listener.iter().filter(|_| room);
            polled.extend(listener.map(|listener| watch(listener.as_fd(), PollFlags::POLLIN)));
        }
        drop(sessions);
        if self.listener.is_some() {
            polled.push(watch(self.exit.as_fd(), PollFlags::POLLIN));
        }
        match poll(&mut polled, timeout) {
            Ok(_) | Err(Errno::EINTR) => {} // SIGHUP interrupts it
            Err(errno) => return Err(errno.into()),
        }
        let mut happened = polled.iter().map(|polled| polled.any().unwrap_or(true));
        let thawed = happened.next() == Some(true);
        let ready = ids.into_iter().zip(happened).filter(|(_, happened)| *happened);
        let ready = ready.map(|(id, _)| id).collect();
        if thawed {
            self.thawed.read_exact(&mut [0])?;
        }
        Ok(ready)
    }

    fn serve_one(&mut self, sessions: &mut Sessions, id: u64) {
        let (Some(mut socket), Some(entry)) =
            (self.sockets.get(&id), sessions.entries.get_mut(&id))
        else {
            return;
        };
        if entry.session.turn(&mut socket).is_err() {
            // A successor that prepares itself may have a copy: closing alone would not tell the peer.
            let _ = socket.shutdown(Shutdown::Both);
            sessions.entries.remove(&id);
            self.sockets.remove(&id);
        }
    }

    fn accept(&mut self, sessions: &mut Sessions) {
        while self.sockets.len() < MOST_SESSIONS
            && let Some(listener) = &self.listener
            && let Ok((socket, _)) = listener.accept()
        {
            if prepare(&socket).is_ok() {
                self.latest += 1;
                self.admit(sessions, self.latest, socket, Session::default());
            }
        }
    }

    fn admit(&mut self, sessions: &mut Sessions, id: u64, socket: TcpStream, session: Session) {
        let registration = self.fds.add(&format!("{PREFIX}{id}"), &socket).ok();
        sessions.entries.insert(id, Entry { session, registration, moves: false });
        self.sockets.insert(id, socket);
    }
}

/// Both generations share these, so they are right from birth.
fn prepare(socket: &TcpStream) -> io::Result<()> {
    socket.set_nonblocking(true)?;
    socket.set_nodelay(true)?;
    // For a peer who asks and does not read, the kernel would keep megabytes.
    SockRef::from(socket).set_send_buffer_size(16 * 1_024)
}

/// What the names of the connections begin with, before the number of the session.
const PREFIX: &str = "session ";
