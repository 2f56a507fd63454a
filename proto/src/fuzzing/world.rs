//! Three processes, a kernel and a control socket: whole lives of a service, in memory.
//!
//! Process 0 owns the service; 1 and 2 turn up when they are told to. They run the real machines and
//! do what a driver does. Everything that others can see is an [`Action`] of its own, so whoever
//! chooses the actions chooses the interleaving, and every fault in it. [`World::after`] tells when
//! one of the laws of [`Violation`] is broken.
//!
//! A killed process lets its lock go and closes its sockets in any order, at any time after its last
//! step; its death is told when both have happened. A deadline may pass as soon as nothing that has
//! come is left to be read, so every process may be as slow as it likes for the others.
//!
//! | left out | because |
//! |---|---|
//! | when a process takes in what has come | nobody can tell, until it does something |
//! | a process that hangs and goes on | it is no other than a slow one |
//! | frames that are no message, descriptors that are not what their entry says | they end a connection as a deadline does |
//! | the order of two deadlines of one process | either ends a connection or a handoff |
//! | a queue that is full, but at `Commit` and `Released` | whoever sends is as slow then as one that hangs |
//! | spawning, stopping, what cannot be published, the way to drain | each is tested by itself |

mod action;
mod arrival;
mod fault;
mod kernel;
mod law;
mod link;
mod predecessor;
mod process;
mod successor;
mod tell;
mod weakness;

use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;
use core::hash::BuildHasher;
use core::time::Duration;

pub use action::{Action, Source};
use kernel::Kernel;
pub use law::Violation;
use link::{Link, Listener};
use process::{Fate, Next, Part, Process};
pub use weakness::Weakness;

use crate::message::Hello;
use crate::predecessor::Settings;
use crate::timeouts::Timeouts;
use crate::{Phase, Predecessor};

/// How many processes there are.
pub const PROCESSES: usize = 3;

/// What the predecessor's application says last.
const LAST_WORDS: &[u8] = b"last words";

/// Everything there is, at one moment.
#[derive(Clone)]
pub struct World {
    weakness: Option<Weakness>,
    /// How many more faults there may be.
    faults: u8,
    kernel: Kernel,
    listener: Listener,
    processes: [Arc<Process>; PROCESSES],
    /// The connection that each process has made as a successor.
    links: [Option<Arc<Link>>; PROCESSES],
    /// Whose PID is in the file.
    published: usize,
    /// The attempt for which the token was let go on purpose: its successor knows the last words.
    let_go: Option<u64>,
    /// Who has ever owned the service.
    has_owned: [bool; PROCESSES],
}

impl World {
    /// Process 0 owns the service, nobody else has begun. There may be so many faults: a process is
    /// killed, with a child left behind or without, or hangs, or finds a queue full.
    pub fn new(faults: u8, weakness: Option<Weakness>) -> Self {
        let mut owner = Predecessor::new(settings(1, 0, weakness), alloc::vec![], Duration::ZERO);
        owner.handle_ready(Duration::ZERO);
        let owner = Process {
            token: Some(0),
            listens: true,
            has_everything: true,
            owns: true,
            is_ready: true,
            generation: 1,
            ..Process::new(Part::Predecessor(owner.into()))
        };
        let other = || Arc::new(Process::new(Part::Absent));
        Self {
            weakness,
            faults,
            kernel: Kernel::new(),
            listener: Listener { told: 0, queue: Default::default() },
            processes: [Arc::new(owner), other(), other()],
            links: [None, None, None],
            published: 0,
            let_go: None,
            has_owned: [true, false, false],
        }
    }

    /// What this world is after an action. `None` if the action cannot be taken in it.
    ///
    /// # Errors
    ///
    /// The law that is broken by then.
    pub fn after(&self, action: Action) -> Option<Result<Self, Violation>> {
        if !self.allows(action) {
            return None;
        }
        let mut world = self.clone();
        let outcome = world.perform(action).and_then(|()| world.catch_up());
        world.forget_links();
        Some(outcome.map(|()| world))
    }

