//! A whole handoff in memory, from the first word until the old generation has retired.
//!
//! Frames arrive as they are sent, the kernel does what it is asked to, and the application is ready at
//! once: next to nothing is counted but the machines.

use std::mem;
use std::sync::Arc;
use std::time::Duration;

use heirloom_proto::predecessor::{self, Attachment, ConnectionId, Elder, Predecessor, Settings};
use heirloom_proto::successor::{self, Event, Successor};
use heirloom_proto::{DrainingGeneration, Entry, Hello, Lock, Phase, Timeouts, limits};

const NOW: Duration = Duration::ZERO;
const CONNECTION: ConnectionId = ConnectionId(1);

pub(crate) struct Handoff {
    old: Predecessor,
    new: New,
    /// What the old generation has, until it was asked.
    entries: Vec<Arc<Entry>>,
    /// What the new one has, as it came.
    inherited: Vec<Vec<(Entry, ())>>,
    /// The number in the token, which nobody else wants to lock.
    attempt: u64,
}

/// The new generation, which is another machine once it owns the service.
#[expect(clippy::large_enum_variant, reason = "there is one")]
enum New {
    Successor(Successor<()>),
    Owner(Predecessor),
}

impl Handoff {
    /// An owner of these entries, and nobody who wants them yet.
    pub(crate) fn new(entries: Vec<Arc<Entry>>) -> Self {
        let mut old = Predecessor::new(settings(1, 0), Vec::new(), NOW);
        old.handle_ready(NOW);
        let new = New::Successor(Successor::new(hello(), NOW));
        Self { old, new, entries, inherited: Vec::new(), attempt: 0 }
    }

    /// All of it.
    pub(crate) fn run(&mut self) {
        self.old.handle_connected(CONNECTION, 200, NOW);
        self.settle();
        self.old.handle_drained();
        self.settle();
    }

    /// # Panics
    ///
    /// If it is not over, or not everything was handed over.
    pub(crate) fn expect_over(&self, entries: usize) {
        let New::Owner(new) = &self.new else { panic!("there is no new owner") };
        assert_eq!((self.old.phase(), new.phase()), (Phase::Draining, Phase::Serving));
        assert!(new.elders().is_empty(), "the old generation has not retired");
        assert_eq!(self.inherited.iter().map(Vec::len).sum::<usize>(), entries);
    }

    /// The new generation comes first: it has done what one frame asks for before the next one comes.
    fn settle(&mut self) {
        while self.step_new() || self.step_old() {}
    }

    fn step_old(&mut self) -> bool {
        use predecessor::Output;
        let Some(output) = self.old.poll_output() else { return false };
        match output {
            Output::Send { frame, attachment, .. } => {
                self.old.handle_sent(CONNECTION, NOW);
                self.tell_new(&frame, attachment);
            }
            Output::TakeSnapshot => self.old.handle_snapshot(mem::take(&mut self.entries), NOW),
            Output::WriteAttempt(number) => self.attempt = number,
            Output::Freeze => self.old.handle_frozen(Ok(Vec::new()), NOW),
            Output::TryLock => self.old.handle_lock(Lock::Held { attempt: self.attempt }, NOW),
            _ => {}
        }
        true
    }

    fn tell_new(&mut self, frame: &[u8], attachment: Attachment) {
        let descriptors = match attachment {
            Attachment::None => 0,
            Attachment::Token => limits::WELCOME_DESCRIPTORS,
            Attachment::Entries(range) => range.len(),
        };
        match &mut self.new {
            New::Successor(new) => new.handle_frame(frame, vec![(); descriptors], NOW),
            New::Owner(new) => new.handle_frame(CONNECTION, frame, NOW),
        }
    }

    fn step_new(&mut self) -> bool {
        use successor::Output;
        let new = match &mut self.new {
            New::Successor(new) => new,
            New::Owner(new) => return new.poll_output().is_some(),
        };
        let Some(output) = new.poll_output() else { return false };
        match output {
            Output::Send(frame) => {
                new.handle_sent(NOW);
                self.old.handle_frame(CONNECTION, &frame, NOW);
            }
            Output::Verify(entries) => {
                self.inherited.push(entries);
                new.handle_verified(Ok(()), NOW);
            }
            Output::Event(Event::Inherited) => new.handle_ready(Vec::new(), NOW),
            Output::TryLock => new.handle_lock(Lock::Got { attempt: self.attempt }, NOW),
            Output::Empty => new.handle_emptied(),
            Output::Publish => new.handle_published(Ok(())),
            Output::Event(Event::Owned { .. }) => self.new = New::Owner(self.new_owner()),
            _ => {}
        }
        true
    }

    /// It serves, and knows of the generation before it.
    fn new_owner(&self) -> Predecessor {
        let generation = DrainingGeneration { generation: 1, pid: 100, open: None };
        let elder = Elder { connection: CONNECTION, generation, drains: false };
        let mut new = Predecessor::new(settings(2, self.attempt), vec![elder], NOW);
        new.handle_ready(NOW);
        new
    }
}

fn settings(generation: u64, attempt: u64) -> Settings {
    Settings {
        service: "shop".into(),
        build: "1.0".into(),
        generation,
        pid: 100,
        attempt,
        timeouts: Timeouts::default(),
        draining_cap: 2,
        fence: true,
    }
}

fn hello() -> Hello {
    Hello {
        lowest: limits::VERSION,
        highest: limits::VERSION,
        features: 0,
        free_slots: 1 << 20,
        pid: 200,
        service: "shop".into(),
        build: "2.0".into(),
        secret: None,
    }
}
