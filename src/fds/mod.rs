//! What is handed over: registered by the owner, claimed by the successor.

#[cfg(feature = "systemd")]
mod activated;
mod bind;
mod mode;
mod passable;
mod placed;
mod registration;
mod registry;
mod seqpacket;
#[cfg(feature = "tokio")]
mod tokio;

use std::fmt::Display;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use heirloom_proto::{Entry, Kind, Name};
use nix::libc;

pub use bind::Bind;
use mode::set_nonblocking;
use passable::Mode;
pub use passable::Passable;
pub use registration::Registration;
pub(crate) use registry::{Registered, Registry};
pub use seqpacket::UnixSeqpacketListener;

use crate::error::{Error, ErrorKind};
use crate::sys::identity::{identity, is_numbered};

/// The descriptors that go from generation to generation: [`Upgrader::fds`](crate::Upgrader::fds).
///
/// What is registered is a duplicate, so the application may move its own anywhere. An entry is
/// known by its type and its name; the name is the address as given, unless another is chosen.
///
/// `O_NONBLOCK` belongs to the open description, which both generations share while one takes over
/// from the other. So a type of the standard library is created blocking, and refused when what is
/// inherited is not; [`nonblocking`](Self::nonblocking) asks for the other mode. Nothing is changed
/// on something inherited unless [`switch_mode`](Self::switch_mode) asks for it.
///
/// With the feature `tokio` its types can be used too: made and expected non-blocking, within a
/// runtime whose I/O is enabled.
///
/// ```
/// use std::net::TcpListener;
/// use heirloom::testing;
///
/// let first = testing::first()?;
/// let bound: TcpListener = first.fds().bind("127.0.0.1:0")?;
/// first.ready()?;
/// let second = testing::successor_of(&first)?;
/// let inherited: TcpListener = second.fds().bind("127.0.0.1:0")?;
/// assert_eq!(bound.local_addr().unwrap(), inherited.local_addr().unwrap());
/// # Ok::<(), heirloom::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Fds {
    registry: Arc<Registry>,
    nonblocking: bool,
    switch: bool,
}

impl Fds {
    pub(crate) fn new(registry: &Arc<Registry>) -> Self {
        Self { registry: Arc::clone(registry), nonblocking: false, switch: false }
    }

    /// The same entries, with sockets created in non-blocking mode and expected in it.
    ///
    /// ```
    /// # let upgrader = heirloom::testing::first()?;
    /// let listener: std::net::TcpListener = upgrader.fds().nonblocking().bind("127.0.0.1:0")?;
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn nonblocking(mut self) -> Self {
        self.nonblocking = true;
        self
    }

    /// The same entries; an inherited descriptor in the other mode is switched, not refused.
    ///
    /// Danger: the predecessor uses the same open description until it has drained, and finds its
    /// mode changed under it.
    ///
    /// ```
    /// # let upgrader = heirloom::testing::first()?;
    /// let listener: std::net::TcpListener = upgrader.fds().switch_mode().bind("127.0.0.1:0")?;
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn switch_mode(mut self) -> Self {
        self.switch = true;
        self
    }

    /// The socket that the predecessor has handed over under this address, or one bound now.
    ///
    /// Internet addresses are `host:port`, Unix ones a path or `@name` (abstract). A path that
    /// nobody listens on any more is replaced.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NameTaken`] when it is in use in this process, [`ErrorKind::WrongMode`],
    /// [`ErrorKind::Closed`] while the service changes hands, and whatever binding it brings.
    ///
    /// ```
    /// # let upgrader = heirloom::testing::first()?;
    /// let listener: std::net::TcpListener = upgrader.fds().bind("127.0.0.1:0")?;
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn bind<T: Bind>(&self, address: impl Display) -> Result<T, Error> {
        let address = address.to_string();
        self.bind_as(&address, &address)
    }

    /// As [`bind`](Self::bind), under a name that the application chooses: for port 0, for several
    /// sockets on one address, for an address that may change.
    ///
    /// If the address has changed since the predecessor bound it, the socket is bound anew and the
    /// inherited one stays unclaimed. Port 0 takes any port.
    ///
    /// # Errors
    ///
    /// Those of [`bind`](Self::bind).
    ///
    /// ```
    /// # let upgrader = heirloom::testing::first()?;
    /// let http: std::net::TcpListener = upgrader.fds().bind_as("http", "127.0.0.1:0")?;
    /// let admin: std::net::TcpListener = upgrader.fds().bind_as("admin", "127.0.0.1:0")?;
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn bind_as<T: Bind>(&self, name: &str, address: impl Display) -> Result<T, Error> {
        let address = address.to_string();
        let name = checked(name)?;
        // Under its own address it is the one that is meant, whatever that may resolve to today.
        let fits = |found: &Registered| {
            let is_meant = name.as_str() == address || placed::is_marked(&found.entry);
            is_meant || bind::is_bound_to(T::KIND, found.as_fd(), &address)
        };
        if let Some(inherited) = self.claim_if(&name, fits)? {
            return Ok(inherited);
        }
        #[cfg(feature = "systemd")]
        if let Some(activated) = self.claim_activated(&name, Some(&address))? {
            return Ok(activated);
        }
        self.create(name, || {
            T::bind(&address)
                .map_err(|error| Error::io(format!("{} {address} cannot be bound", T::KIND), error))
        })
    }

