//! Both machines in one test: a kernel's token, a link between them, a clock wound by hand.
//!
//! Everything happens in single steps: one output carried out or one input handed in. After each of
//! them the invariant is checked, and a test can stop there to kill or freeze a side.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "shared by test files that use different parts of it, and a test fails by panicking"
)]

mod kernel;
pub mod layout;
mod link;
mod older;
pub mod samples;
mod younger;

use std::sync::Arc;
use std::time::Duration;

use heirloom_proto::predecessor::{ConnectionId, Output, Settings};
use heirloom_proto::{
    Entry, FileId, Hello, Identity, Kind, Message, MessageKind, Name, Phase, Secret, StatusReport,
    Timeouts,
};
pub use kernel::{Kernel, Who};
pub use older::Older;
pub use younger::Younger;

pub const SECRET: Secret = Secret([7; 32]);

/// The owner, everybody who wants to be the next one, and what lies between them.
#[derive(Clone, Debug)]
pub struct Pair {
    pub now: Duration,
    pub kernel: Kernel,
    pub older: Older,
    pub youngers: Vec<Younger>,
}

impl Pair {
    /// An owner that serves and would hand over `entries` things.
    pub fn serving(entries: usize) -> Self {
        Self::with(entries, settings())
    }

    pub fn with(entries: usize, settings: Settings) -> Self {
        Self {
            now: Duration::ZERO,
            kernel: Kernel::new(settings.attempt),
            older: Older::serving(settings, make_entries(entries)),
            youngers: Vec::new(),
        }
    }

    /// An owner with a successor that has just connected.
    pub fn connected(entries: usize) -> Self {
        let mut pair = Self::serving(entries);
        pair.connect(hello());
        pair
    }

    /// A successor connects and says `hello`; returns its index.
    pub fn connect(&mut self, hello: Hello) -> usize {
        let index = self.youngers.len();
        self.youngers.push(Younger::new(hello, self.now));
        let connection = Self::connection(index);
        let pid = u32::try_from(index).unwrap() + 200;
        self.older.machine.handle_connected(connection, pid, self.now);
        index
    }

    pub fn connection(index: usize) -> ConnectionId {
        ConnectionId(index as u64)
    }

    /// The latest successor.
    pub fn younger(&mut self) -> &mut Younger {
        self.youngers.last_mut().unwrap()
    }

    /// What the latest successor is doing.
    pub fn younger_phase(&self) -> Phase {
        self.youngers.last().unwrap().machine.phase()
    }

    /// A tool connects.
    pub fn visit(&mut self, connection: ConnectionId) {
        self.older.machine.handle_connected(connection, 1, self.now);
    }

    /// Whoever is on `connection` asks how things stand.
    pub fn status(&mut self, connection: ConnectionId) -> StatusReport {
        let frame = Message::Status.encode().unwrap();
        self.older.machine.handle_frame(connection, &frame, self.now);
        while let Some(output) = self.older.machine.poll_output() {
            if output == Output::Report(connection) {
                return self.older.machine.report(self.now);
            }
        }
        panic!("no answer")
    }

    /// One output or one input of anybody; `false` if there is none.
    pub fn step(&mut self) -> bool {
        self.step_older() || (0..self.youngers.len()).any(|index| self.step_younger(index))
    }

    pub fn step_older(&mut self) -> bool {
        let moved = self.older.step(&mut self.kernel, &mut self.youngers, self.now);
        self.check();
        moved
    }

    pub fn step_younger(&mut self, index: usize) -> bool {
        let moved = self.youngers[index].step(index, &mut self.kernel, &self.older, self.now);
        self.check();
        moved
    }

    /// The owner is told of a successor's death before it has read what came earlier.
    pub fn older_hears(&mut self, index: usize) -> bool {
        self.older.hear_of_death(index, &self.youngers[index], self.now)
    }

    /// A successor is told of the owner's death before it has read what came earlier.
    pub fn younger_hears(&mut self, index: usize) -> bool {
        self.youngers[index].hear_of_death(&self.older, self.now)
    }

    /// Steps until nobody has anything to do at this time.
    pub fn settle(&mut self) {
        self.run_until(|_| false);
    }

