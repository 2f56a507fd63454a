//! What a watcher is told.

use std::fmt::{self, Write};
use std::time::Duration;

use heirloom_proto::{Cause, Happened, Happening, Phase, RefuseReason};

use crate::error::{ErrorKind, failed, refused};

/// Something that has happened to a service. `pid` is the process it happened to, as the kernel tells it to
/// the owner, and `took` how long the handoff has taken up to then.
///
/// ```
/// use heirloom::tool::Event;
///
/// fn is_over(event: &Event, pid: u32) -> bool {
///     match event {
///         Event::Owned { .. } | Event::Failed { .. } | Event::TakenBack { .. }
///         | Event::Refused { .. } => event.pid() == pid,
///         _ => false,
///     }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the fields mean the same in all of them")]
pub enum Event {
    /// A handoff has begun. One who is kept waiting has not.
    Began { pid: u32, build: String, took: Duration },
    /// The handoff has come to another phase. The process is not known, and 0, before it has introduced
    /// itself.
    Phase { pid: u32, phase: Phase, took: Duration },
    /// The successor tells what it is doing.
    Progress { pid: u32, text: String, took: Duration },
    /// The successor could serve; it has not claimed so many entries.
    Ready { pid: u32, strays: u64, took: Duration },
    /// The successor owns the service. The watch ends: connect again to watch the new owner.
    Owned { pid: u32, generation: u64, took: Duration },
    /// The handoff failed in this phase, and nothing has changed. The kind is that of the error which
    /// [`Tool::upgrade`](super::Tool::upgrade) tells of it.
    Failed { pid: u32, phase: Phase, kind: ErrorKind, reason: String, took: Duration },
    /// The handoff failed in this phase, and the owner has taken the service back. The kind is as in
    /// [`Failed`](Self::Failed).
    TakenBack { pid: u32, phase: Phase, kind: ErrorKind, reason: String, took: Duration },
    /// A successor was refused by an owner that was in this phase. The kind is that of the error which the
    /// successor's start fails with.
    Refused { pid: u32, phase: Phase, kind: ErrorKind, reason: String },
    /// An older generation has finished draining, or has ended.
    Retired { pid: u32, generation: u64 },
    /// The service is stopped.
    Stopped { pid: u32, generation: u64 },
    /// An event of a newer version.
    Other { number: u16, pid: u32, text: String },
}

impl Event {
    /// The process that it happened to; 0 if that is not known.
    ///
    /// ```
    /// # let upgrader = heirloom::testing::first()?;
    /// # upgrader.ready()?;
    /// use heirloom::tool::Tool;
    ///
    /// use std::time::Duration;
    ///
    /// let mut watch = Tool::connect(upgrader.handoff_socket())?.watch()?;
    /// upgrader.stop();
    /// assert_eq!(watch.wait(Duration::from_secs(5))?.pid(), std::process::id());
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn pid(&self) -> u32 {
        match self {
            Self::Began { pid, .. }
            | Self::Phase { pid, .. }
            | Self::Progress { pid, .. }
            | Self::Ready { pid, .. }
            | Self::Owned { pid, .. }
            | Self::Failed { pid, .. }
            | Self::TakenBack { pid, .. }
            | Self::Refused { pid, .. }
            | Self::Retired { pid, .. }
            | Self::Stopped { pid, .. }
            | Self::Other { pid, .. } => *pid,
        }
    }
}

impl From<Happened> for Event {
    fn from(happened: Happened) -> Self {
        let Happened { event, pid, generation, phase, took_ms, number, text } = happened;
        let took = Duration::from_millis(took_ms);
        match event {
            Happening::Began => Self::Began { pid, build: text, took },
            Happening::Phase => Self::Phase { pid, phase, took },
            Happening::Progress => Self::Progress { pid, text, took },
            Happening::Ready => Self::Ready { pid, strays: number, took },
            Happening::Owned => Self::Owned { pid, generation, took },
            Happening::Failed => {
                let kind = kind(number, |cause| failed(Cause::from(cause)));
                Self::Failed { pid, phase, kind, reason: text, took }
            }
            Happening::TakenBack => {
                let kind = kind(number, |cause| failed(Cause::from(cause)));
                Self::TakenBack { pid, phase, kind, reason: text, took }
            }
            Happening::Refused => {
                let kind = kind(number, |reason| refused(RefuseReason::from(reason)));
                Self::Refused { pid, phase, kind, reason: text }
            }
            Happening::Retired => Self::Retired { pid, generation },
            Happening::Stopped => Self::Stopped { pid, generation },
            other => Self::Other { number: other.into(), pid, text },
        }
    }
}

/// What the number of an event means, where it is one that can be known.
fn kind(number: u64, meaning: impl Fn(u16) -> ErrorKind) -> ErrorKind {
    u16::try_from(number).map_or(ErrorKind::Aborted, meaning)
}

/// What somebody else has said, without a control character: it must neither end the line nor move a
/// cursor.
struct Plain<'a>(&'a str);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|letter| match letter.is_control() {
            true => letter.escape_default().fmt(f),
            false => f.write_char(letter),
        })
    }
}

impl fmt::Display for Event {
    /// One line, for people. Control characters in what a process says are escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pid = self.pid();
        match self {
            Self::Began { build, .. } if build.is_empty() => {
                write!(f, "a handoff to process {pid} has begun")
            }
            Self::Began { build, .. } => {
                let build = Plain(build);
                write!(f, "a handoff to process {pid} ({build}) has begun")
            }
            Self::Phase { pid: 0, phase, .. } => phase.fmt(f),
            Self::Phase { phase, .. } => write!(f, "process {pid}: {phase}"),
            Self::Progress { text, .. } => write!(f, "process {pid}: {}", Plain(text)),
            Self::Ready { strays: 0, .. } => write!(f, "process {pid} is ready"),
            Self::Ready { strays, .. } => {
                write!(f, "process {pid} is ready, entries that it has not claimed: {strays}")
            }
            Self::Owned { generation, took, .. } => {
                let ms = took.as_millis();
                write!(
                    f,
                    "process {pid} owns the service as generation {generation}, after {ms} ms"
                )
            }
            Self::Failed { phase, reason, .. } => {
                let reason = Plain(reason);
                write!(f, "the handoff to process {pid} failed while {phase}: {reason}")
            }
            Self::TakenBack { phase, reason, .. } => {
                let reason = Plain(reason);
                write!(f, "the service was taken back from process {pid} while {phase}: {reason}")
            }
            Self::Refused { reason, .. } => {
                write!(f, "process {pid} was refused: {}", Plain(reason))
            }
            Self::Retired { generation, .. } => {
                write!(f, "generation {generation}, process {pid}, has retired")
            }
            Self::Stopped { .. } => f.write_str("the service is stopped"),
            Self::Other { number, text, .. } => {
                write!(f, "event {number} of process {pid}: {}", Plain(text))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_is_one_line_whatever_a_process_says() {
        let event = Event::Progress { pid: 7, text: "a\nb\u{1b}[2J".into(), took: Duration::ZERO };
        assert_eq!(event.to_string(), r"process 7: a\nb\u{1b}[2J");
    }
}
