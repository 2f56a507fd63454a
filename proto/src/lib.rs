//! What two generations of a service say to each other when one hands itself to the next.
//!
//! > At every instant, whatever is killed, frozen or slow, the service is being served, and at
//! > most one process owns it.
//!
//! This crate holds the messages, the manifest and both state machines. It does no I/O and reads no
//! clock: inputs are pushed in with `handle_*`, outputs are taken with `poll_*`, time is an argument
//! (a [`Duration`](core::time::Duration) since any fixed point). `heirloom` drives it over real
//! sockets; tests drive both machines in memory, with a clock they wind by hand.
//!
//! A whole handoff, without a process, a socket or a clock. What a kernel knows of the token is two
//! variables; what is left out with `_` tells the application, or concerns handoffs that go wrong.
//!
//! ```
//! use std::time::Duration;
//! use heirloom_proto::predecessor::{self, Attachment, ConnectionId, Predecessor};
//! use heirloom_proto::successor::{self, Event, Successor};
//! use heirloom_proto::{Hello, Lock, Phase, Timeouts, limits::VERSION};
//!
//! # let (service, build, timeouts) = ("shop".into(), "1.0".into(), Timeouts::default());
//! # let (generation, pid, attempt, draining_cap, fence) = (1, 100, 0, 2, true);
//! # let settings = predecessor::Settings {
//! #     service, build, generation, pid, attempt, timeouts, draining_cap, fence
//! # };
//! # let (service, build, secret) = ("shop".into(), "2.0".into(), None);
//! # let (lowest, highest, features, free_slots, pid) = (VERSION, VERSION, 0, 1_000, 200);
//! # let hello = Hello { lowest, highest, features, free_slots, pid, service, build, secret };
//! let (now, connection) = (Duration::ZERO, ConnectionId(1));
//! let mut old = Predecessor::new(settings, Vec::new(), now);
//! old.handle_ready(now);
//! old.handle_connected(connection, 200, now);
//! let mut new = Successor::new(hello, now);
//!
//! let (mut holder, mut attempt) = (Some("old"), 0);
//! loop {
//!     if let Some(output) = old.poll_output() {
//!         match output {
//!             predecessor::Output::Send { frame, attachment, .. } => {
//!                 let descriptors = match attachment {
//!                     Attachment::None => Vec::new(),
//!                     Attachment::Token => vec![(), ()],
//!                     Attachment::Entries(range) => vec![(); range.len()],
//!                 };
//!                 old.handle_sent(connection, now);
//!                 new.handle_frame(&frame, descriptors, now);
//!             }
//!             predecessor::Output::TakeSnapshot => old.handle_snapshot(Vec::new(), now),
//!             predecessor::Output::WriteAttempt(number) => attempt = number,
//!             predecessor::Output::Freeze => old.handle_frozen(Ok(Vec::new()), now),
//!             predecessor::Output::Unlock => holder = None,
//!             predecessor::Output::TryLock if holder == Some("new") => {
//!                 old.handle_lock(Lock::Held { attempt }, now);
//!             }
//!             _ => {}
//!         }
//!     } else if let Some(output) = new.poll_output() {
//!         match output {
//!             successor::Output::Send(frame) => {
//!                 new.handle_sent(now);
//!                 old.handle_frame(connection, &frame, now);
//!             }
//!             successor::Output::Verify(_) => new.handle_verified(Ok(()), now),
//!             successor::Output::Event(Event::Inherited) => new.handle_ready(Vec::new(), now),
//!             successor::Output::TryLock if holder.is_none() => {
//!                 holder = Some("new");
//!                 new.handle_lock(Lock::Got { attempt }, now);
//!             }
//!             successor::Output::Empty => new.handle_emptied(),
//!             successor::Output::Publish => new.handle_published(Ok(())),
//!             _ => {}
//!         }
//!     } else {
//!         break;
//!     }
//! }
//! assert_eq!(holder, Some("new"));
//! assert_eq!((old.phase(), new.phase()), (Phase::Draining, Phase::Serving));
//! ```
//!
//! The byte layout is fixed by `PROTOCOL.md` beside this crate, not by the encoder in use.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        reason = "a test fails by panicking"
    )
)]

extern crate alloc;

mod abort;
mod codec;
mod entry;
mod error;
mod failure;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod late_state;
pub mod limits;
mod manifest;
mod message;
mod message_kind;
mod name;
mod phase;
pub mod predecessor;
mod refuse;
mod schema;
pub mod successor;
mod timeouts;

pub use abort::{Abort, AbortReason};
pub use codec::BodyError;
pub use entry::{Address, Entry, FileId, Identity, Kind, Opaque, Socket, TooLong};
pub use error::{InvalidMessage, PeerIncompatible, PeerMisbehaved};
pub use failure::{Cause, Failure};
pub use late_state::{InvalidLateState, LateState, Words};
pub use manifest::{Batches, Manifest};
pub use message::{
    Commit, DrainingGeneration, Happened, Happening, Hello, LastFailure, Listed, Message, Open,
    Outcome, Progress, Ready, Received, RunningHandoff, Secret, StatusReport, Welcome,
};
pub use message_kind::MessageKind;
pub use name::{InvalidName, Name};
pub use phase::Phase;
pub use predecessor::Predecessor;
pub use refuse::{Refuse, RefuseReason};
pub use schema::{InvalidSchema, Schema};
pub use successor::Successor;
pub use timeouts::Timeouts;

/// What the kernel answered to an attempt to lock the token.
///
/// ```
/// use heirloom_proto::Lock;
///
/// // What a process goes by that was told of attempt 3.
/// let is_void = |lock| match lock {
///     Lock::Got { attempt } | Lock::Held { attempt } => attempt != 3,
/// };
/// assert!(is_void(Lock::Held { attempt: 4 }));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lock {
    /// The token is locked by this process now. It carries the number of the latest attempt, which
    /// the owner writes into it before it says [`Welcome`].
    Got {
        /// The latest attempt to hand the service over.
        attempt: u64,
    },
    /// Another open description holds the lock. The number in the token is read all the same: it
    /// tells whether the holder can be the peer of this attempt at all.
    Held {
        /// The latest attempt to hand the service over.
        attempt: u64,
    },
}