    /// The descriptor that the predecessor has handed over under `name`, or the one that `create`
    /// makes: for socket options, for anything that is no plain `bind`.
    ///
    /// # Errors
    ///
    /// Those of [`bind`](Self::bind) and of `create`.
    ///
    /// ```
    /// # let upgrader = heirloom::testing::first()?;
    /// let socket = upgrader.fds().bind_with("discovery", || {
    ///     let socket = std::net::UdpSocket::bind("127.0.0.1:0")?;
    ///     socket.set_broadcast(true)?;
    ///     Ok(socket)
    /// })?;
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn bind_with<T: Passable>(
        &self,
        name: &str,
        create: impl FnOnce() -> io::Result<T>,
    ) -> Result<T, Error> {
        let name = checked(name)?;
        if let Some(inherited) = self.claim_if(&name, |_| true)? {
            return Ok(inherited);
        }
        #[cfg(feature = "systemd")]
        if let Some(activated) = self.claim_activated(&name, None)? {
            return Ok(activated);
        }
        let what = format!("{} {name} cannot be created", T::KIND);
        self.create(name, || create().map_err(|error| Error::io(what, error)))
    }

    /// The descriptor that the predecessor has handed over under `name`, if it has. It will be handed
    /// on, except for a connection, which is the application's alone from here on: [`add`](Self::add)
    /// it again to hand it on.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidName`], [`ErrorKind::WrongMode`], [`ErrorKind::WrongType`],
    /// [`ErrorKind::NameTaken`] when another was registered under this name meanwhile.
    ///
    /// ```
    /// # let upgrader = heirloom::testing::first()?;
    /// let log: Option<std::fs::File> = upgrader.fds().claim("log")?;
    /// assert!(log.is_none(), "nobody has handed one over");
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn claim<T: Passable>(&self, name: &str) -> Result<Option<T>, Error> {
        let name = checked(name)?;
        let inherited = self.claim_if(&name, |_| true)?;
        #[cfg(feature = "systemd")]
        if inherited.is_none() {
            return self.claim_activated(&name, None);
        }
        Ok(inherited)
    }

    /// Registers a duplicate of `descriptor`, to be handed over from now on.
    ///
    /// Dropping the [`Registration`] removes the duplicate; without that the other end of a
    /// connection would never see it close. [`Registration::keep`] leaves it in place for good. While a
    /// handoff is going on the successor holds a copy too: `shutdown` a connection that must end then.
    ///
    /// What is added while a handoff is going on fails that handoff, so that it is not lost, except
    /// for a connection, which is finished where it is.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidName`], [`ErrorKind::NameTaken`], [`ErrorKind::WrongType`],
    /// [`ErrorKind::Closed`].
    ///
    /// ```
    /// # let upgrader = heirloom::testing::first()?;
    /// let (server, _client) = std::os::unix::net::UnixStream::pair().unwrap();
    /// let registration = upgrader.fds().add("client 7", &server)?;
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn add<T: Passable>(&self, name: &str, descriptor: &T) -> Result<Registration, Error> {
        self.add_with(name, descriptor, Vec::new())
    }

    /// As [`add`](Self::add), with up to 1,024 bytes of the application's own that travel with it:
    /// [`inherited`](Self::inherited) tells them to the successor.
    ///
    /// # Errors
    ///
    /// Those of [`add`](Self::add), and [`ErrorKind::InvalidName`] when there are more bytes.
    ///
    /// ```
    /// # let upgrader = heirloom::testing::first()?;
    /// let (server, _client) = std::os::unix::net::UnixStream::pair().unwrap();
    /// let registration = upgrader.fds().add_with("client 7", &server, b"user=ada".to_vec())?;
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn add_with<T: Passable>(
        &self,
        name: &str,
        descriptor: &T,
        opaque: Vec<u8>,
    ) -> Result<Registration, Error> {
        let name = checked(name)?;
        T::check(descriptor.as_fd())?;
        let opaque = opaque.try_into().map_err(|error: heirloom_proto::TooLong| {
            let way_out = "hand over a file that holds them, or fewer";
            Error::new(ErrorKind::InvalidName, format!("{} {name}: {error}: {way_out}", T::KIND))
        })?;
        self.registry.add(T::KIND, name, descriptor.as_fd(), None, opaque)
    }

