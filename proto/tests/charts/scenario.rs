//! A handoff, whole or with one fault at one moment, and what its chart looks like.

use std::fmt;

use heirloom_proto::predecessor::ConnectionId;
use heirloom_proto::{MessageKind, Phase};

use crate::event::Side;
use crate::moment::Moment;
use crate::recorder::Recorder;
use crate::render::Drawing;
use crate::support::{Pair, Who, seconds, settings};

/// What becomes of one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Killed(Side),
    /// Stopped until the other side has nothing to do but to go on.
    Frozen(Side),
}

/// What makes a fault take another course.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Twist {
    None,
    /// The survivor is told of the death before it has read what the dead has said.
    DeathFirst,
    /// A forked child of the dead holds its lock.
    Leak,
    /// The predecessor may not kill its successor.
    NoFence,
}

/// Who owns the service when all is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    Successor,
    Predecessor,
    Nobody,
}

impl Fault {
    /// In the order of the table of faults.
    pub(crate) const ALL: [Self; 4] = [
        Self::Killed(Side::Predecessor),
        Self::Killed(Side::Successor),
        Self::Frozen(Side::Predecessor),
        Self::Frozen(Side::Successor),
    ];
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Killed(side) => write!(f, "{} killed", side.letter()),
            Self::Frozen(side) => write!(f, "{} frozen", side.letter()),
        }
    }
}

impl fmt::Display for Twist {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "nothing else",
            Self::DeathFirst => "its death told before what it has said is read",
            Self::Leak => "a forked child of it holds the lock",
            Self::NoFence => "P may not kill it",
        })
    }
}

/// The chart of a handoff in which nothing goes wrong.
pub(crate) fn good() -> String {
    let mut recorder = Recorder::connected(settings());
    recorder.reach(Moment::Transferring);
    recorder.reach(Moment::Preparing);
    recorder.pair.younger().machine.handle_progress("reading the cache");
    recorder.settle();
    recorder.become_ready();
    while !recorder.is_queued(MessageKind::Ready) {
        recorder.step();
    }
    recorder.pair.visit(ConnectionId(9));
    let rest = Moment::ALL.into_iter().skip_while(|moment| *moment < Moment::Committed);
    rest.for_each(|moment| recorder.reach(moment));
    recorder.settle();
    recorder.does(Side::Predecessor, "has finished what was in flight");
    recorder.pair.older.machine.handle_drained();
    recorder.wait_for_all();
    draw(&recorder, None).0
}

/// The chart of a handoff with one fault, and who owns the service then.
pub(crate) fn faulty(moment: Moment, fault: Fault, twist: Twist) -> (String, Owner) {
    let mut settings = settings();
    settings.fence = twist != Twist::NoFence;
    let mut recorder = Recorder::connected(settings);
    recorder.reach(moment.min(Moment::Preparing));
    if moment > Moment::Preparing {
        recorder.become_ready();
        recorder.reach(moment);
    }
    let from = recorder.events.len();
    match fault {
        Fault::Killed(side) => kill(&mut recorder, side, twist),
        Fault::Frozen(side) => freeze(&mut recorder, side),
    }
    draw(&recorder, Some(from))
}

fn kill(recorder: &mut Recorder, side: Side, twist: Twist) {
    let who = match side {
        Side::Predecessor => Who::Older,
        Side::Successor => Who::Younger(0),
    };
    recorder.pair.kernel.leaks = (twist == Twist::Leak).then_some(who);
    recorder.suffers(side, "KILLED");
    match side {
        Side::Predecessor => recorder.pair.kill_older(),
        Side::Successor => recorder.pair.kill_younger(0),
    }
    if twist == Twist::DeathFirst {
        recorder.hears(side.peer(), format!("{} is dead", side.letter()));
        let told = match side {
            Side::Predecessor => recorder.pair.younger_hears(0),
            Side::Successor => recorder.pair.older_hears(0),
        };
        assert!(told);
    }
    recorder.wait_for_all();
}

fn freeze(recorder: &mut Recorder, side: Side) {
    recorder.suffers(side, "FROZEN");
    *frozen(&mut recorder.pair, side) = true;
    recorder.settle();
    if side == Side::Predecessor && recorder.pair.younger_phase() == Phase::Preparing {
        recorder.become_ready();
    }
    recorder.wait_for_all();
    let is_alive = match side {
        Side::Predecessor => recorder.pair.older.alive,
        Side::Successor => recorder.pair.younger().alive,
    };
    if is_alive {
        recorder.pair.now += seconds(120);
        recorder.suffers(side, "THAWED");
        *frozen(&mut recorder.pair, side) = false;
        recorder.wait_for_all();
    }
}

fn frozen(pair: &mut Pair, side: Side) -> &mut bool {
    match side {
        Side::Predecessor => &mut pair.older.frozen,
        Side::Successor => &mut pair.younger().frozen,
    }
}

fn draw(recorder: &Recorder, from: Option<usize>) -> (String, Owner) {
    let owner = match recorder.pair.owners()[..] {
        [Who::Older] => Owner::Predecessor,
        [_] => Owner::Successor,
        _ => Owner::Nobody,
    };
    let end = match owner {
        Owner::Successor => "S owns",
        Owner::Predecessor => "P owns",
        Owner::Nobody => "nobody owns",
    };
    let drawing = Drawing {
        events: &recorder.events,
        from: from.unwrap_or(0),
        is_whole: from.is_none(),
        end,
    };
    (drawing.text(), owner)
}
