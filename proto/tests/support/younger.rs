//! The driver of a successor's machine, as far as the machine can tell.

use std::time::Duration;

use heirloom_proto::successor::{Event, Output};
use heirloom_proto::{Failure, Hello, Name, Phase, Successor};

use super::kernel::{Kernel, Who};
use super::link::Link;
use super::older::Older;

#[derive(Clone, Debug)]
pub struct Younger {
    pub machine: Successor<()>,
    pub link: Link,
    pub alive: bool,
    /// The kernel has told of its death.
    pub reaped: bool,
    pub frozen: bool,
    pub token: Option<usize>,
    /// The application becomes ready as soon as it has everything, with these strays.
    pub ready: Option<Vec<Name>>,
    pub verdict: Result<(), String>,
    pub publish: Result<(), String>,
    /// The entries it was told to verify, in order.
    pub inherited: usize,
    pub batches: usize,
    told_closed: bool,
    told_died: bool,
    pub events: Vec<Event>,
}

impl Younger {
    pub fn new(hello: Hello, now: Duration) -> Self {
        Self {
            machine: Successor::new(hello, now),
            link: Link::default(),
            alive: true,
            reaped: false,
            frozen: false,
            token: None,
            ready: Some(Vec::new()),
            verdict: Ok(()),
            publish: Ok(()),
            inherited: 0,
            batches: 0,
            told_closed: false,
            told_died: false,
            events: Vec::new(),
        }
    }

    pub fn acts(&self) -> bool {
        self.alive && !self.frozen
    }

    pub fn owns(&self) -> bool {
        self.alive && self.machine.phase() == Phase::Serving
    }

    /// What it has been told of the owner's end and death.
    pub fn told(&self) -> (bool, bool) {
        (self.told_closed, self.told_died)
    }

    pub fn deadline(&self) -> Option<Duration> {
        self.machine.poll_deadline().filter(|_| self.acts())
    }

    /// Why it does not own the service.
    #[track_caller]
    pub fn failure(&self) -> &Failure {
        match self.events.last() {
            Some(Event::Failed(failure)) => failure,
            other => panic!("it has not failed: {other:?}"),
        }
    }

    pub fn die(&mut self, kernel: &mut Kernel, index: usize) {
        self.alive = false;
        self.reaped = true;
        self.link.younger_closed = !self.link.held_open;
        kernel.exit(Who::Younger(index));
    }

    pub fn step(
        &mut self,
        index: usize,
        kernel: &mut Kernel,
        older: &Older,
        now: Duration,
    ) -> bool {
        if !self.acts() {
            return false;
        }
        if let Some(output) = self.machine.poll_output() {
            self.carry_out(output, index, kernel, now);
        } else if self.link.younger_closed || !self.take_input(older, now) {
            return false;
        }
        true
    }

    fn take_input(&mut self, older: &Older, now: Duration) -> bool {
        if let Some(parcel) = self.link.to_younger.pop_front() {
            self.token = self.token.or(Some(parcel.token));
            let descriptors = vec![(); parcel.descriptors];
            self.machine.handle_frame(&parcel.frame, descriptors, now);
        } else if self.link.older_closed && !self.told_closed {
            self.told_closed = true;
            self.machine.handle_closed(now);
        } else {
            return self.hear_of_death(older, now);
        }
        true
    }

    /// The kernel tells of the owner's death, whatever else has not been read.
    pub fn hear_of_death(&mut self, older: &Older, now: Duration) -> bool {
        let news = self.acts() && older.reaped && !self.told_died;
        if news {
            self.told_died = true;
            self.machine.handle_peer_died(now);
        }
        news
    }

    fn carry_out(&mut self, output: Output<()>, index: usize, kernel: &mut Kernel, now: Duration) {
        let who = Who::Younger(index);
        match output {
            Output::Send(frame) if self.link.older_closed => drop(frame),
            Output::Send(frame) => {
                self.link.to_older.push_back(frame);
                self.machine.handle_sent(now);
            }
            Output::Token { .. } => {}
            Output::Verify(entries) => {
                self.inherited += entries.len();
                self.batches += 1;
                self.machine.handle_verified(self.verdict.clone(), now);
            }
            Output::TryLock => {
                let lock = kernel.try_lock(who, self.token.unwrap());
                self.machine.handle_lock(lock, now);
            }
            Output::Unlock => kernel.unlock(who, self.token.unwrap()),
            Output::RenewToken => self.token = Some(kernel.renew(who)),
            Output::Empty => {
                while let Some(parcel) = self.link.to_younger.pop_front() {
                    let descriptors = vec![(); parcel.descriptors];
                    self.machine.handle_frame(&parcel.frame, descriptors, now);
                }
                self.machine.handle_emptied();
            }
            Output::Publish => self.machine.handle_published(self.publish.clone()),
            Output::Event(event) => self.handle_event(event, index, kernel, now),
            other => panic!("an output that this test does not know: {other:?}"),
        }
    }

    fn handle_event(&mut self, event: Event, index: usize, kernel: &mut Kernel, now: Duration) {
        match &event {
            Event::Inherited => {
                if let Some(strays) = self.ready.clone() {
                    self.machine.handle_ready(strays, now);
                }
            }
            // Its descriptors are closed, and with them the lock.
            Event::Failed(_) => {
                kernel.exit(Who::Younger(index));
                self.link.younger_closed = true;
            }
            _ => {}
        }
        self.events.push(event);
    }
}
