//! How the application's threads talk to the driver's.

use std::collections::VecDeque;
use std::io;
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
}

#[derive(Debug)]
struct Queue {
    commands: VecDeque<Command>,
    /// Gone once it is closed, so that whoever drops the mailbox last closes no descriptor: that may be a
    /// [thread with a table of its own](crate::sys::spawn::spawn).
    wake: Option<Arc<EventFd>>,
}

impl Mailbox {
    /// A mailbox, and what becomes readable when there is something in it.
    pub(crate) fn new() -> io::Result<(Arc<Self>, Arc<EventFd>)> {
        let wake = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?;
        let wake = Arc::new(wake);
        let queue = Queue { commands: VecDeque::new(), wake: Some(Arc::clone(&wake)) };
        Ok((Arc::new(Self { queue: Mutex::new(queue) }), wake))
    }

    /// Puts a command in.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Closed`] when the driver has ended.
    pub(crate) fn put(&self, command: Command) -> Result<(), Error> {
        let mut guard = self.lock();
        let queue = &mut *guard;
        let Some(wake) = &queue.wake else {
            return Err(Error::new(ErrorKind::Closed, "the upgrader has ended"));
        };
        if let (Command::Progress(_), Some(Command::Progress(_))) =
            (&command, queue.commands.back())
        {
            // The latest is what counts.
            queue.commands.pop_back();
        }
        queue.commands.push_back(command);
        // An eventfd that cannot take one more is readable already.
        let _ = wake.write(1);
        Ok(())
    }

    /// Takes everything out.
    pub(crate) fn take(&self) -> VecDeque<Command> {
        let mut queue = self.lock();
        // Whether it was set does not matter: the queue tells.
        let _ = queue.wake.as_ref().map(|wake| wake.read());
        std::mem::take(&mut queue.commands)
    }

    /// Takes no more commands; those that wait are dropped, and whoever asked is told.
    pub(crate) fn close(&self) {
        let mut queue = self.lock();
        let wake = queue.wake.take();
        let commands = std::mem::take(&mut queue.commands);
        drop(queue);
        drop((wake, commands));
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever drops it last may have a table of descriptors of his own.
    #[test]
    fn a_mailbox_that_is_closed_holds_no_descriptor() {
        let (mailbox, wake) = Mailbox::new().unwrap();
        mailbox.put(Command::Stop).unwrap();
        mailbox.close();
        assert_eq!(Arc::strong_count(&wake), 1);
        assert_eq!(mailbox.put(Command::Stop).unwrap_err().kind(), ErrorKind::Closed);
    }
}
