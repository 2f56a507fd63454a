//! What the successor's machine asks of its driver.

use alloc::string::String;
use alloc::vec::Vec;

use crate::entry::Entry;
use crate::failure::Failure;

/// Something to do.
///
/// ```
/// use std::time::Duration;
/// use heirloom_proto::{Hello, Message, Successor, limits::VERSION, successor::Output};
///
/// # let (service, build) = ("shop".into(), "2.0".into());
/// # let (lowest, highest, features) = (VERSION, VERSION, 0);
/// # let hello = Hello { lowest, highest, features, free_slots: 99, pid: 200, service, build, secret: None };
/// let mut successor = Successor::<()>::new(hello.clone(), Duration::ZERO);
/// while let Some(output) = successor.poll_output() {
///     match output {
///         Output::Send(frame) => assert_eq!(Message::decode(&frame)?, Message::Hello(hello.clone())),
///         other => panic!("a driver would do it: {other:?}"),
///     }
/// }
/// # Ok::<(), heirloom_proto::InvalidMessage>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Output<F> {
    /// Send this frame.
    Send(Vec<u8>),
    /// Keep the second open description of the token, and the control listener; one that is not the
    /// socket at which the predecessor was met is answered with `handle_garbage`.
    Token {
        /// The token.
        token: F,
        /// The control listener.
        listener: F,
    },
    /// Compare each descriptor with its entry, keep them, and answer with `handle_verified`.
    Verify(Vec<(Entry, F)>),
    /// Try to lock the token and answer with `handle_lock`.
    TryLock,
    /// Unlock the token.
    Unlock,
    /// Make a new token and lock it: the old one is locked by nobody that lives.
    RenewToken,
    /// Handle every frame that is queued, then answer with `handle_emptied`.
    Empty,
    /// Rename the PID file into place, listen again on the control socket, and answer with
    /// `handle_published`.
    Publish,
    /// Something has happened.
    Event(Event),
}

/// Something that has happened.
///
/// ```
/// use heirloom_proto::{Failure, Phase, successor::Event};
///
/// let tell = |event: &Event| match event {
///     Event::Owned { orphaned: true, .. } => "adopted the service".into(),
///     Event::Failed(failure) => format!("the predecessor serves on: {failure}"),
///     other => format!("{other:?}"),
/// };
/// let failed = Event::Failed(Failure::Closed { phase: Phase::Greeting });
/// let text = "the predecessor serves on: the peer closed the connection while greeting";
/// assert_eq!(tell(&failed), text);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Event {
    /// Every descriptor is here.
    Inherited,
    /// This process owns the service. The machine has done its work.
    Owned {
        /// The predecessor is gone: it will not say that it has retired.
        orphaned: bool,
        /// The old token stays locked by a copy in a stranger's hands; there is a new one.
        leaked: bool,
        /// What could not be taken over.
        trouble: Option<String>,
        /// The predecessor's last words.
        late_state: Vec<u8>,
    },
    /// This process does not own the service and will not. The machine has done its work.
    Failed(Failure),
}
