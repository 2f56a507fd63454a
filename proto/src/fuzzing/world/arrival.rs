//! What comes for a process, and when it takes it in.

use super::process::{Fate, Part};
use super::{PROCESSES, Source, Violation, Weakness, World, predecessor};

impl World {
    /// Has everybody who waits take in what has come for him. It makes no difference to others when
    /// he does: he may be as slow as he likes in what he does next. What comes for one from several
    /// sides at once is left: the order is for the actions to choose.
    pub(super) fn catch_up(&mut self) -> Result<(), Violation> {
        self.check()?;
        while let Some((i, source)) = (0..PROCESSES).find_map(|i| Some((i, self.only_source(i)?))) {
            self.take(i, source);
            self.go_on(i)?;
            self.check()?;
        }
        Ok(())
    }

    pub(super) fn sources(&self, i: usize) -> impl Iterator<Item = Source> {
        Source::all().filter(move |source| self.has_come(i, *source))
    }

    pub(super) fn only_source(&self, i: usize) -> Option<Source> {
        let mut sources = self.sources(i);
        sources.next().filter(|_| sources.next().is_none())
    }

    /// It has done what it was to do, and nothing has come for it.
    pub(super) fn waits(&self, i: usize) -> bool {
        self.processes[i].listens_to_the_world() && self.sources(i).next().is_none()
    }

    pub(super) fn has_come(&self, i: usize, source: Source) -> bool {
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

    pub(super) fn take(&mut self, i: usize, source: Source) {
        match source {
            Source::Connection(from) => match self.processes[i].part {
                Part::Successor(_) => self.read_as_successor(i),
                _ => self.read_as_predecessor(i, from),
            },
            Source::Death(of) => self.hear(i, of),
            Source::Listener => self.accept(i),
        }
    }

    pub(super) fn has_unread(&self, i: usize, from: usize) -> bool {
        let Some(link) = &self.links[from] else {
            return false;
        };
        match (&self.processes[i].part, i == from) {
            (Part::Successor(_), true) => !link.to_successor.is_empty(),
            (Part::Predecessor(_), true) => self.has_elder(i) && !link.to_successor.is_empty(),
            (Part::Predecessor(_), false) => link.is_read_by(i) && !link.to_predecessor.is_empty(),
            _ => false,
        }
    }

    /// There is a frame to read on the connection that `from` has made, or its end.
    pub(super) fn can_read(&self, i: usize, from: usize) -> bool {
        let process = &self.processes[i];
        let Some(link) = &self.links[from] else {
            return false;
        };
        let closed = match (&process.part, i == from) {
            (Part::Successor(_), true) => link.predecessor_closed,
            (Part::Predecessor(_), true) => self.has_elder(i) && link.predecessor_closed,
            (Part::Predecessor(_), false) => link.is_read_by(i) && link.successor_closed,
            _ => return false,
        };
        self.has_unread(i, from) || (closed && !process.told_closed[from])
    }

    pub(super) fn can_hear(&self, i: usize, of: usize) -> bool {
        let process = &self.processes[i];
        let told = process.told_died[of] || self.is_weak(Weakness::DeathByEndOfFile);
        if told || self.processes[of].fate != Fate::Dead {
            return false;
        }
        match process.part {
            Part::Successor(_) => self.links[i].as_ref().is_some_and(|link| link.watched == of),
            Part::Predecessor(_) => {
                self.is_elder(i, of)
                    || self.links[of].as_ref().is_some_and(|link| link.is_read_by(i))
            }
            Part::Absent | Part::Gone => false,
        }
    }

    /// The other generation is the one before this one, as far as this one knows yet.
    fn is_elder(&self, i: usize, of: usize) -> bool {
        self.has_elder(i) && self.links[i].as_ref().is_some_and(|link| link.watched == of)
    }

    pub(super) fn hear(&mut self, i: usize, of: usize) {
        let from = if self.is_elder(i, of) { i } else { of };
        let process = self.process(i);
        process.told_died[of] = true;
        match &mut process.part {
            Part::Successor(_) => self.lose_predecessor(i, true),
            Part::Predecessor(machine) => {
                machine.handle_peer_died(predecessor::connection(from), None, process.now);
            }
            Part::Absent | Part::Gone => {}
        }
    }
}
