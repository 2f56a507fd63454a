//! What the application holds.

use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::error::{Error, ErrorKind};
use crate::fds::{Fds, Registry};
use crate::latch::{Exit, Latch};
use crate::mailbox::{Command, Mailbox, reply};
use crate::meeting::meet;
use crate::open::OpenCount;
use crate::settings::Settings;
use crate::signal::{Signal, SignalSource};
use crate::status::Status;
use crate::upgraded::{PredecessorInfo, Upgraded};

/// One service's place in the row of its generations. A cheap clone of a handle; when the last one
/// is dropped the process has nothing to do with the service any more.
#[derive(Clone, Debug)]
pub struct Upgrader(Arc<Handle>);

#[derive(Debug)]
struct Handle {
    mailbox: Arc<Mailbox>,
    registry: Arc<Registry>,
    open: Arc<OpenCount>,
    exit: Arc<Latch>,
    handoff_socket: String,
    generation: u64,
    predecessor: Option<(PredecessorInfo, Arc<Latch>)>,
    driver: Mutex<Option<JoinHandle<()>>>,
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
            open: Arc::clone(&holdings.open),
            exit: Arc::clone(&holdings.exit),
            handoff_socket: address.map(|address| address.to_string()).unwrap_or_default(),
            generation,
            predecessor,
            driver: Mutex::new(None),
        };
        let thread = std::thread::Builder::new()
            .name("heirloom".into())
            .spawn(move || driver.run())
            .map_err(|error| Error::io("the driver's thread cannot be started", error))?;
        handle.driver = Mutex::new(Some(thread));
        Ok(Self(Arc::new(handle)))
    }

    /// How much is open in this process.
    #[cfg_attr(not(test), expect(dead_code, reason = "guards that count are yet to come"))]
    pub(crate) fn open(&self) -> &Arc<OpenCount> {
        &self.0.open
    }

    /// The descriptors that are handed over.
    pub fn fds(&self) -> Fds {
        Fds::new(&self.0.registry)
    }

    /// Says that this process could serve, and waits until it owns the service.
    ///
    /// What can fail has failed before the predecessor is told; it serves until this returns.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::PidFile`] and [`ErrorKind::Strays`] leave everything as it is: mend it and call
    /// again. Any other means that this process does not own the service and will not: it must end.
    pub fn ready(&self) -> Result<(), Error> {
        let (reply, answer) = reply();
        self.0.mailbox.put(Command::Ready(reply))?;
        wait(&answer)
    }

    /// Tells the predecessor that this process works on becoming ready, and gives it time for that.
    /// Text beyond 1,024 bytes is cut.
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
    pub fn upgrade(&self) -> Result<Upgraded, Error> {
        let (reply, answer) = reply();
        self.0.mailbox.put(Command::Upgrade(reply))?;
        wait(&answer)
    }

    /// Spawns a successor whenever this process gets the signal. What becomes of it is told by
    /// `tracing` events.
    ///
    /// # Errors
    ///
    /// Those of `sigaction(2)`.
    pub fn upgrade_on(&self, signal: Signal) -> Result<(), Error> {
        let source = SignalSource::new(signal)
            .map_err(|error| Error::io(format!("{signal:?} cannot be handled"), error))?;
        self.0.mailbox.put(Command::Signal(source))
    }

    /// Fires when this process is to finish what it has in flight and end.
    pub fn exit(&self) -> Exit {
        Exit::new(&self.0.exit)
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
        let (reply, answer) = reply();
        self.0.mailbox.put(Command::Status(reply))?;
        wait(&answer).map(Status::from)
    }

    /// Ends the service in this process: no more upgrades, [`exit`](Self::exit) fires. Without a
    /// successor the paths of Unix sockets are unlinked.
    pub fn stop(&self) {
        // A driver that has ended has stopped.
        let _ = self.0.mailbox.put(Command::Stop);
    }

    /// Which generation this process is: 1 for the first, one more for each handoff.
    pub fn generation(&self) -> u64 {
        self.0.generation
    }

    /// The process from which this one has taken over, or will.
    pub fn predecessor(&self) -> Option<PredecessorInfo> {
        self.0.predecessor.as_ref().map(|(info, _)| *info)
    }

    /// Waits until the predecessor's process has ended; at once if there was none.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TimedOut`] when it has not after `timeout`.
    pub fn wait_for_predecessor(&self, timeout: Duration) -> Result<(), Error> {
        let Some((info, gone)) = &self.0.predecessor else {
            return Ok(());
        };
        match gone.wait_timeout(timeout) {
            true => Ok(()),
            false => {
                let (pid, ms) = (info.pid, timeout.as_millis());
                let text = format!("the predecessor, process {pid}, has not ended after {ms} ms");
                Err(Error::new(ErrorKind::TimedOut, text))
            }
        }
    }

    /// Where a successor finds this process: the address as set, or the private name made up.
    pub fn handoff_socket(&self) -> &str {
        &self.0.handoff_socket
    }
}

/// The driver answers every command, or drops it when it ends.
fn wait<T>(answer: &Receiver<Result<T, Error>>) -> Result<T, Error> {
    answer.recv().unwrap_or_else(|_| Err(Error::new(ErrorKind::Closed, "the upgrader has ended")))
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
        {
            let _ = driver.join();
        }
    }
}
