//! One fault at one point: what befalls a service of two generations, and what its clients see.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::gave_up::GaveUp;
use super::outcome::Outcome;
use super::scenario::{Begun, Scenario, expect_answer};
use crate::support::control::Tool;
use crate::support::open_loop::{Client, OpenLoop};
use crate::support::{Family, Way, process};
use crate::{expect_failed, expect_owner};

/// How long a side waits for the next step once the successor is ready.
pub(super) const COMMIT: Duration = Duration::from_millis(500);

/// How long a predecessor waits for its successor to become ready.
pub(super) const READY: Duration = Duration::from_millis(2_500);

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Victim {
    First,
    Second,
}

/// What befalls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Killed,
    /// Until everybody else has given up on it; then somebody ends it.
    Frozen,
    /// It goes on once everybody else has given up on it.
    Thawed,
}

/// One case.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) scenario: Scenario,
    pub(super) victim: Victim,
    pub(super) point: String,
    pub(super) fault: Fault,
    pub(super) way: Way,
    pub(super) outcome: Outcome,
}

/// What has been seen in it.
pub(super) struct Course {
    pub(super) clients: Vec<Client>,
    /// The clients whose connections the victim had accepted.
    pub(super) in_flight: BTreeSet<u16>,
    /// When it struck.
    pub(super) struck: Instant,
    /// When whoever owns the service in the end was there to serve.
    pub(super) restored: Instant,
    /// When the last process that had the listener had ended, if every one of them has.
    pub(super) gone: Option<Instant>,
    /// How whoever has waited for a victim that stands still has given up.
    pub(super) gave_up: Option<GaveUp>,
}

/// The processes of one case.
struct Stage<'a> {
    case: &'a Case,
    family: Family,
    address: String,
    first: u32,
    /// Not yet known where the first is still to spawn it.
    second: Option<u32>,
    tool: Option<Tool>,
    leaked: Option<u32>,
    /// When the other was left alone with a victim that stands still.
    alone_since: Instant,
    /// See [`Course`].
    gone: Option<Instant>,
    gave_up: Option<GaveUp>,
}

impl Case {
    /// Lets it happen, and checks everything but what its clients got. `descriptors` is how many a
    /// successor has open that owns the service, without a client.
    pub(super) fn run(&self, descriptors: usize) -> Course {
        let mut family = Family::new();
        family
            .set("COMMIT_MS", &self.scenario.commit().as_millis().to_string())
            .set("READY_MS", &READY.as_millis().to_string())
            .set("PROGRESS", "warming up");
        let (first, address) = family.start_service();
        let before = process::descriptors(first);
        // What an owner had in flight that dies before the fault strikes is none of the victim's.
        let clients = (self.scenario != Scenario::Adopts).then(|| OpenLoop::start(&address));
        let mut stage = self.begin(family, first, address);
        let clients = clients.unwrap_or_else(|| OpenLoop::start(&stage.address));
        let (struck, in_flight) = stage.strike();
        stage.await_others();
        stage.resolve();
        let (owner, restored) = stage.restore();
        // Whoever has lived through it holds what it would hold without it.
        process::expect_level(owner, stage.level(owner, before, descriptors));
        let next = stage.hand_on(owner);
        let clients = clients.stop();
        process::expect_level(next, descriptors);
        let Stage { gone, gave_up, .. } = stage;
        Course { clients, in_flight, struck, restored, gone, gave_up }
    }

    /// Lets it begin, up to the point.
    fn begin(&self, mut family: Family, first: u32, address: String) -> Stage<'_> {
        match self.victim {
            Victim::First => family.hold(first, &self.point),
            Victim::Second => drop(family.hold_next(&self.point)),
        }
        // Where it has to begin afresh it is to be found where the first was.
        family.set_next("LISTEN", &address);
        let Begun { second, tool, leaked } = self.scenario.begin(&mut family, first, self.way);
        let mut stage = Stage {
            case: self,
            family,
            address,
            first,
            second,
            tool,
            leaked,
            alone_since: Instant::now(),
            gone: None,
            gave_up: None,
        };
        let victim = stage.victim();
        stage.family.expect_like(victim, "held", &self.point);
        stage
    }
}

