//! A tool's view of a running service: how things stand, an upgrade, whatever happens.
//!
//! Nothing but the handoff socket is needed: a deploy tool, an administrator's command line or a test asks
//! whoever owns the service, in whichever generation that is.
//!
//! ```
//! use heirloom::{Upgrader, tool::Tool};
//!
//! # fn main() -> Result<(), heirloom::Error> {
//! let upgrader = Upgrader::builder().start()?;
//! upgrader.ready()?;
//!
//! let mut tool = Tool::connect(upgrader.handoff_socket())?;
//! let status = tool.status()?;
//! assert_eq!((status.generation, status.pid), (1, std::process::id()));
//! # Ok(())
//! # }
//! ```

mod event;
mod line;
mod watch;

use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use heirloom_proto::{Message, Outcome};

use crate::address::UnixAddress;
use crate::control::wait_a_little;
use crate::error::{Error, ErrorKind, failed};
use crate::status::Status;
use crate::upgraded::Upgraded;
pub use event::Event;
use line::Line;
pub use watch::Watch;

/// A connection to whoever owns a service. Where it is closed because the service has changed hands it is
/// made again.
///
/// ```
/// # let upgrader = heirloom::testing::first()?;
/// # upgrader.ready()?;
/// use heirloom::tool::Tool;
///
/// let mut tool = Tool::connect(upgrader.handoff_socket())?;
/// println!("{}", tool.status()?);
/// # Ok::<(), heirloom::Error>(())
/// ```
#[derive(Debug)]
pub struct Tool {
    builder: Builder,
    address: UnixAddress,
    line: Line,
}

/// How a tool connects.
///
/// ```
/// use std::time::Duration;
/// use heirloom::{ErrorKind, tool::Tool};
///
/// let tool = Tool::builder().timeout(Duration::from_millis(500)).connect("@nobody-is-there");
/// assert_eq!(tool.unwrap_err().kind(), ErrorKind::Absent);
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is connected before `connect`"]
pub struct Builder {
    timeout: Duration,
    users: Vec<u32>,
}

impl Builder {
    /// How long to wait for a connection and for each answer; 5 s unless set. What may take longer, as an
    /// upgrade does, has a timeout of its own.
    ///
    /// ```
    /// # let upgrader = heirloom::testing::first()?;
    /// # upgrader.ready()?;
    /// use heirloom::tool::Tool;
    ///
    /// let tool = Tool::builder()
    ///     .timeout(std::time::Duration::from_secs(1))
    ///     .connect(upgrader.handoff_socket())?;
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Trusts a user beside this process's own and root: the service may run as that user.
    ///
    /// ```
    /// # let upgrader = heirloom::testing::first()?;
    /// # upgrader.ready()?;
    /// use heirloom::tool::Tool;
    ///
    /// let tool = Tool::builder().trust_user(1001).connect(upgrader.handoff_socket())?;
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn trust_user(mut self, uid: u32) -> Self {
        self.users.push(uid);
        self
    }

    /// Connects to the handoff socket: `@name` is abstract, anything else a path.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Absent`] when nobody listens there, [`ErrorKind::Squatted`] when it is a user who is not
    /// trusted, [`ErrorKind::Hung`] when nobody accepts the connection in time,
    /// [`ErrorKind::InvalidAddress`], and [`ErrorKind::Io`] for what the kernel refuses.
    ///
    /// ```
    /// # let upgrader = heirloom::testing::first()?;
    /// # upgrader.ready()?;
    /// use heirloom::tool::Tool;
    ///
    /// let tool = Tool::builder().connect(upgrader.handoff_socket())?;
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn connect(self, address: &str) -> Result<Tool, Error> {
        let address = UnixAddress::parse(address)?.absolute();
        let line = Line::connect(&address, &self.users, self.timeout)?;
        Ok(Tool { builder: self, address, line })
    }
}

impl Tool {
    /// Connects with a timeout of 5 s, trusting this process's own user and root.
    ///
    /// # Errors
    ///
    /// Those of [`Builder::connect`].
    ///
    /// ```
    /// # let upgrader = heirloom::testing::first()?;
    /// # upgrader.ready()?;
    /// use heirloom::tool::Tool;
    ///
    /// let tool = Tool::connect(upgrader.handoff_socket())?;
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn connect(address: &str) -> Result<Self, Error> {
        Self::builder().connect(address)
    }

    /// Sets more than an address.
    ///
    /// ```
    /// use heirloom::{ErrorKind, tool::Tool};
    ///
    /// let absent = Tool::builder().connect("@nobody-is-there").unwrap_err();
    /// assert_eq!(absent.kind(), ErrorKind::Absent);
    /// ```
    pub fn builder() -> Builder {
        Builder { timeout: Duration::from_secs(5), users: Vec::new() }
    }

