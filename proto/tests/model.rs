//! An exhaustive search: every interleaving of both machines' steps with kills, hangs and deadlines.
//!
//! A killed process lets its lock go and closes its socket in any order and at any time after its
//! last step; its death is told when both have happened. A hung process does nothing until it comes
//! to itself, if it ever does. A deadline may pass before the other side has taken one step.
//!
//! In every state that can be reached there is at most one owner. From every state in which nothing
//! is left to do but to let time pass, the service ends up with an owner, unless all that could own
//! it are dead or had given up before.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::collections::HashSet;
use std::fmt::Write;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use heirloom_proto::Phase;
use support::{Pair, Who, hello, seconds, settings};

#[test]
fn no_two_faults_make_two_owners_or_none() {
    let visited = search(World::new(2, 0, true));
    assert!(visited > 3_000, "the search has become shallow: {visited} states");
}

#[test]
fn no_fault_and_no_late_deadline_make_two_owners_or_none() {
    let visited = search(World::new(1, 1, true));
    assert!(visited > 3_000, "the search has become shallow: {visited} states");
}

#[test]
fn without_fence_no_fault_and_no_late_deadline_make_two_owners_or_none() {
    search(World::new(1, 1, false));
}

#[test]
fn a_successor_that_wakes_during_the_next_handoff_does_not_make_two_owners_or_none() {
    let visited = search(World { guests: 1, ..World::forsaken(1, 0) });
    assert!(visited > 300, "the search has become shallow: {visited} states");
}

#[test]
fn a_successor_that_wakes_after_the_next_handoff_does_not_make_two_owners_or_none() {
    let visited = search(World::overtaken(1, 1));
    assert!(visited > 300, "the search has become shallow: {visited} states");
}

#[test]
#[ignore = "takes a minute: run it in release mode after a change to either machine"]
fn no_two_faults_and_no_two_late_deadlines_make_two_owners_or_none() {
    println!("{} states", search(World::new(2, 2, true)));
}

#[test]
#[ignore = "takes minutes: run it in release mode after a change to either machine"]
fn no_three_faults_and_no_three_late_deadlines_make_two_owners_or_none() {
    println!("{} states", search(World::new(3, 3, true)));
}

#[test]
#[ignore = "takes minutes: run it in release mode after a change to either machine"]
fn no_two_faults_and_no_late_deadline_in_two_handoffs_make_two_owners_or_none() {
    println!("{} states", search(World { guests: 1, ..World::forsaken(1, 1) }));
}

/// One world that can come to be, with what may yet happen in it.
#[derive(Clone)]
struct World {
    pair: Pair,
    faults: u8,
    timers: u8,
    /// Successors that may yet connect.
    guests: u8,
    /// Of each process that was killed: what the kernel has yet to do.
    lock_left: [bool; 3],
    socket_left: [bool; 3],
    /// The successor has given up before the kernel had let the owner's lock go.
    deserted: bool,
}

/// Sides are numbered: 0 is the owner, n the n-th successor.
#[derive(Clone, Copy, Debug)]
enum Action {
    Step(usize),
    /// The death of the n-th successor, or of the owner to the n-th successor, is told before what
    /// came earlier is read.
    OlderHears(usize),
    YoungerHears(usize),
    /// A deadline passes, so much after its time.
    Timer(usize, Duration),
    Kill(usize),
    /// The kernel lets the lock of a killed process go.
    Release(usize),
    /// The kernel closes the socket of a killed process.
    Close(usize),
    Hang(usize),
    Awake(usize),
    Connect,
}

impl World {
    /// A handoff whose successor has just said `Ready`.
    fn new(faults: u8, timers: u8, fence: bool) -> Self {
        let mut settings = settings();
        settings.fence = fence;
        let mut pair = Pair::with(1, settings);
        pair.connect(hello());
        assert!(pair.run_until(|pair| pair.younger_phase() == Phase::Committing));
        Self {
            pair,
            faults,
            timers,
            guests: 0,
            lock_left: [false; 3],
            socket_left: [false; 3],
            deserted: false,
        }
    }

