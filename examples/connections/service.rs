//! The loop that serves all connections.

use std::collections::BTreeMap;
use std::error::Error;
use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use heirloom::{Exit, Fds, Inherited, Registration, Words};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use socket2::SockRef;

use crate::orders::{Order, Orders};
use crate::session::{MOST_SESSIONS, Session, read_all};

pub(crate) struct Service {
    /// None once another process owns the service.
    listener: Option<TcpListener>,
    fds: Fds,
    orders: Orders,
    /// Nothing is read or written any more, so that all sessions are as they were told.
    frozen: bool,
    connections: BTreeMap<u64, Connection>,
    /// Taken from the predecessor, and not to be touched before it has stopped.
    claimed: BTreeMap<u64, TcpStream>,
    latest: u64,
}

struct Connection {
    socket: TcpStream,
    session: Session,
    /// Hands a copy of the socket over. None if it came while the service was changing hands.
    registration: Option<Registration>,
    /// It goes with the handoff that has begun.
    moves: bool,
}

/// How long the connections that did not move may stay when another process owns the service. They came
/// while it changed hands.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

impl Service {
    pub(crate) fn new(listener: TcpListener, fds: Fds, orders: Orders) -> Self {
        let (listener, connections, claimed) = (Some(listener), BTreeMap::new(), BTreeMap::new());
        Self { listener, fds, orders, frozen: false, connections, claimed, latest: 0 }
    }

    /// Before `ready`: takes the connections.
    pub(crate) fn claim(
        &mut self,
        inherited: impl Iterator<Item = Inherited>,
    ) -> Result<(), Box<dyn Error>> {
        for name in inherited.map(|inherited| inherited.name) {
            if let Some(id) = name.strip_prefix(PREFIX)
                && let Some(socket) = self.fds.claim(&name)?
            {
                self.claimed.insert(id.parse()?, socket);
            }
        }
        self.latest = self.claimed.keys().max().copied().unwrap_or(0);
        Ok(())
    }

    /// After `ready`: goes on with every session where the predecessor has stopped.
    pub(crate) fn resume(&mut self, words: Option<Words>) {
        // None if it died before it could say them. Then nobody knows where its sessions stood, and
        // it is better to hang up than to answer wrongly.
        let mut sessions = read_all(&words.map_or_else(Vec::new, |words| words.bytes));
        for (id, socket) in std::mem::take(&mut self.claimed) {
            // Those that are not told were closed meanwhile, or are finished by the predecessor.
            if let Some(session) = sessions.remove(&id) {
                self.admit(id, socket, session);
            }
        }
    }

    /// Serves until a successor owns the service; then those that did not go with it.
    pub(crate) fn serve_until(mut self, exit: &Exit) -> io::Result<()> {
        while !exit.is_fired() {
            self.turn(Some(exit), PollTimeout::NONE)?;
        }
        self.let_go();
        let deadline = Instant::now() + DRAIN_TIMEOUT;
        while !self.connections.is_empty() && Instant::now() < deadline {
            let left = deadline.saturating_duration_since(Instant::now());
            self.turn(None, PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX))?;
        }
        Ok(())
    }

    /// The loop obeys between one turn and the next: nothing is half read or half written then but what
    /// the sessions know of.
    fn obey(&mut self, order: Order) {
        match order {
            Order::Provide(reply) => {
                // The list of descriptors is made right after this. A connection that comes later may
                // or may not be in it, so it does not move: the last words tell both which ones do.
                for connection in self.connections.values_mut() {
                    connection.moves = connection.registration.is_some();
                }
                drop(reply.send(Vec::new()));
            }
            Order::Freeze(reply) => {
                self.frozen = true;
                let mut words = Vec::new();
                for (id, connection) in self.connections.iter().filter(|(_, it)| it.moves) {
                    connection.session.write(*id, &mut words);
                }
                drop(reply.send(words));
            }
            Order::Thaw => self.frozen = false,
        }
    }

    /// Closes what is the successor's now. Its own copies live on, so the peers do not notice; a
    /// `shutdown` would end the connections themselves.
    fn let_go(&mut self) {
        self.listener = None;
        self.connections.retain(|_, connection| !connection.moves);
        self.frozen = false;
    }

    /// Waits for something to do, and does it.
    fn turn(&mut self, exit: Option<&Exit>, timeout: PollTimeout) -> io::Result<()> {
        let ready = self.wait(exit, timeout)?;
        while let Some(order) = self.orders.next() {
            self.obey(order);
        }
        if !self.frozen {
            ready.into_iter().for_each(|id| self.serve(id));
            self.accept();
        }
        Ok(())
    }

    /// Tells which connections can be served.
    fn wait(&self, exit: Option<&Exit>, timeout: PollTimeout) -> io::Result<Vec<u64>> {
        let readable = |descriptor| PollFd::new(descriptor, PollFlags::POLLIN);
        let mut polled = Vec::new();
        if !self.frozen {
            polled.extend(self.connections.values().map(Connection::watch));
            polled.extend(self.listener_with_room().map(readable));
        }
        polled.extend(exit.map(|exit| readable(exit.as_fd())));
        polled.push(readable(self.orders.as_fd()));
        match poll(&mut polled, timeout) {
            Ok(_) | Err(Errno::EINTR) => {} // SIGHUP interrupts it
            Err(errno) => return Err(errno.into()),
        }
        let polled = self.connections.keys().zip(&polled).filter(|_| !self.frozen);
        let ready = polled.filter(|(_, polled)| polled.any().unwrap_or(true));
        Ok(ready.map(|(id, _)| *id).collect())
    }

    fn listener_with_room(&self) -> Option<BorrowedFd<'_>> {
        let listener = self.listener.as_ref().filter(|_| self.connections.len() < MOST_SESSIONS);
        listener.map(AsFd::as_fd)
    }

    fn serve(&mut self, id: u64) {
        let Some(Connection { socket, session, .. }) = self.connections.get_mut(&id) else {
            return;
        };
        if session.turn(socket).is_err() {
            // A successor that prepares itself may have a copy: closing alone would not tell the peer.
            let _ = socket.shutdown(Shutdown::Both);
            self.connections.remove(&id);
        }
    }

    fn accept(&mut self) {
        while self.connections.len() < MOST_SESSIONS
            && let Some(Ok((socket, _))) = self.listener.as_ref().map(TcpListener::accept)
        {
            if prepare(&socket).is_ok() {
                self.latest += 1;
                self.admit(self.latest, socket, Session::default());
            }
        }
    }

    fn admit(&mut self, id: u64, socket: TcpStream, session: Session) {
        let registration = self.fds.add(&format!("{PREFIX}{id}"), &socket).ok();
        self.connections.insert(id, Connection { socket, session, registration, moves: false });
    }
}

impl Connection {
    fn watch(&self) -> PollFd<'_> {
        let waits_to_write = self.session.waits_to_write();
        let flags = if waits_to_write { PollFlags::POLLOUT } else { PollFlags::POLLIN };
        PollFd::new(self.socket.as_fd(), flags)
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