    /// Stops handing over the entry of this type and name. Tells whether there was one.
    ///
    /// ```
    /// # let upgrader = heirloom::testing::first()?;
    /// assert!(!upgrader.fds().remove::<std::net::TcpListener>("http"));
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn remove<T: Passable>(&self, name: &str) -> bool {
        checked(name).is_ok_and(|name| self.registry.remove(T::KIND, &name))
    }

    /// What the predecessor has handed over and nobody has claimed yet.
    ///
    /// ```
    /// # let upgrader = heirloom::testing::first()?;
    /// for entry in upgrader.fds().inherited() {
    ///     println!("{} {}: {} bytes", entry.kind, entry.name, entry.opaque.len());
    /// }
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn inherited(&self) -> impl Iterator<Item = Inherited> + use<> {
        self.registry.inherited().into_iter()
    }

    fn claim_if<T: Passable>(
        &self,
        name: &Name,
        fits: impl FnOnce(&Registered) -> bool,
    ) -> Result<Option<T>, Error> {
        self.registry.claim(T::KIND, name, |found| {
            T::check(found.as_fd())?;
            let duplicate = found.as_fd().try_clone_to_owned().map_err(|error| {
                Error::io(format!("{} {name} cannot be duplicated", T::KIND), error)
            })?;
            if !fits(found) {
                return Ok(None);
            }
            self.check_mode::<T>(duplicate.as_fd(), name, "inherited")?;
            T::from_descriptor(duplicate)
                .map(Some)
                .map_err(|error| Error::io(format!("{} {name} cannot be taken up", T::KIND), error))
        })
    }

    fn create<T: Passable>(
        &self,
        name: Name,
        create: impl FnOnce() -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.registry.check_free(T::KIND, &name)?;
        let created = create()?;
        T::check(created.as_fd())?;
        if self.nonblocking && T::MODE == Mode::Chosen {
            set_nonblocking(&created, true).map_err(|error| {
                Error::io(format!("{} {name} cannot be made non-blocking", T::KIND), error)
            })?;
        }
        // What the next generation would refuse is refused here.
        self.check_mode::<T>(created.as_fd(), &name, "created")?;
        let path = passable::bound_path(created.as_fd());
        let registration =
            self.registry.add(T::KIND, name, created.as_fd(), path, Default::default())?;
        registration.keep();
        Ok(created)
    }
}

/// Something that the predecessor has handed over and nobody has claimed yet.
///
/// ```
/// # let upgrader = heirloom::testing::first()?;
/// use heirloom::Kind;
///
/// let fds = upgrader.fds();
/// for entry in fds.inherited().filter(|entry| entry.kind == Kind::TcpStream) {
///     let client: Option<std::net::TcpStream> = fds.claim(&entry.name)?;
/// }
/// # Ok::<(), heirloom::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Inherited {
    /// What it may be claimed as.
    pub kind: Kind,
    /// The name to claim it by.
    pub name: String,
    /// The application's own bytes: [`Fds::add_with`].
    pub opaque: Vec<u8>,
}

fn checked(name: &str) -> Result<Name, Error> {
    Name::new(name).map_err(|error| Error::new(ErrorKind::InvalidName, error.to_string()))
}

/// Checks that a descriptor is the one that its entry says, by the number that the kernel gives no other.
/// The text tells all else that the kernel does. Whether it is of the type as which it is claimed the
/// kernel is asked then, so the predecessor's word is not needed for it, and what may change meanwhile, as
/// the address of a socket, is no reason to refuse it.
pub(crate) fn verify(entry: &Entry, descriptor: BorrowedFd<'_>) -> Result<(), String> {
    let unseen =
        |error: io::Error| format!("{} {} cannot be looked at: {error}", entry.kind, entry.name);
    match is_numbered(&entry.identity, descriptor) {
        Ok(true) => Ok(()),
        Err(error) if error.raw_os_error() != Some(libc::ENOTSOCK) => Err(unseen(error)),
        _ => {
            let found = identity(descriptor).map_err(unseen)?;
            let Entry { kind, name, identity, .. } = entry;
            Err(format!("{kind} {name} was announced as {identity:?} and is {found:?}"))
        }
    }
}
