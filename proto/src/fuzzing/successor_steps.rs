//! The successor's machine alone: whatever comes, in whatever order.

use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use super::input::Input;
use super::lock::{Holder, Token};
use crate::limits::{MAX_DESCRIPTORS, WELCOME_DESCRIPTORS};
use crate::manifest::Manifest;
use crate::message::{Commit, Message, Welcome};
use crate::successor::{Event, Output};
use crate::{Entry, Name, Phase, Successor, Timeouts};

/// The number of this attempt.
const ATTEMPT: u64 = 5;

/// Takes `data` for what befalls a successor: frames, deaths, answers of its driver and of its
/// application, time. Tells what it is doing in the end.
///
/// # Panics
///
/// When it asks for something that makes no sense, owns without holding the token, or keeps the
/// token when it does not own: that is a finding.
pub fn successor_steps(data: &[u8]) -> Phase {
    let mut side = Side::new(Input::new(data));
    side.perform();
    while !side.input.is_empty() {
        side.step();
        side.perform();
        side.check();
    }
    side.machine.phase()
}

struct Side<'a> {
    input: Input<'a>,
    machine: Successor<()>,
    token: Token,
    now: Duration,
    /// What was asked of the driver and is not answered yet.
    verifying: bool,
    publishing: bool,
    /// Entries that were told, and that came.
    told: u64,
    came: u64,
    has_everything: bool,
    outcome: Option<Outcome>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Owns,
    Failed,
}

impl<'a> Side<'a> {
    fn new(mut input: Input<'a>) -> Self {
        let hello = crate::Hello { lowest: 1, highest: 1, ..input.hello() };
        Self {
            machine: Successor::new(hello, Duration::ZERO),
            token: Token { holder: Some(Holder::Another), attempt: ATTEMPT },
            now: Duration::ZERO,
            verifying: false,
            publishing: false,
            told: u64::from(input.byte()),
            came: 0,
            has_everything: false,
            outcome: None,
            input,
        }
    }

    fn step(&mut self) {
        let now = self.now;
        match self.input.choose(14) {
            0 => {
                let (frame, descriptors) = (self.input.frame(), self.input.byte());
                self.machine.handle_frame(&frame, vec![(); descriptors.into()], now);
            }
            1 | 2 => self.hear_what_is_due(),
            3 => {
                let frame = self.input.frame();
                self.hear(&frame);
            }
            4 => self.machine.handle_sent(now),
            5 => self.machine.handle_closed(now),
            6 => self.machine.handle_peer_died(now),
            7 => self.pass(),
            8 => self.pass_deadline(),
            9 => self.answer_verify(),
            10 => self.machine.handle_ready(Vec::new(), now),
            11 => match self.input.choose(8) {
                0 => self.machine.handle_abandoned("no configuration"),
                _ => self.machine.handle_progress("reading the cache"),
            },
            12 => self.answer_publish(),
            _ => self.token.meddle(self.input.choose(3)),
        }
    }

    /// Hears a frame with as many descriptors as it calls for.
    fn hear(&mut self, frame: &[u8]) {
        let descriptors = match Message::decode(frame) {
            Ok(Message::Welcome(_)) => WELCOME_DESCRIPTORS,
            Ok(Message::Manifest(manifest)) => manifest.entries.len(),
            _ => 0,
        };
        self.machine.handle_frame(frame, vec![(); descriptors], self.now);
    }

    /// What a good predecessor would say next.
    fn hear_what_is_due(&mut self) {
        let message = match self.machine.phase() {
            Phase::Greeting => Message::Welcome(Welcome {
                version: 1,
                generation: 2,
                attempt: ATTEMPT,
                entries: self.told,
                timeouts: Timeouts::default(),
                pid: 1,
                build: "1".into(),
            }),
            Phase::Transferring => self.next_batch(),
            Phase::Committing => {
                Message::Commit(Commit { late_state: self.input.bytes(100).to_vec() })
            }
            _ => Message::Released,
        };
        let frame = message.encode().unwrap_or_default();
        self.hear(&frame);
    }

