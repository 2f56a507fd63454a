//! What two processes are about when a fault strikes one of them.

use std::collections::BTreeSet;
use std::time::Duration;

use heirloom_proto::Message;

use super::case::{COMMIT, READY, Victim};
use crate::support::control::Tool;
use crate::support::outcome::{FAILED, TAKEN_BACK};
use crate::support::{Family, Way};

/// A course of events with points of its own. Each has its table in `docs/faults.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scenario {
    /// P hands over to S.
    Handoff,
    /// S gives up when it has everything.
    GivesUp,
    /// P gives up on an S that has everything and is not ready in time.
    TimesOut,
    /// P is stopped while an S that has everything warms up.
    Stops,
    /// S holds still instead of taking the token, and P takes it back.
    TakesBack,
    /// S dies with the token, which a forked child of it keeps locked, and P makes a new one.
    Renews,
    /// P dies, a forked child of it keeps the token locked, and S makes a new one.
    Adopts,
    /// P refuses S, which is of another service.
    Refuses,
    /// Somebody asks P how things stand while an S that has everything warms up.
    Asks,
    /// Somebody asks P for another upgrade meanwhile.
    AsksTwice,
    /// Somebody asks P for the upgrade.
    Launches,
}

/// What has begun.
pub(super) struct Begun {
    /// Unless P is still to spawn it.
    pub(super) second: Option<u32>,
    /// Whoever asks.
    pub(super) tool: Option<Tool>,
    /// The child of whoever has died that keeps all it had.
    pub(super) leaked: Option<u32>,
}

impl Scenario {
    pub(super) const ALL: [Self; 11] = [
        Self::Handoff,
        Self::GivesUp,
        Self::TimesOut,
        Self::Stops,
        Self::TakesBack,
        Self::Renews,
        Self::Adopts,
        Self::Refuses,
        Self::Asks,
        Self::AsksTwice,
        Self::Launches,
    ];