impl Stage<'_> {
    fn victim(&mut self) -> u32 {
        match self.case.victim {
            Victim::First => self.first,
            Victim::Second => self.second(),
        }
    }

    fn second(&mut self) -> u32 {
        *self.second.get_or_insert_with(|| self.family.expect_new())
    }

    /// The fault. The victim stands still before it is killed, so that it can be told whose
    /// connections it had.
    fn strike(&mut self) -> (Instant, BTreeSet<u16>) {
        let victim = self.victim();
        let is_past_owned = self.case.outcome.is_past_owned() && !self.case.scenario.leaves_one();
        if self.case.victim == Victim::Second && is_past_owned {
            self.family.expect(self.first, "exit");
        }
        self.family.freeze(victim);
        let in_flight = process::clients(victim);
        let struck = Instant::now();
        if self.case.fault == Fault::Killed {
            self.family.kill(victim);
            // Where the service begins afresh nobody else had the listener.
            self.gone = Some(Instant::now()).filter(|_| self.case.outcome == Outcome::Afresh);
        }
        if let Some(child) = self.leaked {
            self.family.kill(child);
        }
        (struck, in_flight)
    }

    /// Everybody else goes on, or gives up.
    fn await_others(&mut self) {
        let Self { case, first, .. } = *self;
        match (case.victim, case.outcome) {
            // Nobody has heard of it, or nobody is left to.
            (_, Outcome::Unnoticed) => {}
            _ if case.scenario.leaves_one() => {}
            (Victim::First, outcome) => {
                // There is none yet where the first has not spawned it.
                if let Some(second) = self.second.or_else(|| self.expect_spawned()) {
                    self.case.scenario.stir(&self.family, second);
                    self.alone_since = Instant::now();
                    self.await_second(second, outcome);
                }
            }
            (Victim::Second, Outcome::First) => self.expect_failed(),
            (Victim::Second, _) => self.family.expect_end(first),
        }
    }

    /// The second, if the first has spawned it before it was struck.
    fn expect_spawned(&mut self) -> Option<u32> {
        let is_spawned = !self.case.point.ends_with("-upgrade");
        is_spawned.then(|| self.second())
    }

    fn await_second(&mut self, second: u32, outcome: Outcome) {
        match outcome {
            Outcome::Second | Outcome::Afresh => {
                self.family.expect(second, "ready");
            }
            _ => {
                if self.case.scenario != Scenario::GivesUp {
                    let failed = self.family.expect(second, "failed");
                    self.note(&failed.details);
                }
                self.family.expect_end(second);
            }
        }
    }

    fn expect_failed(&mut self) {
        let Self { case, first, .. } = *self;
        // Of one from elsewhere that has said nothing, or was refused, nothing had begun.
        let had_begun =
            case.scenario != Scenario::Refuses && case.point != "successor.before.send-hello";
        if case.way == Way::Spawned || had_begun {
            expect_failed(&mut self.family, first, case.way);
            let why = self.family.expect_field(first, "reason=");
            self.note(&why.details);
        }
    }

    /// What is said of a victim that stands still, by whoever has waited for it.
    fn note(&mut self, text: &str) {
        if self.case.fault == Fault::Killed || self.gave_up.is_some() {
            return;
        }
        self.gave_up = GaveUp::read(text, self.alone_since);
        let must_have_waited = self.case.scenario == Scenario::Handoff;
        assert!(
            self.gave_up.is_some() || !must_have_waited,
            "it is not said who has waited: {text}"
        );
    }

    /// What becomes of a victim that stands still.
    fn resolve(&mut self) {
        let Self { case, first, .. } = *self;
        let victim = self.victim();
        match case.fault {
            Fault::Killed => return,
            Fault::Frozen => return self.end(victim),
            // Its predecessor has ended it.
            Fault::Thawed if case.outcome == Outcome::First && self.is_fenced() => {}
            Fault::Thawed => self.thaw(victim),
        }
        match (case.victim, case.outcome) {
            (Victim::First, Outcome::First) => self.expect_failed(),
            (Victim::First, _) => self.family.expect_end(first),
            (Victim::Second, Outcome::First | Outcome::Nobody) => self.family.expect_end(victim),
            (Victim::Second, _) => {
                self.family.expect(victim, "ready");
                self.family.expect_end(first);
            }
        }
    }

    /// It goes on, and whoever has asked it something is answered.
    fn thaw(&mut self, victim: u32) {
        self.family.thaw(victim);
        match self.case.victim {
            Victim::First => self.tool.iter_mut().for_each(expect_answer),
            Victim::Second => self.case.scenario.stir(&self.family, victim),
        }
    }

    /// A successor that stands still with the token in its hands has been ended for it.
    fn is_fenced(&self) -> bool {
        let point = self.case.point.as_str();
        let after_lock = ["after.lock", "publish", "before.send-owned"];
        self.case.victim == Victim::Second && after_lock.iter().any(|end| point.ends_with(end))
    }

    /// Somebody ends what stands still, unless that has happened.
    fn end(&mut self, pid: u32) {
        if !self.is_fenced() {
            self.family.signal(pid, Signal::SIGKILL);
        }
        self.family.expect_end(pid);
    }

    /// Whoever owns the service now, and since when. Where nobody is left a supervisor starts it.
    fn restore(&mut self) -> (u32, Instant) {
        let (owner, generation) = match self.case.outcome {
            Outcome::First => (self.first, 1),
            Outcome::Second | Outcome::Unnoticed => (self.second(), 2),
            Outcome::Afresh => (self.second(), 1),
            Outcome::Nobody => (self.supervise(), 1),
        };
        let restored = Instant::now();
        expect_owner(&self.family, owner, generation, &self.address);
        self.family.expect_only(&[owner]);
        (owner, restored)
    }

    fn supervise(&mut self) -> u32 {
        self.family.expect_only(&[]);
        self.gone = Some(Instant::now());
        self.family.set("LISTEN", &self.address.clone());
        let (started, address) = self.family.start_service();
        assert_eq!(address, self.address);
        started
    }

    /// The next upgrade succeeds.
    fn hand_on(&mut self, owner: u32) -> u32 {
        if self.case.scenario == Scenario::Refuses && self.case.outcome == Outcome::Afresh {
            // It is another service now.
            self.family.set_next("SERVICE", "another");
        }
        crate::expect_next_try_succeeds(&mut self.family, owner, &self.address, self.case.way)
    }

    /// How many descriptors the owner has open without a client, if the first had so many before
    /// anything was, and a successor has so many.
    fn level(&mut self, owner: u32, first: usize, successor: usize) -> usize {
        match self.case.outcome {
            Outcome::First | Outcome::Nobody => first,
            Outcome::Second | Outcome::Unnoticed => successor,
            // As a first one, but for what each was born with.
            Outcome::Afresh => {
                first - self.count_inherited(self.first) + self.count_inherited(owner)
            }
        }
    }

    fn count_inherited(&mut self, pid: u32) -> usize {
        self.family.expect(pid, "inherits").details.split(' ').count()
    }
}
