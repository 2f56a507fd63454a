//! Three processes, a kernel and a control socket: whole lives of a service, in memory.
//!
//! Process 0 owns the service; 1 and 2 turn up when they are told to. They run the real machines and
//! do what a driver does. Everything that others can see is an [`Action`] of its own, so whoever
//! chooses the actions chooses the interleaving, and every fault in it. [`World::after`] tells when
//! one of the laws of [`Violation`] is broken.
//!
//! | left out | because |
//! |---|---|
//! | descriptors that are not what their entry says, frames that are no message | they end a handoff as a deadline does, and are tested one by one |
//! | a queue that is full | whoever sends is as slow then as one that is frozen |
//! | the way to drain | who has handed over is done with the service |

mod action;
mod kernel;
mod law;
mod link;
mod predecessor;
mod process;
mod successor;
mod tell;

use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;
use core::hash::BuildHasher;
use core::time::Duration;

pub use action::{Action, Source};
use kernel::Kernel;
pub use law::Violation;
use link::{Link, Listener};
use process::{Child, Fate, Next, Part, Process};

use crate::message::Hello;
use crate::predecessor::Settings;
use crate::timeouts::Timeouts;
use crate::{Phase, Predecessor};

/// How many processes there are.
pub const PROCESSES: usize = 3;

/// What the predecessor's application says last.
const LAST_WORDS: &[u8] = b"last words";

/// One rule that the machines' drivers do not keep: a search has to find out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Weakness {
    /// A successor gives up when its predecessor is gone, even if it has everything.
    NoAdoption,
    /// A predecessor whose patience ends takes the service back without asking for the token.
    TakesBackWithoutToken,
    /// `Released` and the token come before `Commit`.
    ReleasedBeforeCommit,
    /// A successor that is ready and waits in vain gives up without trying the token.
    GivesUpWithoutToken,
    /// A successor that is ready and waits in vain owns without having the token.
    OwnsWithoutToken,
    /// A successor that holds the token in silence is left alone.
    NoFence,
    /// A peer is dead when its end of file comes, and not before.
    DeathByEndOfFile,
    /// The number of the attempt in the token is not looked at.
    AttemptNotChecked,
    /// Those who have connected before the owner called `listen(2)` are kept.
    KeepsEarlierConnections,
}

