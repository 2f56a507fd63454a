//! A service that runs as an application's `main` would run it, one thread for each generation.

use std::error::Error as StdError;
use std::fmt;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::address::UnixAddress;
use crate::builder::Builder;
use crate::launch::Launch;
use crate::mailbox::{Command, Mailbox};
use crate::settings::Takeover;
use crate::upgrader::Upgrader;

/// Whatever an application's service may fail with.
type Failure = Box<dyn StdError + Send + Sync>;

/// What an application's `main` does.
type Run = Arc<dyn Fn(Builder) -> Result<(), Failure> + Send + Sync>;

/// A service under test: what the application's `main` does, run by a thread for each generation, on a
/// handoff socket that nobody else knows.
///
/// The function is given a [`Builder`] whose handoff socket and start policy are set; it adds its own
/// settings, starts the upgrader, says that it is ready, serves until
/// [`exit`](Upgrader::exit) fires, drains, and returns. No process is spawned and none ends, so a test
/// can look at whatever the generations share.
///
/// [`Upgrader::upgrade`] would run the test's own binary over again: it fails here, and
/// [`upgrade`](Self::upgrade) does its work. The service may have neither more than one upgrader nor a
/// handoff socket of its own.
///
/// ```
/// use std::io::{Read, Write};
/// use std::net::{SocketAddr, TcpListener, TcpStream};
/// use std::time::Duration;
/// use heirloom::{Builder, testing::Service};
///
/// type Failure = Box<dyn std::error::Error + Send + Sync>;
///
/// /// Answers each client with its generation, until a successor does.
/// fn serve(builder: Builder, address: SocketAddr) -> Result<(), Failure> {
///     let upgrader = builder.start()?;
///     let listener: TcpListener = upgrader.fds().nonblocking().bind(address)?;
///     upgrader.ready()?;
///     while !upgrader.exit().wait_timeout(Duration::from_millis(1)) {
///         if let Ok((mut client, _)) = listener.accept() {
///             write!(client, "{}", upgrader.generation())?;
///         }
///     }
///     Ok(())
/// }
///
/// fn ask(address: SocketAddr) -> Result<String, Failure> {
///     let mut answer = String::new();
///     TcpStream::connect(address)?.read_to_string(&mut answer)?;
///     Ok(answer)
/// }
///
/// let free = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
/// let mut service = Service::start(move |builder| serve(builder, free))?;
/// assert_eq!(ask(free)?, "1");
/// service.upgrade()?; // until the first generation has drained, either may accept
/// service.drained(Duration::from_secs(5))?;
/// assert_eq!(ask(free)?, "2");
/// service.stop()?;
/// # Ok::<(), Failure>(())
/// ```
#[must_use = "dropping a service stops it"]
pub struct Service {
    run: Run,
    handoff_socket: String,
    owner: Generation,
    draining: Vec<Generation>,
}

/// The thread of one generation.
struct Generation {
    number: u64,
    mailbox: Arc<Mailbox>,
    thread: Option<JoinHandle<Result<(), Failure>>>,
    told: Receiver<Told>,
}

/// What is told of a generation.
enum Told {
    Ready(u64, Arc<Mailbox>),
    /// Its function has returned or panicked.
    Ended,
}

/// Tells a test that a generation is ready.
#[derive(Clone)]
pub(crate) struct Observer(Arc<Mutex<Sender<Told>>>);

impl Observer {
    /// The generation is ready, and owns the service.
    pub(crate) fn tell(&self, generation: u64, mailbox: &Arc<Mailbox>) {
        let sender = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever has given up waiting has gone.
        let _ = sender.send(Told::Ready(generation, Arc::clone(mailbox)));
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observer(..)")
    }
}

impl Service {
    /// Runs the first generation, and returns once it is ready.
    ///
    /// # Errors
    ///
    /// What the function returns before it is ready, or that it has returned or panicked.
    ///
    /// ```
    /// let service = heirloom::testing::Service::start(|builder| {
    ///     let upgrader = builder.start()?;
    ///     upgrader.ready()?;
    ///     upgrader.exit().wait();
    ///     Ok(())
    /// })?;
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn start<R>(run: R) -> Result<Self, Failure>
    where
        R: Fn(Builder) -> Result<(), Failure> + Send + Sync + 'static,
    {
        let handoff_socket = UnixAddress::private()?.to_string();
        let run: Run = Arc::new(run);
        let owner = Generation::begin(&run, &handoff_socket, Takeover::Never)?;
        Ok(Self { run, handoff_socket, owner, draining: Vec::new() })
    }

    /// Runs the next generation, and returns once it owns the service. The one before drains: see
    /// [`drained`](Self::drained).
    ///
    /// # Errors
    ///
    /// Why it does not: the generation before serves on.
    ///
    /// ```
    /// # let run = |builder: heirloom::Builder| {
    /// #     let upgrader = builder.start()?;
    /// #     upgrader.ready()?;
    /// #     Ok(upgrader.exit().wait())
    /// # };
    /// let mut service = heirloom::testing::Service::start(run)?;
    /// service.upgrade()?;
    /// assert_eq!(service.generation(), 2);
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn upgrade(&mut self) -> Result<(), Failure> {
        let next = Generation::begin(&self.run, &self.handoff_socket, Takeover::Require)?;
        self.draining.push(std::mem::replace(&mut self.owner, next));
        Ok(())
    }

