//! What can happen next.

use core::fmt;

use super::PROCESSES;

/// What can happen next. Processes are numbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A process does the next thing that others can see.
    Act(usize),
    /// A fault: it says `Commit` or `Released` and the queue is full, so the frame waits.
    Clog(usize),
    /// The queue has room again.
    Flush(usize),
    /// It takes in one of several things that have come.
    Take(usize, Source),
    /// Its application could serve.
    Ready(usize),
    /// Its nearest deadline passes.
    Timer(usize),
    /// The kernel lets the lock of a killed process go.
    LetLockGo(usize),
    /// The kernel closes the sockets of a killed process.
    CloseSockets(usize),
    /// A successor turns up.
    Connect(usize),
    /// The child of a dead process ends.
    EndChild(usize),
    /// A fault: a process is killed.
    Kill(usize),
    /// A fault: a process is killed that has forked a child, which does nothing and keeps a copy of
    /// all that the process had.
    Leak(usize),
    /// A fault: a process hangs for ever. One that goes on later is no other than one that is slow.
    Hang(usize),
}

/// Where something comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The connection that this process has made: its next frame, or its end.
    Connection(usize),
    /// The death of this process, which the kernel tells.
    Death(usize),
    /// The control listener: a connection to accept, with the first frame on it.
    Listener,
}

impl Source {
    /// Every one.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        let connections = (0..PROCESSES).map(Self::Connection);
        connections.chain((0..PROCESSES).map(Self::Death)).chain([Self::Listener])
    }
}

impl Action {
    /// Every one.
    pub fn all() -> impl Iterator<Item = Self> {
        let takes = |i| Source::all().map(move |source| Self::Take(i, source));
        (0..PROCESSES).flat_map(move |i| {
            let others = [
                Self::Act(i),
                Self::Clog(i),
                Self::Flush(i),
                Self::Ready(i),
                Self::Timer(i),
                Self::LetLockGo(i),
                Self::CloseSockets(i),
                Self::Connect(i),
                Self::EndChild(i),
                Self::Kill(i),
                Self::Hang(i),
                Self::Leak(i),
            ];
            others.into_iter().chain(takes(i))
        })
    }

    /// It goes on by itself: nobody has to come, to recover or to fail for it.
    pub fn is_own_accord(self) -> bool {
        matches!(
            self,
            Self::Act(_)
                | Self::Flush(_)
                | Self::Take(..)
                | Self::Ready(_)
                | Self::Timer(_)
                | Self::LetLockGo(_)
                | Self::CloseSockets(_)
        )
    }

    /// The process that it is about.
    pub(super) fn process(self) -> usize {
        match self {
            Self::Act(i)
            | Self::Clog(i)
            | Self::Flush(i)
            | Self::Take(i, _)
            | Self::Ready(i)
            | Self::Timer(i)
            | Self::LetLockGo(i)
            | Self::CloseSockets(i)
            | Self::Connect(i)
            | Self::EndChild(i)
            | Self::Kill(i)
            | Self::Leak(i)
            | Self::Hang(i) => i,
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Act(i) => write!(f, "{i} acts"),
            Self::Clog(i) => write!(f, "{i} finds the queue FULL"),
            Self::Flush(i) => write!(f, "{i} finds room in the queue"),
            Self::Take(i, Source::Connection(from)) => {
                write!(f, "{i} reads the connection of {from}")
            }
            Self::Take(i, Source::Death(of)) => write!(f, "{i} is told of the death of {of}"),
            Self::Take(i, Source::Listener) => write!(f, "{i} accepts a connection"),
            Self::Ready(i) => write!(f, "the application of {i} is ready"),
            Self::Timer(i) => write!(f, "a deadline of {i} passes"),
            Self::LetLockGo(i) => write!(f, "the kernel lets the lock of {i} go"),
            Self::CloseSockets(i) => write!(f, "the kernel closes the sockets of {i}"),
            Self::Connect(i) => write!(f, "{i} turns up"),
            Self::EndChild(i) => write!(f, "the child of {i} ends"),
            Self::Kill(i) => write!(f, "{i} is KILLED"),
            Self::Leak(i) => write!(f, "{i} is KILLED and leaves a child"),
            Self::Hang(i) => write!(f, "{i} HANGS"),
        }
    }
}
