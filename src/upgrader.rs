//! What the application holds.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::drain::Drain;
use crate::error::{Error, ErrorKind};
use crate::exit::Exit;
use crate::fds::{Fds, Registry};
use crate::latch::Latch;
#[cfg(feature = "tokio")]
use crate::latch::Notice;
use crate::mailbox::{Command, Mailbox};
use crate::meeting::meet;
use crate::reply::{Answer, Reply, reply};
use crate::settings::Settings;
use crate::signal::{Signal, SignalSource};
use crate::state::{State, Store};
use crate::status::Status;
use crate::upgraded::{PredecessorInfo, Upgraded};

/// One service's place in the row of its generations. A cheap clone of a handle; when the last one
/// is dropped the process has nothing to do with the service any more.
///
/// ```no_run
/// use std::net::TcpListener;
/// use heirloom::Upgrader;
///
/// let upgrader = Upgrader::builder().handoff_socket("@echo").start()?;
/// let listener: TcpListener = upgrader.fds().bind("127.0.0.1:7000")?;
/// upgrader.ready()?;
/// // serve until
/// upgrader.exit().wait();
/// # Ok::<(), heirloom::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Upgrader(Arc<Handle>);

#[derive(Debug)]
struct Handle {
    mailbox: Arc<Mailbox>,
    registry: Arc<Registry>,
    state: Arc<Store>,
    exit: Exit,
    drain: Drain,
    handoff_socket: String,
    generation: u64,
    predecessor: Option<(PredecessorInfo, Arc<Latch>)>,
    driver: Mutex<Option<JoinHandle<()>>>,
    /// Fires when the driver has ended.
    ended: Arc<Latch>,
    /// How long its end may be waited for when the last handle is dropped. Unset: as long as it takes.
    patience: OnceLock<Duration>,
}

impl Upgrader {
    pub(crate) fn start(settings: Arc<Settings>) -> Result<Self, Error> {
        let driver = meet(&settings)?;
        let holdings = driver.holdings();
        let begun_at = holdings.listener.as_ref().map(|listener| listener.address());
        // The predecessor may be dead by now, and this process the owner.
        let origin = holdings.origin.as_ref();
        let met_at = origin.map(|origin| &origin.met_at).or(begun_at).cloned();
        let generation = origin.map_or(1, |origin| origin.generation.saturating_add(1));
        let predecessor = origin.map(|origin| {
            let info = PredecessorInfo { pid: origin.pid, generation: origin.generation };
            (info, Arc::clone(&origin.gone))
        });
        let address = settings.handoff.clone().or(met_at);
        let mut handle = Handle {
            mailbox: Arc::clone(&holdings.mailbox),
            registry: Arc::clone(&holdings.registry),
            state: Arc::clone(&holdings.state),
            exit: Exit::new(&holdings.exit)
                .map_err(|error| Error::io("the upgrader cannot be made", error))?,
            drain: holdings.drain.clone(),
            handoff_socket: address.map(|address| address.to_string()).unwrap_or_default(),
            generation,
            predecessor,
            driver: Mutex::new(None),
            ended: Latch::new(),
            patience: OnceLock::new(),
        };
        let ends = Ends(Arc::clone(&handle.ended));
        let thread = std::thread::Builder::new()
            .name("heirloom".into())
            .spawn(move || {
                let _ends = ends;
                driver.run();
            })
            .map_err(|error| Error::io("the driver's thread cannot be started", error))?;
        handle.driver = Mutex::new(Some(thread));
        Ok(Self(Arc::new(handle)))
    }

    /// The descriptors that are handed over.
    ///
    /// ```
    /// # let upgrader = heirloom::testing::first()?;
    /// let listener: std::net::TcpListener = upgrader.fds().bind("127.0.0.1:0")?;
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn fds(&self) -> Fds {
        Fds::new(&self.0.registry)
    }

