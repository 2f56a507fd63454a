//! One process: its machine, what it holds, and what has become of it.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::time::Duration;

use super::link::Parcel;
use crate::{Predecessor, Successor, predecessor, successor};

/// One process.
#[derive(Clone, Debug, Hash)]
pub(super) struct Process {
    pub(super) part: Part,
    pub(super) fate: Fate,
    /// Its clock stands still but for the deadline that it is at. The machines compare times with
    /// their own deadlines only, and every deadline may be late by any time.
    pub(super) now: Duration,
    /// The next thing that it does which others can see.
    pub(super) next: Option<Next>,
    /// The token that it has an open description of.
    pub(super) token: Option<usize>,
    /// The number of the latest attempt that it knows of.
    pub(super) attempt: u64,
    /// It has a copy of the control listener.
    pub(super) listens: bool,
    /// It has every descriptor of the service.
    pub(super) has_everything: bool,
    /// It takes itself for the owner.
    pub(super) owns: bool,
    /// Which it is, from owning on.
    pub(super) generation: u64,
    /// The application could serve.
    pub(super) is_ready: bool,
    /// The application has stopped changing its state.
    pub(super) is_frozen: bool,
    /// The kernel has refused it the token, or told it that its attempt is void.
    pub(super) was_refused: bool,
    /// It gave the whole service up and was not refused the token.
    pub(super) has_deserted: bool,
    /// `exit()` has fired: another owns the service.
    pub(super) has_exited: bool,
    pub(super) child: Option<Child>,
    /// Connections made so far.
    pub(super) connections: u64,
    /// Which ends of file and deaths it was told of, by process.
    pub(super) told_closed: [bool; 3],
    pub(super) told_died: [bool; 3],
    /// Frames that the queue to a successor does not take yet.
    pub(super) unsent: VecDeque<(usize, Parcel)>,
    /// A frame that breaks the rules comes out of its turn.
    pub(super) withheld: Option<Vec<u8>>,
}

/// What it is in the handoff.
#[derive(Clone, Debug, Hash)]
pub(super) enum Part {
    /// It has not connected.
    Absent,
    Successor(Box<Successor<()>>),
    Predecessor(Box<Predecessor>),
    /// It has failed, or drained, or is dead.
    Gone,
}

/// What has become of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Fate {
    Alive,
    /// It will never do anything again, and keeps what it has.
    Hung,
    /// It was killed. The kernel has yet to let its lock go and to close its sockets, in any order.
    Dying {
        lock: bool,
        sockets: bool,
    },
    /// Its death is told.
    Dead,
}

/// A forked child that does nothing and has a copy of what its parent had.
#[derive(Clone, Copy, Debug, Hash)]
pub(super) struct Child {
    pub(super) token: Option<usize>,
    pub(super) listens: bool,
    /// The connections, by the successor that has made them.
    pub(super) links: [bool; 3],
}

/// Something that others can see.
#[derive(Clone, Debug, Hash)]
pub(super) enum Next {
    Predecessor(predecessor::Output),
    Successor(successor::Output<()>),
}

impl Process {
    pub(super) fn new(part: Part) -> Self {
        Self {
            part,
            fate: Fate::Alive,
            now: Duration::ZERO,
            next: None,
            token: None,
            attempt: 0,
            listens: false,
            has_everything: false,
            owns: false,
            generation: 0,
            is_ready: false,
            is_frozen: false,
            was_refused: false,
            has_deserted: false,
            has_exited: false,
            child: None,
            connections: 0,
            told_closed: [false; 3],
            told_died: [false; 3],
            unsent: VecDeque::new(),
            withheld: None,
        }
    }

    pub(super) fn is_alive(&self) -> bool {
        matches!(self.fate, Fate::Alive | Fate::Hung)
    }

    /// It can do something.
    pub(super) fn acts(&self) -> bool {
        self.fate == Fate::Alive && matches!(self.part, Part::Successor(_) | Part::Predecessor(_))
    }

    /// It can take something in: whatever it was told to do is done.
    pub(super) fn listens_to_the_world(&self) -> bool {
        self.acts() && self.next.is_none()
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        match &self.part {
            Part::Successor(machine) => machine.poll_deadline(),
            Part::Predecessor(machine) => machine.poll_deadline(),
            Part::Absent | Part::Gone => None,
        }
    }

    /// It has nothing to do with the service any more.
    pub(super) fn leave(&mut self) {
        let Self { fate, child, .. } = *self;
        let has_deserted = self.has_everything && !self.was_refused;
        *self = Self { fate, child, has_deserted, ..Self::new(Part::Gone) };
    }

    /// It does nothing any more.
    pub(super) fn hang(&mut self) {
        let Self { token, listens, owns, .. } = *self;
        *self = Self { fate: Fate::Hung, token, listens, owns, ..Self::new(Part::Gone) };
    }

    /// It was killed.
    pub(super) fn kill(&mut self, child: Option<Child>) {
        let Self { listens, .. } = *self;
        let fate = Fate::Dying { lock: true, sockets: true };
        *self = Self { fate, listens, child, ..Self::new(Part::Gone) };
    }
}
