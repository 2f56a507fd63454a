//! Every setting, with its default.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use heirloom_proto::Timeouts;
use heirloom_proto::limits::MAX_LABEL;

use crate::address::UnixAddress;
use crate::error::{Error, ErrorKind};
use crate::launch::Launch;
use crate::settings::{Settings, Strays, Takeover, nameless_user};
use crate::testing::Observer;
use crate::upgrader::Upgrader;

/// Settings of an [`Upgrader`]: made by [`Upgrader::builder`], ended by [`start`](Self::start).
///
/// ```no_run
/// use std::time::Duration;
/// use heirloom::{Takeover, Upgrader};
///
/// let upgrader = Upgrader::builder()
///     .handoff_socket("/run/echo/handoff")
///     .pid_file("/run/echo/pid")
///     .takeover(Takeover::IfPresent)
///     .ready_timeout(Duration::from_secs(120))
///     .start()?;
/// # Ok::<(), heirloom::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing happens before `start`"]
pub struct Builder {
    handoff: Option<String>,
    pid_file: Option<PathBuf>,
    service: Option<String>,
    build: String,
    takeover: Takeover,
    strays: Strays,
    timeouts: Timeouts,
    draining_cap: usize,
    fence: bool,
    users: Vec<u32>,
    launch: Launch,
    observer: Option<Observer>,
    #[cfg(feature = "systemd")]
    systemd: Option<crate::Systemd>,
}

impl Upgrader {
    /// Settings, each with its default.
    ///
    /// ```
    /// let upgrader = heirloom::Upgrader::builder().service("echo").start()?;
    /// assert_eq!(upgrader.generation(), 1);
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn builder() -> Builder {
        Builder::new()
    }
}

impl Builder {
    fn new() -> Self {
        Self {
            handoff: None,
            pid_file: None,
            service: None,
            build: String::new(),
            takeover: Takeover::default(),
            strays: Strays::default(),
            timeouts: Timeouts::default(),
            draining_cap: 2,
            fence: true,
            users: Vec::new(),
            launch: Launch::of_this_process(),
            observer: None,
            #[cfg(feature = "systemd")]
            systemd: None,
        }
    }

    /// Where the generations meet: `@name` is abstract, anything else a path, which is created with
    /// mode 0600. Default: an abstract name that nobody can guess, known to spawned successors only.
    ///
    /// Abstract names belong to the network namespace and bear no permissions: anyone in it may
    /// take a name that is free. A path in a folder of mode 0700 is the alternative.
    ///
    /// ```no_run
    /// let upgrader = heirloom::Upgrader::builder().handoff_socket("/run/echo/handoff").start()?;
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn handoff_socket(mut self, address: impl Into<String>) -> Self {
        self.handoff = Some(address.into());
        self
    }

