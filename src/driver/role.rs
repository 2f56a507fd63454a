//! What this process is in the handoff, and who handles what comes in.

use std::time::Duration;

use heirloom_proto::predecessor::ConnectionId;
use heirloom_proto::{Abort, AbortReason, Failure, Phase, StatusReport};

use crate::error::Error;
use crate::holdings::{Holdings, Unsent};
use crate::predecessor::PredecessorSide;
use crate::reply::Reply;
use crate::state::Answer;
use crate::step::Side;
use crate::successor::{Settled, SuccessorSide};
use crate::sys::channel::{Fault, Received};

/// What this process is in the handoff.
pub(crate) enum Role {
    Successor(Box<SuccessorSide>),
    Predecessor(Box<PredecessorSide>),
    /// The handoff failed: this process never owned the service.
    Failed(Failure),
}

impl From<Settled> for Role {
    fn from(settled: Settled) -> Self {
        match settled {
            Settled::Owner(side) => Self::Predecessor(side),
            Settled::Failed(failure) => Self::Failed(failure),
        }
    }
}

impl Role {
    pub(super) fn side(&self) -> Side {
        match self {
            Self::Successor(_) => Side::Successor,
            _ => Side::Predecessor,
        }
    }

    pub(super) fn handle_frame(
        &mut self,
        holdings: &Holdings,
        connection: ConnectionId,
        received: Received<'_>,
        now: Duration,
    ) {
        match self {
            Self::Successor(side) => side.handle_frame(received, now),
            Self::Predecessor(side) => {
                side.machine(holdings).handle_frame(connection, received.frame, now);
            }
            Self::Failed(_) => {}
        }
    }

    /// A connection has brought something that is no frame.
    pub(super) fn handle_fault(
        &mut self,
        holdings: &Holdings,
        connection: ConnectionId,
        fault: &Fault,
        now: Duration,
    ) {
        let reason = match (&self, fault) {
            (Self::Successor(_), Fault::Truncated { .. }) => AbortReason::Truncated,
            _ => AbortReason::Protocol,
        };
        let text = match (&self, fault) {
            (Self::Predecessor(_), Fault::Truncated { .. }) => {
                "descriptors came where none are taken".into()
            }
            _ => fault.to_string(),
        };
        let failure = Failure::Aborted(Abort::new(reason, &text));
        match self {
            Self::Successor(side) => side.machine().handle_garbage(failure, now),
            Self::Predecessor(side) => {
                side.machine(holdings).handle_garbage(connection, failure, now)
            }
            Self::Failed(_) => {}
        }
    }

    pub(super) fn handle_closed(
        &mut self,
        holdings: &Holdings,
        connection: ConnectionId,
        now: Duration,
    ) {
        match self {
            Self::Successor(side) => side.machine().handle_closed(now),
            Self::Predecessor(side) => side.machine(holdings).handle_closed(connection, now),
            Self::Failed(_) => {}
        }
    }

    pub(super) fn handle_died(
        &mut self,
        holdings: &Holdings,
        connection: ConnectionId,
        status: Option<String>,
        now: Duration,
    ) {
        match self {
            Self::Successor(side) => side.machine().handle_peer_died(now),
            Self::Predecessor(side) => {
                side.machine(holdings).handle_peer_died(connection, status, now);
            }
            Self::Failed(_) => {}
        }
    }

    pub(super) fn send(
        &mut self,
        holdings: &mut Holdings,
        connection: ConnectionId,
        unsent: Unsent,
    ) {
        match self {
            Self::Successor(side) => side.send(holdings, unsent),
            Self::Predecessor(side) => side.send(holdings, connection, unsent),
            Self::Failed(_) => {}
        }
    }

    /// The application could serve.
    pub(super) fn ready(&mut self, holdings: &mut Holdings, reply: Reply<()>) {
        match self {
            Self::Successor(side) => side.ready(holdings, reply),
            Self::Predecessor(side) => reply.send(side.ready(holdings)),
            Self::Failed(failure) => reply.send(Err(Error::from(failure.clone()))),
        }
    }

    /// The application has answered for its state: only an owner asks.
    pub(super) fn answered(&mut self, holdings: &Holdings, number: u64, answer: Answer) {
        if let Self::Predecessor(side) = self {
            side.answered(holdings, number, answer);
        }
    }

    /// The application cannot go on with what is handed over. An owner has nobody to give it back to.
    pub(super) fn give_up(&mut self, why: &str) {
        if let Self::Successor(side) = self {
            side.abandon(why);
        }
    }

    /// How things stand.
    pub(super) fn report(&self, holdings: &Holdings) -> StatusReport {
        match self {
            Self::Successor(side) => side.report(holdings),
            Self::Predecessor(side) => side.report(holdings),
            Self::Failed(_) => {
                let origin = holdings.origin.as_ref();
                let generation = origin.map_or(1, |origin| origin.generation.saturating_add(1));
                holdings.report(generation, Phase::Stopped, holdings.failed_at())
            }
        }
    }

    pub(super) fn handle_timeout(&mut self, due: Duration) {
        match self {
            Self::Successor(side) => side.machine().handle_timeout(due),
            Self::Predecessor(side) => side.handle_timeout(due),
            Self::Failed(_) => {}
        }
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        match self {
            Self::Successor(side) => side.machine_deadline(),
            Self::Predecessor(side) => side.deadline(),
            Self::Failed(_) => None,
        }
    }
}
