//! Being told whatever happens.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use heirloom_proto::Message;

use super::Event;
use super::line::Line;
use crate::error::{Error, ErrorKind};
use crate::status::Status;

/// Tells whatever happens to a service, as it happens: an iterator that waits for the next event, and ends
/// when the owner closes the connection. It does so once it has handed the service over, when it ends, and
/// when this tool has not read for so long that its queue is full.
///
/// It is readable ([`AsFd`]) when there is something to take.
///
/// ```
/// use std::time::Duration;
/// use heirloom::{Upgrader, tool::{Event, Tool}};
///
/// # fn main() -> Result<(), heirloom::Error> {
/// let upgrader = Upgrader::builder().start()?;
/// upgrader.ready()?;
/// let mut watch = Tool::connect(upgrader.handoff_socket())?.watch()?;
/// assert_eq!(watch.status().generation, 1);
/// upgrader.stop();
/// assert!(matches!(watch.wait(Duration::from_secs(5))?, Event::Stopped { .. }));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "whoever watches and does not read is closed"]
pub struct Watch {
    line: Line,
    status: Status,
}

impl Watch {
    pub(super) fn new(line: Line, status: Status) -> Self {
        Self { line, status }
    }

    /// How things stood when the watch began; whatever has happened since is told as an event.
    ///
    /// ```
    /// # let upgrader = heirloom::testing::first()?;
    /// # upgrader.ready()?;
    /// use heirloom::tool::Tool;
    ///
    /// let watch = Tool::connect(upgrader.handoff_socket())?.watch()?;
    /// assert_eq!(watch.status().pid, std::process::id());
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// The next event, waited for at most so long.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TimedOut`] when there is none, [`ErrorKind::Closed`] when the owner has closed the
    /// connection, [`ErrorKind::Protocol`] for what is no event.
    ///
    /// ```
    /// # let upgrader = heirloom::testing::first()?;
    /// # upgrader.ready()?;
    /// use heirloom::tool::Tool;
    ///
    /// use std::time::Duration;
    /// use heirloom::ErrorKind;
    ///
    /// let mut watch = Tool::connect(upgrader.handoff_socket())?.watch()?;
    /// let nothing = watch.wait(Duration::from_millis(1)).unwrap_err();
    /// assert_eq!(nothing.kind(), ErrorKind::TimedOut);
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn wait(&mut self, timeout: Duration) -> Result<Event, Error> {
        self.receive(Instant::now().checked_add(timeout))
    }

    fn receive(&mut self, deadline: Option<Instant>) -> Result<Event, Error> {
        match self.line.receive(deadline)? {
            Message::Happened(happened) => Ok(happened.into()),
            other => Err(super::unexpected(&other)),
        }
    }
}

impl Iterator for Watch {
    type Item = Result<Event, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.receive(None) {
            Err(error) if error.kind() == ErrorKind::Closed => None,
            event => Some(event),
        }
    }
}

impl AsFd for Watch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.line.as_fd()
    }
}