    /// A file that holds the owner's process id. Default: none.
    ///
    /// ```no_run
    /// let upgrader = heirloom::Upgrader::builder().pid_file("/run/echo/pid").start()?;
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn pid_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.pid_file = Some(path.into());
        self
    }

    /// The service's label, at most 255 bytes: a successor with another one is refused. Default:
    /// the program's file name. Where a process has several upgraders, give each its own.
    ///
    /// ```no_run
    /// let upgrader = heirloom::Upgrader::builder().handoff_socket("@echo").service("echo").start()?;
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn service(mut self, label: impl Into<String>) -> Self {
        self.service = Some(label.into());
        self
    }

    /// Which build this is, at most 255 bytes, told to the other generation and to tools. Default:
    /// empty.
    ///
    /// ```no_run
    /// let upgrader = heirloom::Upgrader::builder().build_label(env!("CARGO_PKG_VERSION")).start()?;
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn build_label(mut self, label: impl Into<String>) -> Self {
        self.build = label.into();
        self
    }

    /// What to do about a predecessor. Default: [`Takeover::IfPresent`].
    ///
    /// ```
    /// use heirloom::{ErrorKind, Takeover, Upgrader};
    ///
    /// // A deploy that must not begin a second service by mistake.
    /// let absent = Upgrader::builder().handoff_socket("@nobody-is-there").takeover(Takeover::Require).start();
    /// assert_eq!(absent.unwrap_err().kind(), ErrorKind::Absent);
    /// ```
    pub fn takeover(mut self, takeover: Takeover) -> Self {
        self.takeover = takeover;
        self
    }

    /// What to do with what was inherited and not claimed. Default: [`Strays::Close`].
    ///
    /// ```no_run
    /// let upgrader = heirloom::Upgrader::builder().strays(heirloom::Strays::Keep).start()?;
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn strays(mut self, strays: Strays) -> Self {
        self.strays = strays;
        self
    }

    /// How long a successor may take to become ready, from the last descriptor and anew from each
    /// [`Upgrader::progress`]. Default: 60 s; more than 24 h counts as that. Set by the predecessor.
    ///
    /// ```no_run
    /// let upgrader = heirloom::Upgrader::builder().ready_timeout(std::time::Duration::from_secs(120)).start()?;
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn ready_timeout(mut self, timeout: Duration) -> Self {
        self.timeouts.ready = timeout;
        self
    }

    /// How long a successor may take to become ready, whatever progress it tells. Default: 10 min; more
    /// than 24 h counts as that.
    ///
    /// ```no_run
    /// let upgrader = heirloom::Upgrader::builder().ready_cap(std::time::Duration::from_secs(3600)).start()?;
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn ready_cap(mut self, cap: Duration) -> Self {
        self.timeouts.ready_cap = cap;
        self
    }

    /// How long the token may be on its way, and how long a side keeps trying to take it. Default:
    /// 2 s; more than 60 s counts as that.
    ///
    /// Danger: a successor that is frozen for longer right then is killed (see
    /// [`fence`](Self::fence)).
    ///
    /// ```no_run
    /// let upgrader = heirloom::Upgrader::builder().commit_timeout(std::time::Duration::from_secs(5)).start()?;
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn commit_timeout(mut self, timeout: Duration) -> Self {
        self.timeouts.commit = timeout;
        self
    }

    /// How many older generations may still be draining when a new handoff begins. Default: 2.
    ///
    /// ```no_run
    /// let upgrader = heirloom::Upgrader::builder().draining_cap(4).start()?;
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn draining_cap(mut self, cap: usize) -> Self {
        self.draining_cap = cap;
        self
    }

    /// Whether a successor that holds the token and stays silent for the commit timeout is killed,
    /// so that the service can be taken back. Default: yes.
    ///
    /// Danger: without it such a successor is waited for as long as it lives.
    ///
    /// ```no_run
    /// let upgrader = heirloom::Upgrader::builder().fence(false).start()?;
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn fence(mut self, fence: bool) -> Self {
        self.fence = fence;
        self
    }

    /// Trusts the processes of another user too, besides this process's own and root's.
    ///
    /// Danger: that user can take the whole service over, and everything it holds.
    ///
    /// ```no_run
    /// let upgrader = heirloom::Upgrader::builder().handoff_socket("@echo").trust_user(1001).start()?;
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn trust_user(mut self, uid: u32) -> Self {
        self.users.push(uid);
        self
    }

    /// The program that a successor is. Default: `argv[0]` made absolute when the builder was made;
    /// not the binary of this process, which is the old one after a deploy.
    ///
    /// ```no_run
    /// let upgrader = heirloom::Upgrader::builder().program("/srv/echo/current/echo").start()?;
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn program(mut self, program: impl Into<PathBuf>) -> Self {
        self.launch.program = program.into();
        self
    }

    /// The arguments of a spawned successor, less the program's name. Default: this process's own.
    ///
    /// ```no_run
    /// let upgrader = heirloom::Upgrader::builder().args(["--config", "/etc/echo.toml"]).start()?;
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn args<A: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.launch.arguments = arguments.into_iter().map(Into::into).collect();
        self
    }

    /// One more environment variable for a spawned successor, which gets this process's otherwise.
    ///
    /// ```no_run
    /// let upgrader = heirloom::Upgrader::builder().env("RUST_LOG", "info").start()?;
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.launch.environment.push((name.into(), value.into()));
        self
    }

    /// The working directory of a spawned successor. Default: this process's own when the builder
    /// was made.
    ///
    /// ```no_run
    /// let upgrader = heirloom::Upgrader::builder().current_dir("/srv/echo").start()?;
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn current_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.launch.directory = Some(directory.into());
        self
    }

    /// What is done about systemd, if that has started this process. Default: nothing.
    ///
    /// ```
    /// use heirloom::{Systemd, Upgrader};
    ///
    /// # fn main() -> Result<(), heirloom::Error> {
    /// let upgrader = Upgrader::builder().systemd(Systemd::new()).start()?;
    /// upgrader.ready()?; // READY=1, if there is a systemd that waits for it
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "systemd")]
    pub fn systemd(mut self, systemd: crate::Systemd) -> Self {
        self.systemd = Some(systemd);
        self
    }

    /// Meets the predecessor and takes everything it hands over, or begins the service.
    ///
    /// A process that meets one raises its soft limit of open descriptors to the hard one.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Absent`], [`ErrorKind::Busy`], [`ErrorKind::Squatted`], [`ErrorKind::Untrusted`],
    /// [`ErrorKind::Hung`] and [`ErrorKind::DiedMidway`] tell what is wrong with the predecessor;
    /// whatever else the handoff can fail for is told too. The predecessor serves on.
    /// [`ErrorKind::InvalidName`] and [`ErrorKind::InvalidAddress`] mean that a setting is beyond its
    /// bounds.
    ///
    /// ```no_run
    /// use heirloom::{ErrorKind, Upgrader};
    ///
    /// match Upgrader::builder().handoff_socket("@echo").start() {
    ///     Ok(upgrader) => println!("generation {}", upgrader.generation()),
    ///     Err(error) if error.kind() == ErrorKind::Busy => eprintln!("another deploy is going on: {error}"),
    ///     Err(error) => eprintln!("the running service is untouched: {error}"),
    /// }
    /// ```
    pub fn start(self) -> Result<Upgrader, Error> {
        Upgrader::start(Arc::new(self.settings()?))
    }

    /// Tells a test when the generation is ready.
    pub(crate) fn observer(mut self, observer: Observer) -> Self {
        self.observer = Some(observer);
        self
    }

    fn settings(self) -> Result<Settings, Error> {
        let service = self.service.unwrap_or_else(|| self.launch.file_name());
        check_label("service", &service)?;
        check_label("build", &self.build)?;
        Ok(Settings {
            handoff: match self.handoff.as_deref() {
                Some(address) => Some(UnixAddress::parse(address)?.absolute()),
                None => None,
            },
            // The application may change its directory.
            pid_file: self.pid_file.map(|path| std::path::absolute(&path).unwrap_or(path)),
            service,
            build: self.build,
            takeover: self.takeover,
            strays: self.strays,
            timeouts: self.timeouts.capped(),
            draining_cap: self.draining_cap,
            fence: self.fence,
            users: self.users,
            nameless: nameless_user(),
            launch: self.launch,
            observer: self.observer,
            #[cfg(feature = "systemd")]
            systemd: self.systemd,
        })
    }
}

fn check_label(what: &str, label: &str) -> Result<(), Error> {
    match label.len() {
        length if length > MAX_LABEL => {
            let text = format!(
                "the {what} label has {length} bytes, at most {MAX_LABEL} are allowed: choose a shorter one"
            );
            Err(Error::new(ErrorKind::InvalidName, text))
        }
        _ => Ok(()),
    }
}