    /// What the application knows, handed over with the descriptors.
    ///
    /// ```
    /// use std::io::Write;
    ///
    /// # fn main() -> Result<(), heirloom::Error> {
    /// let upgrader = heirloom::testing::first()?;
    /// upgrader.state().provide("visits", "decimal", |writer| write!(writer, "{}", 4_711))?.keep();
    /// upgrader.ready()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn state(&self) -> State {
        State::new(&self.0.state, &self.0.mailbox)
    }

    /// Says that this process could serve, and waits until it owns the service.
    ///
    /// What can fail has failed before the predecessor is told; it serves until this returns.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::PidFile`] and [`ErrorKind::Strays`] leave everything as it is: mend it and call
    /// again. Any other means that this process does not own the service and will not: it must end.
    ///
    /// ```no_run
    /// # let upgrader = heirloom::testing::first()?;
    /// # fn load_everything() {}
    /// load_everything(); // the predecessor serves
    /// upgrader.ready()?; // this process does
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn ready(&self) -> Result<(), Error> {
        self.ask(Command::Ready)?.wait()
    }

    /// Tells the predecessor that this process works on becoming ready, and gives it time for that.
    /// Text beyond 1,024 bytes is cut.
    ///
    /// ```
    /// # let upgrader = heirloom::testing::first()?;
    /// for part in 1..=3 {
    ///     upgrader.progress(format!("loaded part {part} of 3"));
    /// }
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn progress(&self, text: impl Into<String>) {
        // A driver that has ended has no predecessor to tell.
        let _ = self.0.mailbox.put(Command::Progress(text.into()));
    }

    /// Spawns a successor and waits until it owns the service. [`exit`](Self::exit) may fire a moment
    /// before this returns.
    ///
    /// # Errors
    ///
    /// Why it does not: this process owns the service on. [`ErrorKind::NotReady`],
    /// [`ErrorKind::TooManyDraining`], [`ErrorKind::Stopping`] and [`ErrorKind::AlreadyUpgraded`] mean
    /// that nothing was spawned, and so does [`ErrorKind::Busy`] unless its text names a generation that
    /// hangs: then the process that was spawned is ended.
    ///
    /// ```no_run
    /// # let upgrader = heirloom::testing::first()?;
    /// match upgrader.upgrade() {
    ///     Ok(owner) => println!("process {} is generation {}", owner.pid, owner.generation),
    ///     Err(error) => eprintln!("still serving: {error}"),
    /// }
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn upgrade(&self) -> Result<Upgraded, Error> {
        self.ask(Command::Upgrade)?.wait()
    }

    /// Spawns a successor whenever this process gets the signal. What becomes of it is told by
    /// `tracing` events.
    ///
    /// # Errors
    ///
    /// Those of `sigaction(2)`.
    ///
    /// ```
    /// # let upgrader = heirloom::testing::first()?;
    /// upgrader.upgrade_on(heirloom::Signal::SIGHUP)?;
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn upgrade_on(&self, signal: Signal) -> Result<(), Error> {
        let source = SignalSource::new(signal)
            .map_err(|error| Error::io(format!("{signal:?} cannot be handled"), error))?;
        self.0.mailbox.put(Command::Signal(source))
    }

    /// Fires when this process is to finish what it has in flight and end.
    ///
    /// ```
    /// # let upgrader = heirloom::testing::first()?;
    /// assert!(!upgrader.exit().is_fired());
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn exit(&self) -> Exit {
        self.0.exit.clone()
    }

    /// What this process has in flight, and its orderly end.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// # fn main() -> Result<(), heirloom::Error> {
    /// # let upgrader = heirloom::testing::first()?;
    /// let guard = upgrader.drain().guard(); // where a connection is accepted
    /// drop(guard); // where it ends
    /// # upgrader.stop();
    /// upgrader.exit().wait();
    /// upgrader.drain().wait(Duration::ZERO, Duration::from_secs(30));
    /// # Ok(())
    /// # }
    /// ```
    pub fn drain(&self) -> Drain {
        self.0.drain.clone()
    }

    /// How things stand in this process, whatever it is in the handoff: a successor that is not ready, the
    /// owner, a generation that drains, or a successor whose handoff has failed.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let upgrader = heirloom::Upgrader::builder().start()?;
    /// let listener: std::net::TcpListener = upgrader.fds().bind_as("http", "127.0.0.1:0")?;
    /// let status = upgrader.status()?;
    /// assert_eq!(status.entries[0].name, "http");
    /// assert_eq!(status.entries[0].address, listener.local_addr()?.to_string());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Closed`] when the upgrader has ended.
    pub fn status(&self) -> Result<Status, Error> {
        self.ask(Command::Status)?.wait().map(Status::from)
    }

    /// Ends the service in this process: no more upgrades, [`exit`](Self::exit) fires. Without a
    /// successor the paths of Unix sockets are unlinked.
    ///
    /// ```
    /// # let upgrader = heirloom::testing::first()?;
    /// upgrader.stop();
    /// upgrader.exit().wait();
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn stop(&self) {
        // A driver that has ended has stopped.
        let _ = self.0.mailbox.put(Command::Stop);
    }

    /// Which generation this process is: 1 for the first, one more for each handoff.
    ///
    /// ```
    /// # let upgrader = heirloom::testing::first()?;
    /// assert_eq!(upgrader.generation(), 1);
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn generation(&self) -> u64 {
        self.0.generation
    }

    /// The process from which this one has taken over, or will.
    ///
    /// ```
    /// # let upgrader = heirloom::testing::first()?;
    /// if let Some(predecessor) = upgrader.predecessor() {
    ///     println!("takes over from process {}", predecessor.pid);
    /// }
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn predecessor(&self) -> Option<PredecessorInfo> {
        self.0.predecessor.as_ref().map(|(info, _)| *info)
    }

    /// Waits until the predecessor's process has ended; at once if there was none.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TimedOut`] when it has not after `timeout`.
    ///
    /// ```
    /// # let upgrader = heirloom::testing::first()?;
    /// upgrader.wait_for_predecessor(std::time::Duration::from_secs(60))?;
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn wait_for_predecessor(&self, timeout: Duration) -> Result<(), Error> {
        let Some((info, gone)) = &self.0.predecessor else {
            return Ok(());
        };
        match gone.wait_timeout(timeout) {
            true => Ok(()),
            false => Err(outlived(info.pid, timeout)),
        }
    }

    /// Where a successor finds this process: the address as set, or the private name made up.
    ///
    /// ```
    /// # let upgrader = heirloom::testing::first()?;
    /// println!("successors come to {}", upgrader.handoff_socket());
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn handoff_socket(&self) -> &str {
        &self.0.handoff_socket
    }

    /// Asks the driver for something. It answers, or drops the question when it ends.
    pub(crate) fn ask<T>(
        &self,
        command: impl FnOnce(Reply<T>) -> Command,
    ) -> Result<Answer<T>, Error> {
        let (reply, answer) = reply();
        self.0.mailbox.put(command(reply))?;
        Ok(answer)
    }
}

