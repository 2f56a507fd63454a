//! One peer on the control socket.

use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use heirloom_proto::predecessor::Attachment;

use crate::sys::channel::Channel;
use crate::sys::pidfd::PidFd;

/// One peer on the control socket.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) channel: Channel,
    /// The process at the other end, where the kernel could tell it.
    pub(crate) pidfd: Option<PidFd>,
    pub(crate) pid: u32,
    /// That process has ended, and the machine knows.
    pub(crate) dead: bool,
    /// The peer has closed, and the machine knows: only its death is of interest.
    pub(crate) closed: bool,
    /// What the kernel would not take yet, in order.
    pub(crate) unsent: VecDeque<Unsent>,
}

impl Connection {
    pub(crate) fn new(channel: Channel, pidfd: Option<PidFd>, pid: u32) -> Self {
        Self { channel, pidfd, pid, dead: false, closed: false, unsent: VecDeque::new() }
    }

    /// When to try again what could not be sent, if time is what it waits for.
    pub(crate) fn retry(&self) -> Option<Duration> {
        self.unsent.front().and_then(|unsent| unsent.retry)
    }

    /// So many frames wait that a peer which reads none is read no more.
    pub(crate) fn is_clogged(&self) -> bool {
        const MOST_UNSENT: usize = 16;
        self.unsent.len() > MOST_UNSENT
    }

    /// The process to watch, while it has not ended.
    pub(crate) fn process(&self) -> Option<BorrowedFd<'_>> {
        self.pidfd.as_ref().filter(|_| !self.dead).map(AsFd::as_fd)
    }
}

/// A frame that the kernel would not take yet.
#[derive(Debug)]
pub(crate) struct Unsent {
    pub(crate) frame: Vec<u8>,
    pub(crate) attachment: Attachment,
    /// When to try again, if the socket's own readiness does not tell.
    pub(crate) retry: Option<Duration>,
}