    /// The owner that can act, and its generation.
    pub fn owner(&self) -> Option<(usize, u64)> {
        let owner = self.processes.iter().position(|process| process.acts() && process.owns)?;
        match &self.processes[owner].part {
            Part::Predecessor(_) => Some((owner, self.processes[owner].generation)),
            _ => None,
        }
    }

    /// What tells this world from others, in hashes: one for each process, and one for the rest.
    /// `before` is a world of which this one comes, with its hashes: what they share is not hashed
    /// again.
    pub fn hashes(
        &self,
        state: &impl BuildHasher,
        before: Option<(&Self, &[u64; PROCESSES + 1])>,
    ) -> [u64; PROCESSES + 1] {
        let mut hashes = [0; PROCESSES + 1];
        for (index, process) in self.processes.iter().enumerate() {
            hashes[index] = match before {
                Some((before, known)) if Arc::ptr_eq(process, &before.processes[index]) => {
                    known[index]
                }
                _ => state.hash_one(process),
            };
        }
        let Self { faults, kernel, listener, links, published, let_go, has_owned, .. } = self;
        let rest = (faults, kernel, listener, links, published, let_go, has_owned);
        hashes[PROCESSES] = state.hash_one(rest);
        hashes
    }

    /// Forgets connections of which neither end is in use.
    fn forget_links(&mut self) {
        for (i, (process, link)) in self.processes.iter().zip(&mut self.links).enumerate() {
            let unused = |link: &mut Arc<Link>| {
                let accepted = link.acceptor.is_some() && !link.is_left && !link.predecessor_closed;
                let unsettled = match &process.part {
                    Part::Successor(_) => true,
                    Part::Predecessor(machine) => {
                        machine.elders().iter().any(|elder| !elder.drains)
                    }
                    Part::Absent | Part::Gone => false,
                };
                !unsettled
                    && !accepted
                    && !self.listener.queue.contains(&i)
                    && !process.child.is_some_and(|child| child.links.contains(&true))
            };
            link.take_if(unused);
        }
    }

    fn process(&mut self, index: usize) -> &mut Process {
        Arc::make_mut(&mut self.processes[index])
    }

    fn link(&mut self, index: usize) -> Option<&mut Link> {
        self.links[index].as_mut().map(Arc::make_mut)
    }

    fn is_weak(&self, weakness: Weakness) -> bool {
        self.weakness == Some(weakness)
    }

    /// Whether an action can be taken.
    pub fn allows(&self, action: Action) -> bool {
        match action {
            Action::Act(i) => self.processes[i].acts() && self.processes[i].next.is_some(),
            Action::Clog(i) => self.faults > 0 && self.can_clog(i),
            Action::Flush(i) => {
                self.processes[i].listens_to_the_world() && !self.processes[i].unsent.is_empty()
            }
            Action::Take(i, source) => self.has_come(i, source),
            Action::Ready(i) => {
                let process = &self.processes[i];
                self.waits(i) && process.has_everything && !process.is_ready
            }
            Action::Timer(i) => {
                self.waits(i)
                    && self.processes[i].deadline().is_some()
                    && !self.is_weak(Weakness::WaitsForEver)
            }
            Action::LetLockGo(i) => {
                matches!(self.processes[i].fate, Fate::Dying { lock: true, .. })
            }
            Action::CloseSockets(i) => {
                matches!(self.processes[i].fate, Fate::Dying { sockets: true, .. })
            }
            Action::Connect(i) => {
                self.processes[i].is_alive() && matches!(self.processes[i].part, Part::Absent)
            }
            Action::EndChild(i) => {
                self.processes[i].child.is_some() && self.processes[i].fate == Fate::Dead
            }
            Action::Kill(i) => {
                let process = &self.processes[i];
                self.faults > 0 && (process.acts() || process.fate == Fate::Hung)
            }
            Action::Leak(i) => {
                let process = &self.processes[i];
                self.faults > 0 && process.acts() && process.token.is_some()
            }
            Action::Hang(i) => self.faults > 0 && self.processes[i].acts(),
        }
    }