    /// How things stand where the service is owned.
    ///
    /// # Errors
    ///
    /// Those of [`Builder::connect`]; [`ErrorKind::TimedOut`] when there is no answer in time,
    /// [`ErrorKind::Untrusted`] when this process's user is not trusted there, and
    /// [`ErrorKind::Protocol`] for an answer that is none.
    ///
    /// ```
    /// # let upgrader = heirloom::testing::first()?;
    /// # upgrader.ready()?;
    /// use heirloom::tool::Tool;
    ///
    /// let status = Tool::connect(upgrader.handoff_socket())?.status()?;
    /// assert_eq!(status.generation, 1);
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn status(&mut self) -> Result<Status, Error> {
        match self.ask(&Message::Status)? {
            Message::StatusReport(report) => Ok(report.into()),
            other => Err(unexpected(&other)),
        }
    }

    /// Lets the service spawn a successor, and waits for at most `timeout` until that owns it. If it takes
    /// longer the upgrade goes on without this tool.
    ///
    /// # Errors
    ///
    /// As the service tells it: [`ErrorKind::Refused`] when it cannot begin, [`ErrorKind::Spawn`] when no
    /// successor could be started, and for a handoff that failed [`ErrorKind::SuccessorExited`],
    /// [`ErrorKind::TimedOut`] (also when `timeout` has passed), [`ErrorKind::Aborted`],
    /// [`ErrorKind::Protocol`] or [`ErrorKind::NotOwner`]. [`ErrorKind::DiedMidway`] when the service has
    /// closed the connection and not told what became of it; and those of [`status`](Self::status).
    ///
    /// ```no_run
    /// use std::time::Duration;
    /// use heirloom::tool::Tool;
    ///
    /// let owner = Tool::connect("/run/echo/handoff")?.upgrade(Duration::from_secs(120))?;
    /// println!("process {} is generation {}", owner.pid, owner.generation);
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn upgrade(&mut self, timeout: Duration) -> Result<Upgraded, Error> {
        // An owner that has answered is not about to be another: an upgrade is never asked for twice.
        self.status()?;
        let deadline = Instant::now().checked_add(timeout);
        self.line.send(&Message::Upgrade)?;
        let told = self.line.receive(deadline);
        match told.map_err(|error| of_upgrade(error, timeout))? {
            Message::Outcome(Outcome::Committed { pid, generation }) => {
                Ok(Upgraded { pid, generation })
            }
            Message::Outcome(Outcome::Failed { cause, text }) => {
                Err(Error::new(failed(cause), text))
            }
            other => Err(unexpected(&other)),
        }
    }

    /// Is told whatever happens, from now on until the service changes hands.
    ///
    /// # Errors
    ///
    /// Those of [`status`](Self::status); [`ErrorKind::Busy`] when 16 tools watch already.
    ///
    /// ```no_run
    /// use heirloom::tool::Tool;
    ///
    /// for event in Tool::connect("/run/echo/handoff")?.watch()? {
    ///     println!("{}", event?);
    /// }
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn watch(mut self) -> Result<Watch, Error> {
        match self.ask(&Message::Watch)? {
            Message::StatusReport(report) => Ok(Watch::new(self.line, report.into())),
            Message::Abort(abort) => Err(Error::new(ErrorKind::Busy, abort.text)),
            other => Err(unexpected(&other)),
        }
    }

    /// Asks, and asks the new owner if the service changes hands meanwhile.
    fn ask(&mut self, message: &Message) -> Result<Message, Error> {
        let deadline = Instant::now().checked_add(self.builder.timeout);
        loop {
            let answer = self.line.send(message).and_then(|()| self.line.receive(deadline));
            let closed = match answer {
                Err(error) if error.kind() == ErrorKind::Closed => error,
                answer => return answer,
            };
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Err(self.line.untrusted().unwrap_or(closed));
            }
            wait_a_little();
            let left = deadline.map_or(self.builder.timeout, |deadline| {
                deadline.saturating_duration_since(Instant::now())
            });
            self.line = Line::connect(&self.address, &self.builder.users, left)?;
        }
    }
}

impl AsFd for Tool {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.line.as_fd()
    }
}

fn unexpected(message: &Message) -> Error {
    let told = message.kind().map_or("a message".into(), |kind| kind.to_string());
    Error::new(ErrorKind::Protocol, format!("{told} is no answer to what was asked"))
}

fn of_upgrade(error: Error, timeout: Duration) -> Error {
    match error.kind() {
        ErrorKind::Closed => {
            let text = "the service has closed the connection before it told what became of the \
                        upgrade: ask for its status";
            Error::new(ErrorKind::DiedMidway, text)
        }
        ErrorKind::TimedOut => {
            let ms = timeout.as_millis();
            let text = format!("the upgrade takes longer than {ms} ms, and goes on: watch it");
            Error::new(ErrorKind::TimedOut, text)
        }
        _ => error,
    }
}
