//! What went wrong, for a program and for a person.

use std::error::Error as StdError;
use std::fmt;

use heirloom_proto::{AbortReason, Cause, Failure, Phase, Refuse, RefuseReason};

use crate::slots::way_out;

/// Why something could not be done. [`kind`](Self::kind) tells it to a program; the text tells it
/// to a person, with the numbers and the way out.
///
/// ```
/// use heirloom::{ErrorKind, Upgrader};
///
/// let error = Upgrader::builder().handoff_socket("").start().unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::InvalidAddress);
/// assert!(error.to_string().contains("has 0 bytes, 1 to 107"));
/// ```
///
/// Its `Debug` is for people too, since that is what a `main` that returns it prints.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    phase: Option<Phase>,
    text: String,
    /// What to do about the source, told behind it.
    way_out: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// Kinds of [`Error`].
///
/// ```
/// use heirloom::{ErrorKind, testing};
///
/// let upgrader = testing::first()?;
/// // It has not said that it is ready, so it cannot be upgraded.
/// assert_eq!(upgrader.upgrade().unwrap_err().kind(), ErrorKind::NotReady);
/// # Ok::<(), heirloom::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// No predecessor was found, and one is required.
    Absent,
    /// The predecessor, or this process, is in the middle of another handoff; or it owns the service
    /// for so short a time that the generation before has not heard of it: see the text.
    Busy,
    /// The predecessor, or this process, has not become ready.
    NotReady,
    /// A process of a foreign user answers on the handoff socket.
    Squatted,
    /// The predecessor, of another user, closes the connection without an answer: it does not trust
    /// this process's user.
    Untrusted,
    /// Something holds the handoff socket and does not answer.
    Hung,
    /// The predecessor ended before it had handed everything over.
    DiedMidway,
    /// The handoff socket belongs to another service.
    OtherService,
    /// The two processes have no protocol version in common.
    Incompatible,
    /// The successor's descriptor limit is too low for what is handed over.
    TooFewDescriptors,
    /// The secret of a spawned successor was wrong or used up.
    WrongSecret,
    /// The service is being stopped.
    Stopping,
    /// Too many older generations are still draining.
    TooManyDraining,
    /// A successor owns the service already.
    AlreadyUpgraded,
    /// The successor ended before it owned the service.
    SuccessorExited,
    /// The owner did not begin an upgrade that a tool asked for, or refused its successor: the text tells why.
    Refused,
    /// The peer, or this process, gave the handoff up.
    Aborted,
    /// A step took longer than it may; [`Error::phase`] tells which.
    TimedOut,
    /// The peer broke the protocol.
    Protocol,
    /// A descriptor is not what its entry says.
    Mismatch,
    /// The predecessor lives and owns the service: this process must end.
    NotOwner,
    /// A name is empty, too long or holds a NUL; or a label, or the bytes that go with an entry, are
    /// too long: see the text.
    InvalidName,
    /// The name is in use.
    NameTaken,
    /// An inherited descriptor is in the other blocking mode than its type needs.
    WrongMode,
    /// A descriptor is not of the type asked for.
    WrongType,
    /// Nothing is registered while the service changes hands, nor after that.
    Closed,
    /// An address cannot be used.
    InvalidAddress,
    /// An address belongs to somebody else.
    AddressInUse,
    /// The PID file cannot be written.
    PidFile,
    /// Inherited entries were not claimed, and the policy forbids that.
    Strays,
    /// The predecessor offers a state in no schema that this build reads: the text names both.
    Schema,
    /// The successor could not be spawned.
    Spawn,
    /// The kernel lacks what a handoff needs: memfd, pidfd or sequential-packet sockets.
    Unsupported,
    /// A system call failed.
    Io,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, text: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            phase: None,
            text: text.into(),
            way_out: String::new(),
            source: None,
        }))
    }

    pub(crate) fn io(text: impl Into<String>, error: std::io::Error) -> Self {
        let kind = match error.kind() {
            std::io::ErrorKind::AddrInUse => ErrorKind::AddressInUse,
            std::io::ErrorKind::InvalidInput => ErrorKind::InvalidAddress,
            std::io::ErrorKind::Unsupported => ErrorKind::Unsupported,
            _ => ErrorKind::Io,
        };
        let mut failed = Self::new(kind, text);
        failed.0.way_out = way_out(&error);
        failed.because(error)
    }

    pub(crate) fn because(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// What went wrong.
    ///
    /// ```no_run
    /// # let upgrader = heirloom::testing::first()?;
    /// use heirloom::ErrorKind;
    ///
    /// match upgrader.ready() {
    ///     Ok(()) => {}
    ///     Err(error) if error.kind() == ErrorKind::PidFile => eprintln!("mend it and call again: {error}"),
    ///     Err(error) => return Err(error), // this process does not own the service
    /// }
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What was going on in the handoff that failed.
    ///
    /// ```no_run
    /// # let upgrader = heirloom::testing::first()?;
    /// if let Err(error) = upgrader.upgrade() {
    ///     let phase = error.phase().map(|phase| phase.to_string()).unwrap_or_default();
    ///     eprintln!("the upgrade failed while {phase}: {error}");
    /// }
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn phase(&self) -> Option<Phase> {
        self.0.phase
    }

    /// An upgrade that cannot begin, from the view of the process that was asked for it.
    pub(crate) fn not_now(failure: Failure) -> Self {
        let drained = |refuse: &Refuse| refuse.phase == Phase::Draining;
        match &failure {
            Failure::Refused(refuse) if drained(refuse) => {
                let text = "this process has handed the service over already";
                Self::new(ErrorKind::AlreadyUpgraded, text).because(failure)
            }
            _ => failure.into(),
        }
    }

    /// A process of a user whom this one trusts, and which says nothing to it.
    pub(crate) fn untrusted(failure: Failure, pid: i32, user: u32, own: u32) -> Self {
        let mut error = Self::from(failure);
        error.0.kind = ErrorKind::Untrusted;
        error.0.text = format!(
            "process {pid} of user {user} closed the connection without an answer, as it does to \
             users whom it does not trust: start this process as user {user}, or name user {own} \
             there with `trust_user`"
        );
        error
    }

    /// A handoff that failed, from the predecessor's view.
    pub(crate) fn upgrade_failed(failure: Failure) -> Self {
        let ended = matches!(failure, Failure::Died { .. } | Failure::Closed { .. });
        let mut error = Self::from(failure);
        if ended {
            error.0.kind = ErrorKind::SuccessorExited;
        }
        error
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {self}", self.0.kind)
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        let (kind, phase) = match &failure {
            Failure::Refused(refuse) => (refused(refuse.reason), Some(refuse.phase)),
            // What could not be published is the predecessor's again: nothing is to be mended here.
            Failure::Aborted(abort) if abort.reason == AbortReason::Publish => {
                (ErrorKind::NotOwner, None)
            }
            Failure::PeerAborted(abort) | Failure::Aborted(abort) => (aborted(abort.reason), None),
            Failure::Closed { phase } | Failure::Died { phase, .. } => {
                (ErrorKind::DiedMidway, Some(*phase))
            }
            Failure::TimedOut { phase: Phase::Greeting, .. } => {
                (ErrorKind::Hung, Some(Phase::Greeting))
            }
            Failure::TimedOut { phase, .. } => (ErrorKind::TimedOut, Some(*phase)),
            Failure::Invalid(_) | Failure::Misbehaved(_) => (ErrorKind::Protocol, None),
            Failure::Incompatible(_) => (ErrorKind::Incompatible, None),
            Failure::TokenHeld | Failure::Superseded { .. } => (ErrorKind::NotOwner, None),
            Failure::Spawn(_) => (ErrorKind::Spawn, None),
            _ => (ErrorKind::Aborted, None),
        };
        let text = match kind {
            ErrorKind::Hung => format!(
                "the predecessor does not answer, {failure}: it is frozen, or has no descriptor slot \
                 for a successor; thaw it, or raise its LimitNOFILE"
            ),
            _ => failure.to_string(),
        };
        let mut error = Self::new(kind, text).because(failure);
        error.0.phase = phase;
        error
    }
}