    fn perform(&mut self, action: Action) -> Result<(), Violation> {
        match action {
            Action::Act(i) => {
                match self.process(i).next.take() {
                    Some(Next::Predecessor(output)) => self.act_as_predecessor(i, output)?,
                    Some(Next::Successor(output)) => self.act_as_successor(i, output)?,
                    None => {}
                }
                return self.go_on(i);
            }
            Action::Clog(i) => self.clog(i),
            Action::Flush(i) => self.flush(i),
            Action::Take(i, source) => self.take(i, source),
            Action::Ready(i) => self.become_ready(i),
            Action::Timer(i) => self.let_deadline_pass(i),
            Action::LetLockGo(i) => self.let_lock_go(i),
            Action::CloseSockets(i) => self.close_sockets(i),
            Action::Connect(i) => {
                self.connect(i);
                // One of the two says nothing for as long as it likes.
                if i == 1 {
                    self.go_on(i)?;
                    return self.perform(Action::Act(i));
                }
            }
            Action::EndChild(i) => {
                self.process(i).child = None;
                self.let_lock_go(i);
                self.close_sockets(i);
            }
            Action::Kill(i) => self.kill(i, None),
            Action::Leak(i) => self.kill(i, Some(self.copies(i))),
            Action::Hang(i) => self.hang(i),
        }
        self.go_on(action.process())
    }

    /// Takes from the machine what it wants next, up to something that others can see.
    fn go_on(&mut self, i: usize) -> Result<(), Violation> {
        let more = match self.processes[i].part {
            Part::Predecessor(_) => self.go_on_as_predecessor(i)?,
            Part::Successor(_) => self.go_on_as_successor(i)?,
            Part::Absent | Part::Gone => false,
        };
        if !more {
            self.process(i).now = Duration::ZERO;
        }
        Ok(())
    }

    fn become_ready(&mut self, i: usize) {
        let process = self.process(i);
        process.is_ready = true;
        match &mut process.part {
            Part::Successor(machine) => machine.handle_ready(alloc::vec![], process.now),
            Part::Predecessor(machine) => machine.handle_ready(process.now),
            Part::Absent | Part::Gone => {}
        }
    }

    fn let_deadline_pass(&mut self, i: usize) {
        let gives_up = self.is_weak(Weakness::GivesUpWithoutToken);
        let process = self.process(i);
        process.now = process.deadline().unwrap_or_default();
        match &mut process.part {
            Part::Successor(machine)
                if gives_up && matches!(machine.phase(), Phase::Committing | Phase::Releasing) =>
            {
                machine.handle_abandoned("it took too long");
            }
            Part::Successor(machine) => machine.handle_timeout(process.now),
            Part::Predecessor(machine) => machine.handle_timeout(process.now),
            Part::Absent | Part::Gone => {}
        }
    }

    /// Whoever comes to own, or owns again, listens again and puts his PID into the file.
    fn publish(&mut self, i: usize) {
        if self.is_weak(Weakness::PublishesNothing) {
            return;
        }
        self.listener.told = i;
        self.published = i;
        if !self.is_weak(Weakness::KeepsEarlierConnections) {
            self.close_queue();
        }
    }
}

fn settings(generation: u64, attempt: u64, weakness: Option<Weakness>) -> Settings {
    Settings {
        service: String::new(),
        build: String::new(),
        generation,
        pid: 0,
        attempt,
        // The token is tried once more when patience ends: what happens in between is the same.
        timeouts: Timeouts { commit: crate::limits::LOCK_RETRY, ..Timeouts::default() },
        draining_cap: 2,
        fence: weakness != Some(Weakness::NoFence),
    }
}

fn hello() -> Hello {
    Hello {
        lowest: 1,
        highest: 1,
        features: 0,
        free_slots: 100,
        pid: 0,
        service: String::new(),
        build: String::new(),
        secret: None,
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kernel, listener, processes, links, .. } = self;
        writeln!(f, "{kernel:?}\n{listener:?}")?;
        for (index, (process, link)) in processes.iter().zip(links).enumerate() {
            writeln!(f, "{index}: {process:?}\n   {link:?}")?;
        }
        Ok(())
    }
}
