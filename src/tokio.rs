//! The verbs of an [`Upgrader`](crate::Upgrader) for tasks: those that wait are awaited, and block no
//! worker.
//!
//! ```
//! use std::time::Duration;
//! use heirloom::Upgrader;
//! use tokio::net::TcpListener;
//!
//! # async fn serve() -> Result<(), heirloom::Error> {
//! let upgrader = Upgrader::builder().start_async().await?; // meets the predecessor, if there is one
//! let listener: TcpListener = upgrader.fds().bind("127.0.0.1:0")?;
//! upgrader.ready().await?; // this process owns the service
//! # upgrader.stop();
//! let drain = upgrader.drain();
//! let mut exit = upgrader.exit();
//! loop {
//!     let (client, _) = tokio::select! {
//!         () = &mut exit => break,
//!         accepted = listener.accept() => accepted.unwrap(),
//!     };
//!     tokio::spawn(drain.run(async move { drop(client) })); // serves the client
//! }
//! drop(listener);
//! drain.drained(Duration::ZERO, Duration::from_secs(30)).await?;
//! upgrader.end().await;
//! # Ok(())
//! # }
//! # tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap().block_on(serve()).unwrap();
//! ```
//!
//! Nothing here needs the runtime's timer or its blocking threads.

use std::thread;
use std::time::Duration;

use crate::alarm::comes_within;
use crate::builder::Builder;
use crate::drain::Drain;
use crate::error::Error;
use crate::exit::Exit;
use crate::fds::Fds;
use crate::mailbox::Command;
use crate::reply::reply;
use crate::signal::Signal;
use crate::state::State;
use crate::status::Status;
use crate::upgraded::{PredecessorInfo, Upgraded};
use crate::upgrader::outlived;

/// One service's place in the row of its generations, for tasks. A cheap clone of a handle, made by
/// [`Builder::start_async`] or from an [`Upgrader`](crate::Upgrader), which it turns into as well.
///
/// When the last handle is dropped the process has nothing to do with the service any more. That takes
/// some 0.2 ms, unless the service is changing hands at this very moment: then the drop waits for at most
/// 20 ms, and a thread goes on to the end. [`end`](Self::end) waits for it without blocking: await it
/// before the process ends.
///
/// ```
/// use heirloom::{testing, tokio::Upgrader};
///
/// # fn main() -> Result<(), heirloom::Error> {
/// let blocking = testing::first()?;
/// let upgrader = Upgrader::from(blocking.clone());
/// assert_eq!(upgrader.handoff_socket(), blocking.handoff_socket());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Upgrader(crate::Upgrader);

impl Builder {
    /// As [`start`](Self::start), for tasks: a thread of its own meets the predecessor and takes
    /// everything over.
    ///
    /// If the future is dropped that thread goes on, and then gives up what it has taken: the predecessor
    /// serves on.
    ///
    /// ```
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    /// # runtime.block_on(async {
    /// let upgrader = heirloom::Upgrader::builder().start_async().await?;
    /// assert_eq!(upgrader.generation(), 1);
    /// # Ok::<(), heirloom::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`start`](Self::start).
    pub async fn start_async(self) -> Result<Upgrader, Error> {
        let (reply, answer) = reply();
        // Whoever has asked may have gone: then the upgrader is dropped there, and its driver joined.
        let start = move || reply.send(self.start());
        let thread = thread::Builder::new().name("heirloom-start".into()).spawn(start);
        thread.map_err(|error| Error::io("a thread that starts cannot be started", error))?;
        answer.await.map(Upgrader)
    }
}

impl Upgrader {
    /// Says that this process could serve, and waits until it owns the service: see
    /// [`Upgrader::ready`](crate::Upgrader::ready).
    ///
    /// Dropping the future takes nothing back once it was polled: the predecessor may have been told, and
    /// this process may become the owner. Ask again to know; or drop every handle to give it up.
    ///
    /// ```
    /// # use heirloom::{testing, tokio::Upgrader};
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    /// # runtime.block_on(async {
    /// let first = Upgrader::from(testing::first()?);
    /// first.ready().await?;
    /// # Ok::<(), heirloom::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`Upgrader::ready`](crate::Upgrader::ready).
    pub async fn ready(&self) -> Result<(), Error> {
        self.0.ask(Command::Ready)?.await
    }