    fn next_batch(&mut self) -> Message {
        let left = usize::try_from(self.told - self.came).unwrap_or(usize::MAX);
        let count = usize::from(self.input.byte()).clamp(1, MAX_DESCRIPTORS).min(left);
        let entry = self.input.entry();
        // A good predecessor gives each a name of its own.
        let named =
            |number: u64| Name::new(alloc::format!("{number}")).unwrap_or(entry.name.clone());
        let numbers = (self.came..).take(count);
        let entries = numbers.map(|number| (Entry { name: named(number), ..entry.clone() }, ()));
        Message::Manifest(Manifest { entries: entries.collect(), last: count == left })
    }

    fn pass(&mut self) {
        self.now += Duration::from_millis(self.input.number() % 100_000);
        self.machine.handle_timeout(self.now);
    }

    /// A deadline that has passed does not come again.
    fn pass_deadline(&mut self) {
        let Some(deadline) = self.machine.poll_deadline() else {
            return;
        };
        self.now = self.now.max(deadline);
        self.machine.handle_timeout(self.now);
        self.perform();
        let next = self.machine.poll_deadline();
        assert!(next.is_none_or(|next| next > self.now), "{next:?} was due at {:?}", self.now);
    }

    fn answer_verify(&mut self) {
        if core::mem::take(&mut self.verifying) {
            let verdict = match self.input.choose(8) {
                7 => Err("another inode".into()),
                _ => Ok(()),
            };
            self.machine.handle_verified(verdict, self.now);
        }
    }

    fn answer_publish(&mut self) {
        if core::mem::take(&mut self.publishing) {
            let verdict = match self.input.flag() {
                true => Err("read-only file system".into()),
                false => Ok(()),
            };
            self.machine.handle_published(verdict);
        }
    }

    fn perform(&mut self) {
        while let Some(output) = self.machine.poll_output() {
            assert!(
                self.outcome.is_none() || matches!(output, Output::Unlock),
                "it is over, and it wants {output:?}"
            );
            self.perform_one(output);
        }
    }

    fn perform_one(&mut self, output: Output<()>) {
        match output {
            Output::Send(frame) => self.send(&frame),
            Output::Token { .. } => assert_eq!(self.machine.phase(), Phase::Transferring),
            Output::Verify(entries) => {
                self.came += entries.len() as u64;
                self.verifying = true;
                if self.input.flag() {
                    self.answer_verify();
                }
            }
            Output::TryLock => {
                assert!(self.has_everything, "it tries the token without the service");
                let lock = self.token.try_lock();
                self.machine.handle_lock(lock, self.now);
            }
            Output::Unlock => self.token.unlock(),
            Output::RenewToken => self.token.holder = Some(Holder::ThisSide),
            Output::Empty => {
                for _ in 0..self.input.choose(3) {
                    let frame = self.input.frame();
                    self.hear(&frame);
                }
                self.machine.handle_emptied();
            }
            Output::Publish => {
                assert!(self.token.is_held(), "it takes over what is another's");
                self.publishing = true;
            }
            Output::Event(Event::Inherited) => {
                assert!(!core::mem::replace(&mut self.has_everything, true));
            }
            Output::Event(Event::Owned { .. }) => {
                assert!(self.token.is_held(), "it owns without the token");
                assert_eq!(self.token.attempt, ATTEMPT, "its attempt is void");
                self.outcome = Some(Outcome::Owns);
            }
            Output::Event(Event::Failed(failure)) => {
                assert!(!alloc::format!("{failure}").is_empty());
                self.outcome = Some(Outcome::Failed);
            }
        }
    }

    fn send(&mut self, frame: &[u8]) {
        match Message::decode(frame) {
            Ok(Message::Received(received)) => assert_eq!(received.count, self.came),
            Ok(Message::Hello(_)) => assert_eq!(self.came, 0),
            Ok(Message::Progress(_) | Message::Ready(_)) => assert!(self.has_everything),
            Ok(Message::Owned) => assert!(self.token.is_held(), "it says what is not so"),
            Ok(Message::Abort(_)) => {}
            other => panic!("a successor does not say {other:?}"),
        }
    }

    /// What holds whenever there is nothing left to do.
    fn check(&self) {
        let phase = self.machine.phase();
        let over = match self.outcome {
            Some(Outcome::Owns) => Phase::Serving,
            Some(Outcome::Failed) => Phase::Stopped,
            None => phase,
        };
        assert_eq!(phase, over);
        let may_hold = matches!(phase, Phase::Serving | Phase::Reclaiming);
        assert!(!self.token.is_held() || may_hold, "it keeps the token while {phase}");
    }
}