    /// The successor was stopped when it had everything, and was given up.
    fn forsaken(faults: u8, timers: u8) -> Self {
        let mut world = Self::new(faults, timers, true);
        world.pair.younger().frozen = true;
        world.pair.pass(seconds(70));
        world.pair.assert_older_owns();
        world
    }

    /// Another successor has come to own the service since.
    fn overtaken(faults: u8, timers: u8) -> Self {
        let mut world = Self::forsaken(faults, timers);
        world.pair.connect(hello());
        world.pair.settle();
        world.pair.assert_younger_owns();
        world
    }

    fn actions(&self) -> impl Iterator<Item = Action> + use<> {
        let sides = 0..=self.pair.youngers.len();
        let each = sides.flat_map(|side| {
            [
                Action::Step(side),
                Action::OlderHears(side),
                Action::YoungerHears(side),
                Action::Timer(side, Duration::ZERO),
                Action::Timer(side, seconds(3)),
                Action::Kill(side),
                Action::Release(side),
                Action::Close(side),
                Action::Hang(side),
                Action::Awake(side),
            ]
        });
        each.chain([Action::Connect])
    }

    /// The world after this action, if it can be taken.
    fn after(&self, action: Action) -> Option<Self> {
        let mut world = self.clone();
        let done = match action {
            Action::Step(side) => world.step(side),
            Action::OlderHears(side) => world.pair.older_hears(side.checked_sub(1)?),
            Action::YoungerHears(side) => world.pair.younger_hears(side.checked_sub(1)?),
            Action::Timer(side, late) => world.let_pass(side, late)?,
            Action::Kill(side) => world.is_alive(side) && world.costs_fault() && world.kill(side),
            Action::Release(side) => world.release(side),
            Action::Close(side) => world.close(side),
            Action::Hang(side) => {
                world.is_alive(side) && world.costs_fault() && world.freeze(side, true)
            }
            Action::Awake(side) => world.freeze(side, false),
            Action::Connect => world.welcome_guest()?,
        };
        done.then_some(world)
    }

    fn step(&mut self, side: usize) -> bool {
        let moved = match side.checked_sub(1) {
            None => self.pair.step_older(),
            Some(index) => self.pair.step_younger(index),
        };
        let given_up = self.pair.younger_phase() == Phase::Stopped;
        self.deserted |= given_up && (self.pair.older.alive || self.lock_left[0]);
        moved
    }

    /// Lets a deadline pass, once all that had arrived was handled.
    fn let_pass(&mut self, side: usize, late: Duration) -> Option<bool> {
        self.timers = self.timers.checked_sub(1)?;
        let Pair { now, older, youngers, .. } = &mut self.pair;
        let (deadline, rest) = match side.checked_sub(1) {
            None => (older.deadline()?, youngers.iter().map(|y| y.link.to_older.len()).sum()),
            Some(i) => (youngers[i].deadline()?, youngers[i].link.to_younger.len()),
        };
        *now = (*now).max(deadline) + late;
        match side.checked_sub(1) {
            None => older.machine.handle_timeout(*now),
            Some(index) => youngers[index].machine.handle_timeout(*now),
        }
        Some(rest == 0)
    }

    fn costs_fault(&mut self) -> bool {
        let left = self.faults.checked_sub(1);
        self.faults = left.unwrap_or_default();
        left.is_some()
    }

    fn is_alive(&self, side: usize) -> bool {
        match side.checked_sub(1) {
            None => self.pair.older.alive,
            Some(index) => self.pair.youngers[index].alive,
        }
    }

    fn kill(&mut self, side: usize) -> bool {
        match side.checked_sub(1) {
            None => {
                self.pair.older.alive = false;
                self.pair.youngers.iter_mut().for_each(|younger| younger.link.to_send.clear());
            }
            Some(index) => self.pair.youngers[index].alive = false,
        }
        (self.lock_left[side], self.socket_left[side]) = (true, true);
        true
    }

