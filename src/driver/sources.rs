//! Everything the driver waits for, in one poll set.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use heirloom_proto::predecessor::ConnectionId;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;

use super::Role;
use crate::holdings::{Connection, Holdings};

/// Something that has become ready.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ready {
    pub(super) source: Source,
}

/// Who tells something. Children come first: how a successor ended is worth more than that it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Child(u32),
    Connection(ConnectionId),
    /// The process at the other end of a connection.
    Process(ConnectionId),
    Predecessor,
    Listener,
    Mailbox,
    /// The service manager has room for what it is to be told.
    Manager,
    Signal(usize),
}

/// Longest wait at once: what is due later is waited for again.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Waits until something is ready or the time is over. See `ppoll(2)`.
pub(super) fn wait(holdings: &Holdings, role: &Role, timeout: Option<Duration>) -> Vec<Ready> {
    let (sources, mut polled) = sources(holdings, role);
    let timeout = timeout.map(|timeout| TimeSpec::from_duration(timeout.min(LONGEST)));
    match ppoll(&mut polled, timeout, None) {
        Ok(_) => {}
        Err(Errno::EINTR) => return Vec::new(),
        Err(errno) => {
            // Out of memory, or a set beyond the descriptor limit: nothing is lost by trying again.
            tracing::warn!(target: "heirloom", event = "poll_failed", reason = %errno, "poll failed");
            std::thread::yield_now();
            return Vec::new();
        }
    }
    let is_ready = |polled: &PollFd<'_>| polled.any().unwrap_or(true);
    let ready = sources.into_iter().zip(&polled).filter(|(_, polled)| is_ready(polled));
    ready.map(|(source, _)| Ready { source }).collect()
}

fn sources<'a>(holdings: &'a Holdings, role: &'a Role) -> (Vec<Source>, Vec<PollFd<'a>>) {
    let mut sources = Vec::new();
    let mut polled = Vec::new();
    let mut add = |source, descriptor: BorrowedFd<'a>, flags| {
        sources.push(source);
        polled.push(PollFd::new(descriptor, flags));
    };
    if let Role::Predecessor(side) = role {
        for (pid, process) in side.children() {
            add(Source::Child(pid), process, PollFlags::POLLIN);
        }
    }
    for (id, peer) in &holdings.connections {
        if !peer.closed {
            add(Source::Connection(*id), peer.channel.as_fd(), interest(peer));
        }
        if let Some(process) = peer.process() {
            add(Source::Process(*id), process, PollFlags::POLLIN);
        }
    }
    if let Some(process) = holdings.predecessor_process() {
        add(Source::Predecessor, process.as_fd(), PollFlags::POLLIN);
    }
    if let (Role::Predecessor(side), Some(listener)) = (role, &holdings.listener)
        && side.accepts()
    {
        add(Source::Listener, listener.as_fd(), PollFlags::POLLIN);
    }
    if let Some(manager) = holdings.manager.clogged() {
        add(Source::Manager, manager, PollFlags::POLLOUT);
    }
    add(Source::Mailbox, holdings.wake.as_fd(), PollFlags::POLLIN);
    for (index, signal) in holdings.signals.iter().enumerate() {
        add(Source::Signal(index), signal.as_fd(), PollFlags::POLLIN);
    }
    (sources, polled)
}

/// A frame that waits for room waits for `POLLOUT`; one that waits for time does not.
fn interest(peer: &Connection) -> PollFlags {
    let read = if peer.is_clogged() { PollFlags::empty() } else { PollFlags::POLLIN };
    match peer.unsent.front() {
        Some(unsent) if unsent.retry.is_none() => read | PollFlags::POLLOUT,
        _ => read,
    }
}
