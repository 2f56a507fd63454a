//! How the application's threads talk to the driver's.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use heirloom_proto::StatusReport;
use nix::sys::eventfd::{EfdFlags, EventFd};

use crate::error::{Error, ErrorKind};
use crate::launch::Launched;
use crate::reply::Reply;
use crate::signal::SignalSource;
use crate::state::Answer;
use crate::upgraded::Upgraded;

/// What the application wants, and what a thread beside the driver's has done for it.
#[derive(Debug)]
pub(crate) enum Command {
    Ready(Reply<()>),
    Progress(String),
    Upgrade(Reply<Upgraded>),
    Status(Reply<StatusReport>),
    /// How much is open in this process, which drains.
    OpenChanged,
    Signal(SignalSource),
    /// What is registered has changed.
    #[cfg(feature = "systemd")]
    Registered,
    /// The successor of this number has begun, or why it has not.
    Launched(u64, io::Result<Launched>),
    /// The application has answered the question of this number about its state.
    Answered(u64, Answer),
    /// The predecessor's state cannot be read: the handoff is given up, for this reason.
    GiveUp(String, Reply<()>),
    Stop,
    End,
}

/// Commands in order, and the event that wakes the driver.
#[derive(Debug)]
pub(crate) struct Mailbox {
    queue: Mutex<Queue>,
    wake: EventFd,
}

#[derive(Debug, Default)]
struct Queue {
    commands: VecDeque<Command>,
    closed: bool,
}

impl Mailbox {
    pub(crate) fn new() -> io::Result<Arc<Self>> {
        let wake = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?;
        Ok(Arc::new(Self { queue: Mutex::default(), wake }))
    }

    /// Puts a command in.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Closed`] when the driver has ended.
    pub(crate) fn put(&self, command: Command) -> Result<(), Error> {
        let mut queue = self.lock();
        if queue.closed {
            return Err(Error::new(ErrorKind::Closed, "the upgrader has ended"));
        }
        if let (Command::Progress(_), Some(Command::Progress(_))) =
            (&command, queue.commands.back())
        {
            // The latest is what counts.
            queue.commands.pop_back();
        }
        queue.commands.push_back(command);
        drop(queue);
        // An eventfd that cannot take one more is readable already.
        let _ = self.wake.write(1);
        Ok(())
    }

    /// Takes everything out.
    pub(crate) fn take(&self) -> VecDeque<Command> {
        // Whether it was set does not matter: the queue tells.
        let _ = self.wake.read();
        std::mem::take(&mut self.lock().commands)
    }

    /// Takes no more commands; those that wait are dropped, and whoever asked is told.
    pub(crate) fn close(&self) {
        let mut queue = self.lock();
        queue.closed = true;
        let commands = std::mem::take(&mut queue.commands);
        drop(queue);
        drop(commands);
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AsFd for Mailbox {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }
}