/// For tasks, which may not block.
#[cfg(feature = "tokio")]
impl Upgrader {
    /// The process from which this one has taken over, and the notice of its end.
    pub(crate) fn predecessor_gone(&self) -> Option<(PredecessorInfo, Notice)> {
        self.0.predecessor.as_ref().map(|(info, gone)| (*info, Notice::new(gone)))
    }

    /// Whoever drops the last handle from now on waits for so long at most.
    pub(crate) fn limit_patience(&self, limit: Duration) {
        self.0.patience.get_or_init(|| limit);
    }

    /// Drops this handle; if it is the last, ends the driver and waits for that.
    pub(crate) async fn end(self) {
        if let Some(handle) = Arc::into_inner(self.0)
            && handle.mailbox.put(Command::End).is_ok()
        {
            Notice::new(&handle.ended).await;
        }
    }
}

impl Handle {
    /// Whether the driver's end may be waited for: within a limit, if it has come by then.
    fn has_time(&self) -> bool {
        self.patience.get().is_none_or(|limit| self.ended.wait_timeout(*limit))
    }
}

/// The predecessor has not ended in time.
pub(crate) fn outlived(pid: u32, timeout: Duration) -> Error {
    let ms = timeout.as_millis();
    let text = format!("the predecessor, process {pid}, has not ended after {ms} ms");
    Error::new(ErrorKind::TimedOut, text)
}

/// Tells when the driver has ended, however it does.
struct Ends(Arc<Latch>);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.fire();
    }
}

impl Drop for Handle {
    /// Ends the driver: an owner without a successor stops, one with a successor says that it has
    /// retired, a successor that was never ready gives the handoff up.
    fn drop(&mut self) {
        let driver = self.driver.lock().unwrap_or_else(PoisonError::into_inner).take();
        let ended = self.mailbox.put(Command::End);
        if let (Some(driver), Ok(())) = (driver, ended)
            // A waker or a subscriber may drop the last handle on the driver's own thread.
            && driver.thread().id() != std::thread::current().id()
            && self.has_time()
        {
            let _ = driver.join();
        }
    }
}
