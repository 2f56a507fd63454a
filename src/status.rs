//! How things stand in one process of a service.

use std::fmt;
use std::time::Duration;

use heirloom_proto::{Kind, Phase, StatusReport};

use crate::socket_address::shown;

/// How things stand in one process of a service: what [`Upgrader::status`](crate::Upgrader::status) tells
/// of this one, and [`Tool::status`](crate::tool::Tool::status) of whoever owns the service.
///
/// ```
/// use heirloom::{Phase, Upgrader};
///
/// # fn main() -> Result<(), heirloom::Error> {
/// let upgrader = Upgrader::builder().start()?;
/// upgrader.ready()?;
/// let status = upgrader.status()?;
/// assert_eq!((status.generation, status.phase), (1, Phase::Serving));
/// println!("{status}");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// Which generation it is, or is going to be: 1 for the first.
    pub generation: u64,
    /// Its process id, in its own namespace.
    pub pid: u32,
    /// Its service label.
    pub service: String,
    /// Its build label; empty unless it was set.
    pub build: String,
    /// What it is doing. A successor whose handoff has failed is [`Phase::Stopped`].
    pub phase: Phase,
    /// For how long it has been doing that.
    pub since: Duration,
    /// How long ago it began.
    pub uptime: Duration,
    /// How many entries it would hand over now.
    pub entry_count: u64,
    /// The entries; fewer than [`entry_count`](Self::entry_count) if a frame does not hold them all, which
    /// is so with a thousand or more.
    pub entries: Vec<EntryStatus>,
    /// The older generations that are still draining.
    pub draining: Vec<DrainingStatus>,
    /// How many requests or connections are open here; `None` if nothing counts them.
    pub open: Option<u64>,
    /// The handoff that goes on, once its successor has introduced itself.
    pub handoff: Option<HandoffStatus>,
    /// The last handoff that failed: refused after it had begun, given up, or taken back.
    pub last_failure: Option<FailureStatus>,
}

/// An entry that would be handed over.
///
/// ```
/// # let upgrader = heirloom::testing::first()?;
/// let _listener: std::net::TcpListener = upgrader.fds().bind_as("http", "127.0.0.1:0")?;
/// for entry in upgrader.status()?.entries {
///     println!("{} {} at {}", entry.kind, entry.name, entry.address);
/// }
/// # Ok::<(), heirloom::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EntryStatus {
    /// What it is.
    pub kind: Kind,
    /// The name by which a successor claims it.
    pub name: String,
    /// The local address of a socket, `@name` if it is abstract; empty if it has none.
    pub address: String,
}

/// An older generation that is still draining.
///
/// ```
/// # let upgrader = heirloom::testing::first()?;
/// for elder in upgrader.status()?.draining {
///     println!("generation {}, process {}: {:?} open", elder.generation, elder.pid, elder.open);
/// }
/// # Ok::<(), heirloom::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DrainingStatus {
    /// Which one.
    pub generation: u64,
    /// Its process id, as the kernel told its successor.
    pub pid: u32,
    /// How many requests or connections are open there; `None` if nothing counts them.
    pub open: Option<u64>,
}

/// A handoff that goes on.
///
/// ```
/// # let upgrader = heirloom::testing::first()?;
/// if let Some(handoff) = upgrader.status()?.handoff {
///     println!("to process {} of build {}", handoff.pid, handoff.build);
/// }
/// # Ok::<(), heirloom::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HandoffStatus {
    /// The successor's process id, as the kernel tells it to the predecessor.
    pub pid: u32,
    /// The successor's build label.
    pub build: String,
}

/// A handoff that failed.
///
/// ```
/// # let upgrader = heirloom::testing::first()?;
/// if let Some(failure) = upgrader.status()?.last_failure {
///     println!("{} after {:?}: {}", failure.phase, failure.took, failure.reason);
/// }
/// # Ok::<(), heirloom::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FailureStatus {
    /// What was going on when it failed.
    pub phase: Phase,
    /// Why it failed.
    pub reason: String,
    /// How long the whole handoff had taken.
    pub took: Duration,
    /// How long ago it failed.
    pub ago: Duration,
}

impl From<StatusReport> for Status {
    fn from(report: StatusReport) -> Self {
        let millis = Duration::from_millis;
        let entry = |listed: heirloom_proto::Listed| EntryStatus {
            kind: listed.kind,
            address: shown(listed.address.as_bytes()),
            name: listed.name.as_str().into(),
        };
        let draining = |draining: heirloom_proto::DrainingGeneration| DrainingStatus {
            generation: draining.generation,
            pid: draining.pid,
            open: draining.open,
        };
        let failure = |failure: heirloom_proto::LastFailure| FailureStatus {
            phase: failure.phase,
            reason: failure.text,
            took: millis(failure.took_ms),
            ago: millis(failure.ago_ms),
        };
        let handoff = |heirloom_proto::RunningHandoff { pid, build }| HandoffStatus { pid, build };
        Self {
            generation: report.generation,
            pid: report.pid,
            service: report.service,
            build: report.build,
            phase: report.phase,
            since: millis(report.age_ms),
            uptime: millis(report.uptime_ms),
            entry_count: report.entries,
            entries: report.listed.into_iter().map(entry).collect(),
            draining: report.draining.into_iter().map(draining).collect(),
            open: report.open,
            handoff: report.handoff.map(handoff),
            last_failure: report.last_failure.map(failure),
        }
    }
}

impl fmt::Display for Status {
    /// One line, for people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { service, generation, pid, phase, entry_count, .. } = self;
        write!(
            f,
            "{service}: generation {generation}, process {pid}, {phase}, {entry_count} entries"
        )?;
        for DrainingStatus { generation, pid, .. } in &self.draining {
            write!(f, "; generation {generation}, process {pid}, is draining")?;
        }
        Ok(())
    }
}