pub(crate) fn refused(reason: RefuseReason) -> ErrorKind {
    match reason {
        RefuseReason::Busy => ErrorKind::Busy,
        RefuseReason::NotReady => ErrorKind::NotReady,
        RefuseReason::Version => ErrorKind::Incompatible,
        RefuseReason::Service => ErrorKind::OtherService,
        RefuseReason::Slots => ErrorKind::TooFewDescriptors,
        RefuseReason::Secret | RefuseReason::SecretUsed => ErrorKind::WrongSecret,
        RefuseReason::Stopping => ErrorKind::Stopping,
        RefuseReason::DrainingCap => ErrorKind::TooManyDraining,
        _ => ErrorKind::Aborted,
    }
}

/// What a tool is told of a handoff that failed.
pub(crate) fn failed(cause: Cause) -> ErrorKind {
    match cause {
        Cause::Refused => ErrorKind::Refused,
        Cause::Exited => ErrorKind::SuccessorExited,
        Cause::TimedOut => ErrorKind::TimedOut,
        Cause::Protocol => ErrorKind::Protocol,
        Cause::NotStarted => ErrorKind::Spawn,
        Cause::Void => ErrorKind::NotOwner,
        _ => ErrorKind::Aborted,
    }
}

fn aborted(reason: AbortReason) -> ErrorKind {
    match reason {
        AbortReason::TimedOut => ErrorKind::TimedOut,
        AbortReason::Protocol => ErrorKind::Protocol,
        AbortReason::Mismatch => ErrorKind::Mismatch,
        AbortReason::Stopping => ErrorKind::Stopping,
        AbortReason::Publish => ErrorKind::PidFile,
        AbortReason::TakenBack => ErrorKind::NotOwner,
        AbortReason::Truncated => ErrorKind::TooFewDescriptors,
        _ => ErrorKind::Aborted,
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)?;
        match &self.0.source {
            Some(source) if source.to_string() != self.0.text => write!(f, ": {source}")?,
            _ => {}
        }
        f.write_str(&self.0.way_out)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}