    /// Steps until `reached`; tells whether it was.
    pub fn run_until(&mut self, reached: impl Fn(&Self) -> bool) -> bool {
        for _ in 0..100_000 {
            if reached(self) {
                return true;
            }
            if !self.step() {
                return false;
            }
        }
        panic!("the machines never come to rest: {self:?}");
    }

    /// Lets time pass, with every deadline in it.
    pub fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        self.settle();
        for _ in 0..100_000 {
            match self.next_deadline().filter(|deadline| *deadline <= end) {
                None => return self.now = end,
                Some(deadline) => self.now = self.now.max(deadline),
            }
            self.fire();
            self.settle();
        }
        panic!("deadlines without end: {self:?}");
    }

    /// The nearest deadline of those who can act.
    pub fn next_deadline(&self) -> Option<Duration> {
        let older = self.older.deadline();
        let youngers = self.youngers.iter().filter_map(Younger::deadline);
        older.into_iter().chain(youngers).min()
    }

    fn fire(&mut self) {
        if self.older.acts() {
            self.older.machine.handle_timeout(self.now);
        }
        for younger in self.youngers.iter_mut().filter(|younger| younger.acts()) {
            younger.machine.handle_timeout(self.now);
        }
    }

    /// Kills the owner. The kernel closes what it had and lets its lock go.
    pub fn kill_older(&mut self) {
        self.older.alive = false;
        self.older.reaped = true;
        self.kernel.exit(Who::Older);
        for younger in &mut self.youngers {
            younger.link.older_closed = !younger.link.held_open;
            younger.link.to_send.clear();
        }
    }

    /// Kills a successor.
    pub fn kill_younger(&mut self, index: usize) {
        self.youngers[index].die(&mut self.kernel, index);
    }

    /// The owner is the one that holds the token of the service and has not let it go for good.
    pub fn owners(&self) -> Vec<Who> {
        let older = self.older.alive
            && self.kernel.holds(Who::Older, self.older.token)
            && !matches!(self.older.machine.phase(), Phase::Draining);
        let youngers = self.youngers.iter().enumerate();
        older
            .then_some(Who::Older)
            .into_iter()
            .chain(
                youngers
                    .filter(|(_, younger)| younger.owns())
                    .map(|(index, _)| Who::Younger(index)),
            )
            .collect()
    }

    fn check(&self) {
        let owners = self.owners();
        assert!(owners.len() <= 1, "two owners, {owners:?}: {self:#?}");
    }

    #[track_caller]
    pub fn assert_older_owns(&self) {
        assert_eq!(self.owners(), [Who::Older], "{:?}", self.older.events);
        assert_eq!(self.older.machine.phase(), Phase::Serving);
        assert!(!self.older.application_frozen);
    }

    #[track_caller]
    pub fn assert_younger_owns(&self) {
        let last = Who::Younger(self.youngers.len() - 1);
        assert_eq!(self.owners(), [last], "{:?}", self.youngers.last().unwrap().events);
    }
}

pub fn settings() -> Settings {
    Settings {
        service: "echo".into(),
        build: "1.0".into(),
        generation: 1,
        pid: 100,
        attempt: 0,
        timeouts: Timeouts::default(),
        draining_cap: 2,
        fence: true,
    }
}

pub fn hello() -> Hello {
    Hello {
        lowest: 1,
        highest: 1,
        features: 0,
        free_slots: 1 << 20,
        pid: 200,
        service: "echo".into(),
        build: "1.1".into(),
        secret: None,
    }
}

pub fn spawned_hello() -> Hello {
    Hello { secret: Some(SECRET), ..hello() }
}

pub fn make_entries(count: usize) -> Vec<Arc<Entry>> {
    (0..count).map(|index| Arc::new(entry(index))).collect()
}

pub fn entry(index: usize) -> Entry {
    Entry {
        kind: Kind::File,
        name: Name::new(format!("file-{index}")).unwrap(),
        identity: Identity::File(FileId { device: 1, inode: index as u64 }),
        path: None,
        opaque: Default::default(),
    }
}

/// The kind of a frame that is known to hold a message.
pub fn kind_of(frame: &[u8]) -> Option<MessageKind> {
    Message::decode(frame).unwrap().kind()
}

pub fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
