//! Another release: what it says is in its set of vectors, and what it hears it reads by the tables
//! of version 1.

use heirloom_proto::predecessor::ConnectionId;
use heirloom_proto::{Hello, Lock};

use crate::cases::SKIPPABLE;
use crate::changed::CHANGED;
use crate::files;
use crate::support::{Pair, Who, hello};
use crate::twin::Twin;

/// Where its vectors lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Release(&'static str);

pub(crate) const OLDER: Release = Release("older");
pub(crate) const NEWER: Release = Release("newer");

/// The connection of whoever speaks for another release to today's predecessor.
pub(crate) const PEER: ConnectionId = ConnectionId(0);

impl Release {
    pub(crate) fn frame(self, name: &str) -> Vec<u8> {
        files::frame(&format!("{}/{name}", self.0))
    }

    /// The frames in which it says `name`: a newer release talks of other things in between.
    pub(crate) fn says(self, name: &str) -> Vec<Vec<u8>> {
        let aside = (self == NEWER).then(|| files::frame(SKIPPABLE));
        aside.into_iter().chain([self.frame(name)]).collect()
    }
}

/// One frame that today's machine has sent.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    pub(crate) name: &'static str,
    pub(crate) frame: Vec<u8>,
}

/// Reads a frame that came with these descriptors as a release does that knows version 1 only.
#[track_caller]
fn hear(frame: Vec<u8>, descriptors: usize) -> Heard {
    let twin = Twin::of(&frame);
    let twin = twin.unwrap_or_else(|error| panic!("{error}: {CHANGED}"));
    assert_eq!(descriptors, twin.descriptors, "{}", twin.text);
    let name = twin.name.unwrap_or_else(|| panic!("version 1 does not know it: {}", twin.text));
    Heard { name, frame }
}

pub(crate) fn names(heard: &[Heard]) -> Vec<&'static str> {
    heard.iter().map(|heard| heard.name).collect()
}

/// A successor or a tool of another release, and today's predecessor, which owns two entries.
#[derive(Debug)]
pub(crate) struct Visitor {
    release: Release,
    pub(crate) pair: Pair,
}

impl Visitor {
    pub(crate) fn of(release: Release) -> Self {
        let mut pair = Pair::serving(2);
        // Today's successor keeps the place, and does nothing.
        pair.connect(hello());
        pair.younger().frozen = true;
        Self { release, pair }
    }

    /// Tells what today's predecessor answers.
    #[track_caller]
    pub(crate) fn says(&mut self, name: &str) -> Vec<Heard> {
        let frames = self.release.says(name);
        frames.iter().flat_map(|frame| self.sends(frame)).collect()
    }

    #[track_caller]
    pub(crate) fn sends(&mut self, frame: &[u8]) -> Vec<Heard> {
        self.pair.older.machine.handle_frame(PEER, frame, self.pair.now);
        self.hears()
    }

    /// What today's predecessor has said since.
    #[track_caller]
    pub(crate) fn hears(&mut self) -> Vec<Heard> {
        self.pair.settle();
        let parcels = self.pair.youngers[0].link.to_younger.drain(..);
        parcels.map(|parcel| hear(parcel.frame, parcel.descriptors)).collect()
    }

    /// It tries to lock the token.
    pub(crate) fn locks(&mut self) -> Lock {
        self.pair.kernel.try_lock(Who::Younger(0), 0)
    }

    /// Says everything up to this.
    #[track_caller]
    pub(crate) fn goes_on_to(&mut self, last: &str) {
        for name in ["hello", "received", "progress", "ready"] {
            self.says(name);
            if name == last {
                return;
            }
        }
        panic!("a successor does not say {last}");
    }
}

/// A predecessor of another release, and today's successor, which has just connected.
#[derive(Debug)]
pub(crate) struct Host {
    release: Release,
    pub(crate) pair: Pair,
}

impl Host {
    pub(crate) fn of(release: Release) -> Self {
        let mut host = Self { release, pair: Pair::serving(0) };
        host.pair.older.frozen = true;
        host.pair.kernel.write_attempt(0, 1);
        host.meets(hello());
        host
    }

    #[track_caller]
    fn meets(&mut self, hello: Hello) {
        self.pair.connect(hello);
        self.pair.younger().token = Some(0);
        assert_eq!(names(&self.hears()), ["Hello"]);
    }

    /// Tells what today's successor answers.
    #[track_caller]
    pub(crate) fn says(&mut self, name: &str) -> Vec<Heard> {
        let frames = self.release.says(name);
        frames.iter().flat_map(|frame| self.sends(frame)).collect()
    }

    /// Sends a frame with as many descriptors as it calls for.
    #[track_caller]
    pub(crate) fn sends(&mut self, frame: &[u8]) -> Vec<Heard> {
        let descriptors = vec![(); Twin::of(frame).unwrap().descriptors];
        let now = self.pair.now;
        self.pair.younger().machine.handle_frame(frame, descriptors, now);
        self.hears()
    }

    /// What today's successor has said since.
    #[track_caller]
    pub(crate) fn hears(&mut self) -> Vec<Heard> {
        self.pair.settle();
        let frames = self.pair.younger().link.to_older.drain(..);
        frames.map(|frame| hear(frame, 0)).collect()
    }

    /// It lets the token go.
    pub(crate) fn unlocks(&mut self) {
        self.pair.kernel.unlock(Who::Older, 0);
    }

    /// Says everything up to this.
    #[track_caller]
    pub(crate) fn goes_on_to(&mut self, last: &str) {
        for name in ["welcome", "manifest", "commit"] {
            self.says(name);
            if name == last {
                return;
            }
        }
        panic!("a predecessor does not say {last}");
    }
}