    /// Spawns a successor and waits until it owns the service: see
    /// [`Upgrader::upgrade`](crate::Upgrader::upgrade).
    ///
    /// Dropping the future takes nothing back once it was polled: the upgrade goes on, and
    /// [`exit`](Self::exit) tells if it succeeds.
    ///
    /// ```
    /// # use heirloom::{ErrorKind, Upgrader};
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    /// # runtime.block_on(async {
    /// let upgrader = Upgrader::builder().program("/nowhere").start_async().await?;
    /// upgrader.ready().await?;
    /// let error = upgrader.upgrade().await.unwrap_err(); // still serving
    /// assert_eq!(error.kind(), ErrorKind::Spawn);
    /// # Ok::<(), heirloom::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`Upgrader::upgrade`](crate::Upgrader::upgrade).
    pub async fn upgrade(&self) -> Result<Upgraded, Error> {
        self.0.ask(Command::Upgrade)?.await
    }

    /// Waits until the predecessor's process has ended, for at most `timeout` from the first poll; at once
    /// if there was none. A thread of its own keeps the time.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use heirloom::{testing, tokio::Upgrader};
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    /// # runtime.block_on(async {
    /// let first = Upgrader::from(testing::first()?);
    /// first.wait_for_predecessor(Duration::from_secs(5)).await?; // there was none
    /// # Ok::<(), heirloom::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TimedOut`](crate::ErrorKind::TimedOut) when it has not,
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) when that thread cannot be started.
    pub async fn wait_for_predecessor(&self, timeout: Duration) -> Result<(), Error> {
        let Some((info, gone)) = self.0.predecessor_gone() else {
            return Ok(());
        };
        match comes_within(gone, timeout).await? {
            true => Ok(()),
            false => Err(outlived(info.pid, timeout)),
        }
    }

    /// How things stand in this process: see [`Upgrader::status`](crate::Upgrader::status).
    ///
    /// ```
    /// # use heirloom::{Phase, testing, tokio::Upgrader};
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    /// # runtime.block_on(async {
    /// let upgrader = Upgrader::from(testing::first()?);
    /// upgrader.ready().await?;
    /// assert_eq!(upgrader.status().await?.phase, Phase::Serving);
    /// # Ok::<(), heirloom::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`Upgrader::status`](crate::Upgrader::status).
    pub async fn status(&self) -> Result<Status, Error> {
        self.0.ask(Command::Status)?.await.map(Status::from)
    }

    /// Drops this handle; if it is the last one, waits until this process has nothing to do with the
    /// service any more: the files are removed, the successor is told.
    ///
    /// ```
    /// # use heirloom::{testing, tokio::Upgrader};
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    /// # runtime.block_on(async {
    /// let upgrader = Upgrader::from(testing::first()?);
    /// upgrader.ready().await?;
    /// upgrader.end().await;
    /// # Ok::<(), heirloom::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn end(self) {
        let last = self.0.clone();
        drop(self);
        last.end().await;
    }

    /// The descriptors that are handed over, tokio's types among them.
    ///
    /// ```
    /// # use heirloom::{testing, tokio::Upgrader};
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    /// # runtime.block_on(async {
    /// # let upgrader = Upgrader::from(testing::first()?);
    /// let listener: tokio::net::TcpListener = upgrader.fds().bind("127.0.0.1:0")?;
    /// # Ok::<(), heirloom::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn fds(&self) -> Fds {
        self.0.fds()
    }

    /// The application's state, which goes from generation to generation.
    ///
    /// ```
    /// # use heirloom::{testing, tokio::Upgrader};
    /// # fn main() -> Result<(), heirloom::Error> {
    /// # let upgrader = Upgrader::from(testing::first()?);
    /// assert!(upgrader.state().take("sessions", &["lines/1"])?.is_none());
    /// # Ok(())
    /// # }
    /// ```
    pub fn state(&self) -> State {
        self.0.state()
    }

    /// What this process has in flight, and its orderly end.
    ///
    /// ```
    /// # let upgrader = heirloom::tokio::Upgrader::from(heirloom::testing::first()?);
    /// assert_eq!(upgrader.drain().open(), 0);
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn drain(&self) -> Drain {
        self.0.drain()
    }

    /// Fires when this process is to finish what it has in flight and end. It is a future.
    ///
    /// ```
    /// # let upgrader = heirloom::tokio::Upgrader::from(heirloom::testing::first()?);
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    /// upgrader.stop();
    /// runtime.block_on(upgrader.exit());
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn exit(&self) -> Exit {
        self.0.exit()
    }

    /// Ends the service in this process: see [`Upgrader::stop`](crate::Upgrader::stop).
    ///
    /// ```
    /// # let upgrader = heirloom::tokio::Upgrader::from(heirloom::testing::first()?);
    /// upgrader.stop();
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn stop(&self) {
        self.0.stop();
    }

    /// Tells the predecessor that this process works on becoming ready: see
    /// [`Upgrader::progress`](crate::Upgrader::progress).
    ///
    /// ```
    /// # let upgrader = heirloom::tokio::Upgrader::from(heirloom::testing::first()?);
    /// upgrader.progress("3 of 10 tables loaded");
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn progress(&self, text: impl Into<String>) {
        self.0.progress(text);
    }

    /// Spawns a successor whenever this process gets the signal.
    ///
    /// ```
    /// # let upgrader = heirloom::tokio::Upgrader::from(heirloom::testing::first()?);
    /// upgrader.upgrade_on(heirloom::Signal::SIGHUP)?;
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of `sigaction(2)`.
    pub fn upgrade_on(&self, signal: Signal) -> Result<(), Error> {
        self.0.upgrade_on(signal)
    }

    /// Which generation this process is: 1 for the first, one more for each handoff.
    ///
    /// ```
    /// # let upgrader = heirloom::tokio::Upgrader::from(heirloom::testing::first()?);
    /// assert_eq!(upgrader.generation(), 1);
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn generation(&self) -> u64 {
        self.0.generation()
    }

    /// The process from which this one has taken over, or will.
    ///
    /// ```
    /// # let upgrader = heirloom::tokio::Upgrader::from(heirloom::testing::first()?);
    /// assert!(upgrader.predecessor().is_none());
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn predecessor(&self) -> Option<PredecessorInfo> {
        self.0.predecessor()
    }

    /// Where a successor finds this process: the address as set, or the private name made up.
    ///
    /// ```
    /// # let upgrader = heirloom::tokio::Upgrader::from(heirloom::testing::first()?);
    /// assert!(upgrader.handoff_socket().starts_with('@'));
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn handoff_socket(&self) -> &str {
        self.0.handoff_socket()
    }

    /// The same upgrader with verbs that block, for threads.
    ///
    /// ```
    /// # let upgrader = heirloom::tokio::Upgrader::from(heirloom::testing::first()?);
    /// upgrader.blocking().ready()?; // not in a task
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn blocking(&self) -> &crate::Upgrader {
        &self.0
    }
}

impl From<crate::Upgrader> for Upgrader {
    fn from(upgrader: crate::Upgrader) -> Self {
        Self(upgrader)
    }
}

/// Its drop waits for at most 20 ms too.
impl From<Upgrader> for crate::Upgrader {
    fn from(upgrader: Upgrader) -> Self {
        upgrader.0.clone()
    }
}

impl Drop for Upgrader {
    /// It may be the last handle: two that are dropped at once cannot know which of them is.
    fn drop(&mut self) {
        self.0.limit_patience(PATIENCE);
    }
}

/// How long a task may wait for the driver's end. Measured on a busy machine, with a PID file and a
/// path to remove: 0.2 ms, and 4 ms at worst; beyond that the service is changing hands.
const PATIENCE: Duration = Duration::from_millis(20);