impl Weakness {
    /// Every one.
    pub const ALL: [Self; 9] = [
        Self::NoAdoption,
        Self::TakesBackWithoutToken,
        Self::ReleasedBeforeCommit,
        Self::GivesUpWithoutToken,
        Self::OwnsWithoutToken,
        Self::NoFence,
        Self::DeathByEndOfFile,
        Self::AttemptNotChecked,
        Self::KeepsEarlierConnections,
    ];
}

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
    /// Process 0 owns the service, nobody else has begun. There may be so many faults: a kill, a
    /// hang, or a forked child that outlives its parent.
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
                !matches!(process.part, Part::Successor(_))
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
            Action::Timer(i) => self.waits(i) && self.processes[i].deadline().is_some(),
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
            Action::LetLockGo(i) => return Ok(self.let_lock_go(i)),
            Action::CloseSockets(i) => return Ok(self.close_sockets(i)),
            Action::Connect(i) => {
                self.connect(i);
                // Its first word comes with it: one that says nothing is closed.
                self.go_on(i)?;
                return self.perform(Action::Act(i));
            }
            Action::EndChild(i) => {
                self.process(i).child = None;
                self.let_lock_go(i);
                self.close_sockets(i);
                return Ok(());
            }
            Action::Kill(i) => return Ok(self.kill(i, None)),
            Action::Leak(i) => return Ok(self.kill(i, Some(self.copies(i)))),
            Action::Hang(i) => return Ok(self.hang(i)),
        }
        self.go_on(action.process())
    }

    /// Has everybody who waits take in what has come for him. It makes no difference to others when
    /// he does: he may be as slow as he likes in what he does next. What comes for one from several
    /// sides at once is left: the order is for the actions to choose.
    fn catch_up(&mut self) -> Result<(), Violation> {
        self.check()?;
        while let Some((i, source)) = (0..PROCESSES).find_map(|i| Some((i, self.only_source(i)?))) {
            self.take(i, source);
            self.go_on(i)?;
            self.check()?;
        }
        Ok(())
    }

    fn sources(&self, i: usize) -> impl Iterator<Item = Source> {
        Source::all().filter(move |source| self.has_come(i, *source))
    }

    fn only_source(&self, i: usize) -> Option<Source> {
        let mut sources = self.sources(i);
        sources.next().filter(|_| sources.next().is_none())
    }

    /// It has done what it was to do, and nothing has come for it.
    fn waits(&self, i: usize) -> bool {
        self.processes[i].listens_to_the_world() && self.sources(i).next().is_none()
    }

    fn has_come(&self, i: usize, source: Source) -> bool {
        self.processes[i].listens_to_the_world()
            && match source {
                Source::Connection(from) => self.can_read(i, from),
                // The end of what was said is read before the end of whoever said it is told.
                Source::Death(of) => {
                    self.can_hear(i, of) && (0..PROCESSES).all(|from| !self.can_read(i, from))
                }
                Source::Listener => self.can_accept(i),
            }
    }

    fn take(&mut self, i: usize, source: Source) {
        match source {
            Source::Connection(from) if from == i => self.read_as_successor(i),
            Source::Connection(from) => self.read_as_predecessor(i, from),
            Source::Death(of) => self.hear(i, of),
            Source::Listener => self.accept(i),
        }
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

    fn has_unread(&self, i: usize, from: usize) -> bool {
        let Some(link) = &self.links[from] else {
            return false;
        };
        match (&self.processes[i].part, i == from) {
            (Part::Successor(_), true) => !link.to_successor.is_empty(),
            (Part::Predecessor(_), false) => link.is_read_by(i) && !link.to_predecessor.is_empty(),
            _ => false,
        }
    }

    /// There is a frame to read on the connection that `from` has made, or its end.
    fn can_read(&self, i: usize, from: usize) -> bool {
        let process = &self.processes[i];
        let Some(link) = &self.links[from] else {
            return false;
        };
        let closed = match (&process.part, i == from) {
            (Part::Successor(_), true) => link.predecessor_closed,
            (Part::Predecessor(_), false) => link.is_read_by(i) && link.successor_closed,
            _ => return false,
        };
        self.has_unread(i, from) || (closed && !process.told_closed[from])
    }

    fn can_hear(&self, i: usize, of: usize) -> bool {
        let process = &self.processes[i];
        let told = process.told_died[of] || self.is_weak(Weakness::DeathByEndOfFile);
        if told || self.processes[of].fate != Fate::Dead {
            return false;
        }
        match process.part {
            Part::Successor(_) => self.links[i].as_ref().is_some_and(|link| link.watched == of),
            Part::Predecessor(_) => self.links[of].as_ref().is_some_and(|link| link.is_read_by(i)),
            Part::Absent | Part::Gone => false,
        }
    }

    fn hear(&mut self, i: usize, of: usize) {
        let process = self.process(i);
        process.told_died[of] = true;
        match &mut process.part {
            Part::Successor(_) => self.lose_predecessor(i, true),
            Part::Predecessor(machine) => {
                machine.handle_peer_died(predecessor::connection(of), None, process.now);
            }
            Part::Absent | Part::Gone => {}
        }
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

    fn kill(&mut self, i: usize, child: Option<Child>) {
        self.faults -= 1;
        self.process(i).kill(child);
        self.drop_unread(i);
    }

    fn hang(&mut self, i: usize) {
        self.faults -= 1;
        self.process(i).hang();
        // The listener may be on its way to it, and stays there.
        let coming = self.links[i].as_ref().is_some_and(|link| link.brings_listener());
        self.process(i).listens |= coming;
        self.drop_unread(i);
    }

    /// What a child of a process has copies of.
    fn copies(&self, i: usize) -> Child {
        let links = core::array::from_fn(|from| {
            let link = self.links[from].as_ref();
            link.is_some_and(|link| from == i || link.is_read_by(i))
        });
        let Process { token, listens, .. } = *self.processes[i];
        Child { token, listens, links }
    }

    /// Nobody is going to read what has come for a process.
    fn drop_unread(&mut self, i: usize) {
        for from in 0..PROCESSES {
            match self.link(from) {
                Some(link) if from == i => link.to_successor.clear(),
                Some(link) if link.acceptor == Some(i) => link.to_predecessor.clear(),
                _ => {}
            }
        }
    }

    /// The kernel closes what a dead process had of tokens.
    fn let_lock_go(&mut self, i: usize) {
        let copied = self.processes[i].child.and_then(|child| child.token);
        self.kernel.close_all(i, copied);
        self.bury(i, |lock, sockets| (*lock, _) = (false, sockets));
    }

    /// The kernel closes what a dead process had of sockets.
    fn close_sockets(&mut self, i: usize) {
        for from in 0..PROCESSES {
            self.close_end(i, from);
        }
        self.stop_listening(i);
        self.bury(i, |lock, sockets| (_, *sockets) = (lock, false));
    }

    fn bury(&mut self, i: usize, done: impl FnOnce(&mut bool, &mut bool)) {
        let fate = &mut self.process(i).fate;
        if let Fate::Dying { lock, sockets } = fate {
            done(lock, sockets);
            if !*lock && !*sockets {
                *fate = Fate::Dead;
            }
        }
    }

    /// A process closes its end of the connection that `from` has made. A child that has a copy of it
    /// keeps it open.
    fn close_end(&mut self, i: usize, from: usize) {
        let kept = self.processes[i].child.is_some_and(|child| child.links[from]);
        match self.link(from).filter(|_| !kept) {
            Some(link) if i == from => link.successor_closed = true,
            Some(link) if link.acceptor == Some(i) => link.predecessor_closed = true,
            _ => {}
        }
    }

    fn stop_listening(&mut self, i: usize) {
        self.process(i).listens = false;
        if !self.is_name_held() {
            self.close_queue();
        }
    }

    /// Closes all connections that wait to be accepted.
    fn close_queue(&mut self) {
        while let Some(from) = self.listener.queue.pop_front() {
            if let Some(link) = self.link(from) {
                link.predecessor_closed = true;
            }
        }
    }

    /// Somebody has the control listener, or is about to receive it.
    fn is_name_held(&self) -> bool {
        let has = |process: &Arc<Process>| {
            process.listens || process.child.is_some_and(|child| child.listens)
        };
        let on_its_way = |link: &Arc<Link>| !link.successor_closed && link.brings_listener();
        self.processes.iter().any(has) || self.links.iter().flatten().any(on_its_way)
    }

    /// Whoever comes to own, or owns again, listens again and puts his PID into the file.
    fn publish(&mut self, i: usize) {
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
