//! What the owner's machine asks of its driver.

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use crate::failure::Failure;

/// A connection to the control socket, numbered by the driver and never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Output {
    /// Send this frame with these descriptors.
    Send {
        /// On which connection.
        connection: ConnectionId,
        /// The frame.
        frame: Vec<u8>,
        /// What travels with it.
        attachment: Attachment,
    },
    /// Close this connection; drop what has not been sent on it.
    Close(ConnectionId),
    /// List what is to be handed over and answer with `handle_snapshot`.
    TakeSnapshot,
    /// Write this number of an attempt into the token.
    WriteAttempt(u64),
    /// Spawn a successor with the secret given.
    Spawn,
    /// End the process spawned last, whose handoff failed, if it has not ended by itself soon.
    Condemn,
    /// Stop changing what is handed over and answer with `handle_frozen`.
    Freeze,
    /// Go on as before `Freeze`.
    Thaw,
    /// Unlock the token.
    Unlock,
    /// Try to lock the token, hand in every frame that the successor has sent by then, and answer
    /// with `handle_lock`.
    TryLock,
    /// Make a new token and lock it: the old one is locked by nobody that lives.
    RenewToken,
    /// Kill the peer through its pidfd; answer with `handle_fence_failed` if that cannot be. It holds
    /// the token and says nothing.
    Fence(ConnectionId),
    /// Something has happened.
    Event(Event),
}

/// The descriptors that travel with a frame.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Attachment {
    /// None.
    None,
    /// A second open description of the token, then the control listener.
    Token,
    /// Those of the entries in this range of the snapshot.
    Entries(Range<usize>),
}

/// Something that has happened.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Event {
    /// A tool wants an upgrade: answer with `handle_asked_upgrade`.
    UpgradeAsked {
        /// Its connection.
        tool: ConnectionId,
    },
    /// A successor has introduced itself.
    Began {
        /// Its process id.
        pid: u32,
        /// Its build label.
        build: String,
    },
    /// The successor tells what it is doing.
    Progress {
        /// In its own words.
        text: String,
    },
    /// The successor is ready; it did not claim so many entries.
    SuccessorReady {
        /// How many.
        strays: u64,
    },
    /// The successor owns the service. This process drains.
    Owned {
        /// Its process id.
        pid: u32,
        /// Its generation.
        generation: u64,
    },
    /// The handoff failed before the token moved: nothing has changed.
    Failed(Failure),
    /// The handoff failed after the token was let go, and it is this process's again: what the
    /// successor may have taken over is to be put back.
    TakenBack {
        /// Why it failed.
        failure: Failure,
        /// The old token stays locked by a copy in a stranger's hands; there is a new one.
        leaked: bool,
    },
    /// An older generation has finished draining.
    Retired {
        /// Which one.
        generation: u64,
    },
    /// The service is being stopped.
    Stopped,
}