    /// The scenario whose table comes next.
    pub(super) fn under(heading: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scenario| scenario.heading() == heading)
    }

    fn heading(self) -> &'static str {
        match self {
            Self::Handoff => "A handoff",
            Self::GivesUp => "S gives up",
            Self::TimesOut => "P gives up on S",
            Self::Stops => "P is stopped",
            Self::TakesBack => "P takes the service back",
            Self::Renews => "P makes a new token",
            Self::Adopts => "S makes a new token",
            Self::Refuses => "P refuses S",
            Self::Asks => "A tool asks how things stand",
            Self::AsksTwice => "A tool asks for a second upgrade",
            Self::Launches => "A tool asks for the upgrade",
        }
    }

    /// How S may come to be.
    pub(super) fn ways(self) -> &'static [Way] {
        match self {
            Self::Launches => &[Way::Spawned],
            _ => &[Way::Spawned, Way::External],
        }
    }

    /// Whether a step is one of its own points: the others are those of any handoff.
    fn has(self, point: &str) -> bool {
        let ends: &[&str] = match self {
            Self::Handoff => return true,
            Self::GivesUp | Self::TimesOut | Self::Stops => &["-abort"],
            Self::TakesBack => return point.starts_with("predecessor") && is_of_taking_back(point),
            Self::Renews | Self::Adopts => &[".renew"],
            Self::Refuses => &["-refuse"],
            Self::Asks => &["-status", "-statusreport"],
            Self::AsksTwice | Self::Launches => &["-upgrade", "-outcome"],
        };
        ends.iter().any(|end| point.ends_with(end))
    }

    /// Whether S is ready only when it is told.
    fn warms_up(self) -> bool {
        use Scenario::{Asks, AsksTwice, GivesUp, Stops, TimesOut};
        matches!(self, GivesUp | TimesOut | Stops | Asks | AsksTwice)
    }

    /// Lets it begin, up to the point at which either is held.
    pub(super) fn begin(self, family: &mut Family, first: u32, way: Way) -> Begun {
        match self {
            Self::Refuses => drop(family.set_next("SERVICE", "another")),
            Self::TakesBack => drop(family.hold_next("successor.before.lock")),
            Self::Renews => drop(family.hold_next("successor.after.lock")),
            Self::Adopts => family.hold(first, "predecessor.after.receive-ready"),
            _ if self.warms_up() => drop(family.set_next("PREPARE", "manual")),
            _ => {}
        }
        let second = (self != Self::Launches).then(|| family.succeed(first, way));
        if let Some(second) = second.filter(|_| self.warms_up()) {
            family.expect(second, "prepared");
        }
        match (self, second) {
            (Self::GivesUp, Some(second)) => family.tell(second, "stop"),
            (Self::Stops, _) => family.tell(first, "stop"),
            _ => {}
        }
        let dies = match self {
            Self::Renews => second,
            Self::Adopts => Some(first),
            _ => None,
        };
        let leaked = dies.map(|pid| leave_child(family, pid));
        let question = match self {
            Self::Asks => Some(Message::Status),
            Self::AsksTwice | Self::Launches => Some(Message::Upgrade),
            _ => None,
        };
        Begun { second, tool: question.map(|question| ask(family, &question)), leaked }
    }

    /// S does now what it has waited with.
    pub(super) fn stir(self, family: &Family, second: u32) {
        match self {
            Self::TimesOut | Self::Stops | Self::Asks | Self::AsksTwice => {
                family.tell(second, "ready")
            }
            Self::TakesBack => family.tell(second, "resume"),
            Self::Handoff | Self::GivesUp | Self::Refuses | Self::Launches => {}
            Self::Renews | Self::Adopts => {}
        }
    }

    /// Whether one of the two has died when the fault strikes the other.
    pub(super) fn leaves_one(self) -> bool {
        matches!(self, Self::Renews | Self::Adopts)
    }

    /// How long a side waits for the next step once S is ready.
    pub(super) fn commit(self) -> Duration {
        match self {
            // One of them has to leave a child behind before the other loses patience.
            Self::Renews | Self::Adopts => 4 * COMMIT,
            _ => COMMIT,
        }
    }

    /// What it comes to when nothing befalls anybody: every point of its own. Those listed are waited
    /// for.
    pub(super) fn record(
        self,
        way: Way,
        listed: &BTreeSet<(Victim, String)>,
    ) -> BTreeSet<(Victim, String)> {
        let mut family = Family::new();
        family.set("RECORD", "yes").set("PROGRESS", "warming up");
        if self == Self::TimesOut {
            family.set("READY_MS", &READY.as_millis().to_string());
        }
        family.set("COMMIT_MS", &self.commit().as_millis().to_string());
        let (first, _) = family.start_service();
        // Its own start took the token.
        family.take_all(first, "step");
        let mut begun = self.begin(&mut family, first, way);
        let second = begun.second.unwrap_or_else(|| family.expect_new());
        match self {
            Self::TimesOut => drop(family.expect_like(first, "log", FAILED)),
            Self::TakesBack | Self::Renews => drop(family.expect_like(first, "log", TAKEN_BACK)),
            // Else it may be ready before that.
            Self::Stops => drop(family.expect(first, "exit")),
            _ => {}
        }
        begun.tool.iter_mut().for_each(expect_answer);
        self.stir(&family, second);
        match self {
            Self::Handoff | Self::Asks | Self::AsksTwice | Self::Launches => {
                family.expect_end(first);
            }
            Self::Adopts => drop(family.expect(second, "ready")),
            _ => family.expect_end(second),
        }
        let of = |victim| if victim == Victim::First { first } else { second };
        for (victim, point) in listed {
            let (pid, what) = (of(*victim), format!("{victim:?} at {point}"));
            family.expect_where(&what, |event| event.pid == pid && event.details == *point);
        }
        let mut points = listed.clone();
        for victim in [Victim::First, Victim::Second] {
            let steps = family.take_all(of(victim), "step").into_iter();
            points.extend(steps.map(|step| (victim, step.details)).filter(|it| self.has(&it.1)));
        }
        points
    }
}

/// A forked child keeps every descriptor of a process that is held with the token, and killed.
fn leave_child(family: &mut Family, pid: u32) -> u32 {
    family.expect(pid, "held");
    family.tell(pid, "leak");
    let child = family.expect(pid, "leaked").details.parse().unwrap();
    family.kill(pid);
    child
}

fn is_of_taking_back(point: &str) -> bool {
    point.ends_with(".lock") || point.ends_with("-abort")
}

fn ask(family: &Family, question: &Message) -> Tool {
    let mut tool = Tool::connect(family.setting("HANDOFF")).unwrap();
    tool.send(question).unwrap();
    tool
}

/// The tool is told what it has asked for.
pub(super) fn expect_answer(tool: &mut Tool) {
    let answer = tool.receive().unwrap();
    assert!(matches!(answer, Message::StatusReport(_) | Message::Outcome(_)), "{answer:?}");
}