    fn release(&mut self, side: usize) -> bool {
        let left = std::mem::replace(&mut self.lock_left[side], false);
        if left {
            let who = side.checked_sub(1).map_or(Who::Older, Who::Younger);
            self.pair.kernel.exit(who);
            self.bury(side);
        }
        left
    }

    fn close(&mut self, side: usize) -> bool {
        let left = std::mem::replace(&mut self.socket_left[side], false);
        if left {
            match side.checked_sub(1) {
                None => self.pair.youngers.iter_mut().for_each(|y| y.link.older_closed = true),
                Some(index) => self.pair.youngers[index].link.younger_closed = true,
            }
            self.bury(side);
        }
        left
    }

    /// Death is told when the kernel has done everything else.
    fn bury(&mut self, side: usize) {
        let reaped = !self.lock_left[side] && !self.socket_left[side];
        match side.checked_sub(1) {
            None => self.pair.older.reaped = reaped,
            Some(index) => self.pair.youngers[index].reaped = reaped,
        }
    }

    fn freeze(&mut self, side: usize, freeze: bool) -> bool {
        let frozen = match side.checked_sub(1) {
            None => &mut self.pair.older.frozen,
            Some(index) => &mut self.pair.youngers[index].frozen,
        };
        std::mem::replace(frozen, freeze) != freeze
    }

    fn welcome_guest(&mut self) -> Option<bool> {
        self.guests = self.guests.checked_sub(1)?;
        self.pair.connect(hello());
        Some(self.pair.older.alive && self.pair.older.machine.phase() == Phase::Serving)
    }

    /// What tells this world from others.
    fn key(&self) -> u64 {
        let Pair { now, kernel, older, youngers } = &self.pair;
        let mut shown = Shown::default();
        write!(shown, "{kernel:?}{:?}{:?}{:?}", older.machine, older.closed, older.told()).unwrap();
        for younger in youngers {
            write!(shown, "{:?}{:?}{:?}", younger.machine, younger.link, younger.told()).unwrap();
            (younger.alive, younger.frozen, younger.reaped, younger.token).hash(&mut shown.0);
        }
        let Shown(mut hasher) = shown;
        (older.alive, older.frozen, older.reaped, older.token).hash(&mut hasher);
        (now, self.faults, self.timers, self.guests).hash(&mut hasher);
        (self.lock_left, self.socket_left, self.deserted).hash(&mut hasher);
        hasher.finish()
    }

    /// Lets time pass without another fault, and looks who owns the service then.
    fn check_end(&self) {
        let mut world = self.clone();
        for side in 0..=world.pair.youngers.len() {
            world.release(side);
            world.close(side);
        }
        let pair = &mut world.pair;
        pair.pass(seconds(10));
        let has_handed_over = pair.older.machine.phase() == Phase::Draining;
        let younger = pair.youngers.last().unwrap();
        let expected = match (pair.older.alive && !has_handed_over, younger.alive) {
            // A hung process holds the token or not; that it does nothing is its supervisor's.
            (true, _) => !pair.older.frozen && (pair.older.fences || !younger.frozen),
            (false, alive) => {
                let first = pair.youngers.len() == 1;
                alive && first && !younger.frozen && !world.deserted
            }
        };
        let owned = !pair.owners().is_empty();
        assert!(owned || !expected, "nobody owns the service: {pair:#?}");
    }
}

/// Hashes what is shown, without keeping it.
#[derive(Default)]
struct Shown(DefaultHasher);

impl Write for Shown {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}

/// Visits every world that can come to be from this one; tells how many there are.
fn search(world: World) -> usize {
    let mut visited = HashSet::from([world.key()]);
    let mut open = vec![world];
    while let Some(world) = open.pop() {
        let mut steps = 0;
        for action in world.actions() {
            let Some(next) = world.after(action) else {
                continue;
            };
            steps += usize::from(matches!(action, Action::Step(_)));
            if visited.insert(next.key()) {
                open.push(next);
            }
        }
        if steps == 0 {
            world.check_end();
        }
    }
    visited.len()
}