    /// Which generation owns the service.
    ///
    /// ```
    /// # let run = |builder: heirloom::Builder| {
    /// #     let upgrader = builder.start()?;
    /// #     upgrader.ready()?;
    /// #     Ok(upgrader.exit().wait())
    /// # };
    /// let service = heirloom::testing::Service::start(run)?;
    /// assert_eq!(service.generation(), 1);
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn generation(&self) -> u64 {
        self.owner.number
    }

    /// Where the generations meet: for tools, and for a successor of the test's own.
    ///
    /// ```
    /// # let run = |builder: heirloom::Builder| {
    /// #     let upgrader = builder.start()?;
    /// #     upgrader.ready()?;
    /// #     Ok(upgrader.exit().wait())
    /// # };
    /// let service = heirloom::testing::Service::start(run)?;
    /// let second = heirloom::Upgrader::builder().handoff_socket(service.handoff_socket()).start()?;
    /// second.ready()?;
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn handoff_socket(&self) -> &str {
        &self.handoff_socket
    }

    /// Waits until every older generation has drained: its function has returned.
    ///
    /// # Errors
    ///
    /// What the first of them has returned, or that one has panicked or takes longer than `timeout`.
    ///
    /// ```
    /// # let run = |builder: heirloom::Builder| {
    /// #     let upgrader = builder.start()?;
    /// #     upgrader.ready()?;
    /// #     Ok(upgrader.exit().wait())
    /// # };
    /// let mut service = heirloom::testing::Service::start(run)?;
    /// service.upgrade()?;
    /// service.drained(std::time::Duration::from_secs(5))?;
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn drained(&mut self, timeout: Duration) -> Result<(), Failure> {
        let begun = Instant::now();
        while let Some(oldest) = self.draining.first() {
            if !oldest.ends_within(timeout.saturating_sub(begun.elapsed())) {
                let (number, ms) = (oldest.number, timeout.as_millis());
                return Err(format!("generation {number} has not drained after {ms} ms").into());
            }
            self.draining.remove(0).join()?;
        }
        Ok(())
    }

    /// Stops the service: [`Upgrader::stop`] of the owner, then waits for every generation.
    ///
    /// # Errors
    ///
    /// What the first of them has returned, or that one has panicked.
    ///
    /// ```
    /// # let run = |builder: heirloom::Builder| {
    /// #     let upgrader = builder.start()?;
    /// #     upgrader.ready()?;
    /// #     Ok(upgrader.exit().wait())
    /// # };
    /// heirloom::testing::Service::start(run)?.stop()?;
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn stop(mut self) -> Result<(), Failure> {
        self.owner.stop();
        self.drained(Duration::MAX)?;
        self.owner.join()
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (generation, draining) = (self.owner.number, self.draining.len());
        f.debug_struct("Service")
            .field("generation", &generation)
            .field("draining", &draining)
            .finish_non_exhaustive()
    }
}

impl Generation {
    /// Runs a generation, and waits until it is ready.
    fn begin(run: &Run, handoff_socket: &str, takeover: Takeover) -> Result<Self, Failure> {
        let (sender, told) = channel();
        let builder = Upgrader::builder()
            .handoff_socket(handoff_socket)
            .takeover(takeover)
            .service(Launch::of_this_process().file_name())
            .program("(a service under test: use `Service::upgrade`)")
            .observer(Observer(Arc::new(Mutex::new(sender.clone()))));
        let (run, end) = (Arc::clone(run), End(sender));
        let serve = move || {
            let _end = end;
            run(builder)
        };
        let thread = thread::Builder::new().name("generation".into()).spawn(serve)?;
        match told.recv() {
            Ok(Told::Ready(number, mailbox)) => {
                Ok(Self { number, mailbox, thread: Some(thread), told })
            }
            Ok(Told::Ended) | Err(_) => {
                join(thread)?;
                Err("the service has returned before it was ready".into())
            }
        }
    }

    fn stop(&self) {
        // Where nobody takes it any more it has stopped.
        let _ = self.mailbox.put(Command::Stop);
    }

    /// Waits until its function has returned; tells whether it has.
    fn ends_within(&self, timeout: Duration) -> bool {
        !matches!(self.told.recv_timeout(timeout), Err(RecvTimeoutError::Timeout))
    }

    fn join(&mut self) -> Result<(), Failure> {
        self.thread.take().map_or(Ok(()), join)
    }
}

impl Drop for Generation {
    /// Stops it, if it has not handed over, and waits for nothing.
    fn drop(&mut self) {
        self.stop();
    }
}

fn join(thread: JoinHandle<Result<(), Failure>>) -> Result<(), Failure> {
    thread.join().unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().copied().map(String::from);
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        Err(format!("the service has panicked: {}", text.unwrap_or_default()).into())
    })
}

/// Tells of the end of a generation's thread, however that comes.
struct End(Sender<Told>);

impl Drop for End {
    fn drop(&mut self) {
        // Whoever has given up waiting has gone.
        let _ = self.0.send(Told::Ended);
    }
}
