//! What a predecessor's driver does.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::mem;

use super::link::Parcel;
use super::process::{Fate, Next, Part, Process};
use super::{LAST_WORDS, PROCESSES, Violation, Weakness, World};
use crate::abort::Abort;
use crate::entry::{Entry, FileId, Identity, Kind};
use crate::message::Message;
use crate::message_kind::MessageKind;
use crate::name::Name;
use crate::predecessor::{Attachment, ConnectionId, Event, Output};
use crate::{Lock, Phase, Predecessor};

impl World {
    fn predecessor(&mut self, i: usize) -> Option<&mut Box<Predecessor>> {
        match &mut self.process(i).part {
            Part::Predecessor(machine) => Some(machine),
            _ => None,
        }
    }

    pub(super) fn can_accept(&self, i: usize) -> bool {
        let process = &self.processes[i];
        let moving = |phase| matches!(phase, Phase::Releasing | Phase::Fencing);
        match &process.part {
            Part::Predecessor(machine) => {
                process.listens && !moving(machine.phase()) && !self.listener.queue.is_empty()
            }
            _ => false,
        }
    }

    pub(super) fn accept(&mut self, i: usize) {
        let Some(from) = self.listener.queue.pop_front() else {
            return;
        };
        let Some(link) = self.link(from) else {
            return;
        };
        link.acceptor = Some(i);
        let process = self.process(i);
        (process.told_closed[from], process.told_died[from]) = (false, false);
        let now = process.now;
        if let Some(machine) = self.predecessor(i) {
            machine.handle_connected(connection(from), pid(from), now);
        }
        if self.can_read(i, from) {
            self.read_as_predecessor(i, from);
        }
    }

    pub(super) fn read_as_predecessor(&mut self, i: usize, from: usize) {
        let dies = self.is_weak(Weakness::DeathByEndOfFile);
        let Some(link) = self.link(from) else {
            return;
        };
        let frame = match from == i {
            // It was the successor itself when it made this connection.
            true => link.to_successor.pop_front().map(|parcel| parcel.frame),
            false => link.to_predecessor.pop_front(),
        };
        let id = connection(from);
        let process = self.process(i);
        process.told_closed[from] |= frame.is_none();
        let now = process.now;
        let Some(machine) = self.predecessor(i) else {
            return;
        };
        match frame {
            Some(frame) => machine.handle_frame(id, &frame, now),
            None => {
                machine.handle_closed(id, now);
                if dies {
                    machine.handle_peer_died(id, None, now);
                }
            }
        }
    }

    /// Does what others cannot see. Tells whether there is something that they can.
    pub(super) fn go_on_as_predecessor(&mut self, i: usize) -> Result<bool, Violation> {
        while let Some(output) = self.predecessor(i).and_then(|machine| machine.poll_output()) {
            let Process { now, token, .. } = *self.processes[i];
            match output {
                // Nobody tells it from what was said last.
                Output::Close(connection) => {
                    let from = successor(connection);
                    self.close_end(i, from);
                    self.process(i).unsent.retain(|(to, _)| *to != from);
                    self.leave_link(i, from);
                }
                // Nobody looks at it before `Welcome` comes.
                Output::WriteAttempt(attempt) => {
                    self.kernel.write_attempt(token.unwrap_or_default(), attempt);
                    self.process(i).attempt = attempt;
                }
                Output::TakeSnapshot => {
                    let entries = entry().into_iter().collect();
                    if let Some(machine) = self.predecessor(i) {
                        machine.handle_snapshot(entries, now);
                    }
                }
                Output::Freeze => {
                    self.process(i).is_frozen = true;
                    if let Some(machine) = self.predecessor(i) {
                        machine.handle_frozen(Ok(LAST_WORDS.into()), now);
                    }
                }
                Output::Thaw => self.process(i).is_frozen = self.is_weak(Weakness::NeverThaws),
                Output::Spawn | Output::Condemn => {}
                Output::Event(Event::Owned { pid, .. }) => self.hand_over(i, pid)?,
                Output::Event(event) if !matches!(event, Event::TakenBack { .. }) => {}
                output => {
                    self.process(i).next = Some(Next::Predecessor(output));
                    return Ok(true);
                }
            }
        }
        if self.processes[i].has_exited {
            (0..PROCESSES).for_each(|from| self.leave_link(i, from));
            self.process(i).leave();
        }
        Ok(false)
    }

    pub(super) fn act_as_predecessor(&mut self, i: usize, output: Output) -> Result<(), Violation> {
        let (now, token) = (self.processes[i].now, self.processes[i].token.unwrap_or_default());
        match output {
            Output::Send { connection, frame, attachment } => {
                self.send_to_successor(i, connection, frame, &attachment);
            }
            Output::Unlock => {
                if self.processes[i].owns {
                    self.let_go = Some(self.kernel.attempt(token));
                }
                self.process(i).owns = false;
                self.kernel.unlock(i, token);
            }
            Output::TryLock => {
                if !self.is_weak(Weakness::BelievesTheDead) && self.ask_for_death(i) {
                    return Ok(());
                }
                let blindly = self.is_weak(Weakness::TakesBackWithoutToken) && !now.is_zero();
                let lock = self.try_lock(i, blindly);
                let heir = self.predecessor(i).and_then(|machine| machine.successor());
                if let Some(heir) = heir.map(successor) {
                    while self.has_unread(i, heir) {
                        self.read_as_predecessor(i, heir);
                    }
                }
                if let Some(machine) = self.predecessor(i) {
                    machine.handle_lock(lock, now);
                }
                self.check_hand_over(i, heir)?;
            }
            Output::RenewToken => {
                let attempt = self.kernel.attempt(token);
                self.process(i).token = Some(self.kernel.create(i, attempt));
            }
            Output::Fence(connection) => {
                let from = successor(connection);
                if self.processes[from].is_alive() {
                    self.process(from).kill(None);
                    self.drop_unread(from);
                }
            }
            Output::Event(Event::TakenBack { .. }) => {
                self.process(i).owns = true;
                self.publish(i);
            }
            _ => {}
        }
        Ok(())
    }

    /// Looks whether the successor is dead before the token is tried.
    fn ask_for_death(&mut self, i: usize) -> bool {
        let heir = self.predecessor(i).and_then(|machine| machine.successor()).map(successor);
        let dead = heir.filter(|heir| self.can_hear(i, *heir));
        if let Some(heir) = dead {
            self.hear(i, heir);
        }
        dead.is_some()
    }

    /// What the kernel answers; or what a driver makes of it that breaks a rule.
    pub(super) fn try_lock(&mut self, i: usize, blindly: bool) -> Lock {
        let process = &self.processes[i];
        let (token, attempt) = (process.token.unwrap_or_default(), process.attempt);
        if blindly {
            return Lock::Got { attempt };
        }
        let lock = self.kernel.try_lock(i, token);
        self.process(i).was_refused = lock != (Lock::Got { attempt });
        match lock {
            Lock::Got { .. } if self.is_weak(Weakness::AttemptNotChecked) => Lock::Got { attempt },
            Lock::Held { .. } if self.is_weak(Weakness::AttemptNotChecked) => {
                Lock::Held { attempt }
            }
            lock => lock,
        }
    }

    fn send_to_successor(
        &mut self,
        i: usize,
        connection: ConnectionId,
        frame: Vec<u8>,
        attachment: &Attachment,
    ) {
        let (descriptors, token) = match attachment {
            Attachment::None => (0, None),
            Attachment::Token => (2, self.processes[i].token),
            Attachment::Entries(range) => (range.len(), None),
        };
        let (frame, to) = (without_text(frame), successor(connection));
        if self.is_weak(Weakness::ReleasedBeforeCommit) && is_of_kind(&frame, MessageKind::Commit) {
            self.process(i).withheld = Some(frame);
            return self.tell_sent(i, to);
        }
        let ends =
            self.is_weak(Weakness::EndsBeforeOwned) && is_of_kind(&frame, MessageKind::Released);
        let withheld = self.process(i).withheld.take();
        self.deliver(i, to, Parcel { frame, descriptors, token });
        if ends {
            self.end_before_owned(i, to);
        }
        if let (Some(frame), Some(link)) = (withheld, self.link(to)) {
            link.to_successor.push_back(Parcel { frame, descriptors: 0, token: None });
        }
    }

    /// The kernel takes a frame, unless others wait before it. Nobody takes what goes to one who has
    /// closed.
    fn deliver(&mut self, i: usize, to: usize, parcel: Parcel) {
        if self.processes[i].unsent.iter().any(|(other, _)| *other == to) {
            return self.process(i).unsent.push_back((to, parcel));
        }
        if let Some(link) = self.link(to).filter(|link| !link.successor_closed) {
            link.to_successor.push_back(parcel);
            self.tell_sent(i, to);
        }
    }

    /// A predecessor that does not wait tells itself what its successor would say.
    fn end_before_owned(&mut self, i: usize, to: usize) {
        let (now, attempt) = (self.processes[i].now, self.processes[i].attempt);
        let owned = Message::Owned.encode().unwrap_or_default();
        if let Some(machine) = self.predecessor(i) {
            machine.handle_frame(connection(to), &owned, now);
            machine.handle_lock(Lock::Held { attempt }, now);
        }
    }

    /// It has no more use for its end of the connection that `from` has made.
    fn leave_link(&mut self, i: usize, from: usize) {
        if let Some(link) = self.link(from).filter(|link| link.acceptor == Some(i)) {
            link.is_left = true;
        }
    }

    /// The generation before it, which may yet say that it drains, or end.
    pub(super) fn has_elder(&self, i: usize) -> bool {
        match &self.processes[i].part {
            Part::Predecessor(machine) => {
                machine.elders().iter().any(|elder| elder.connection == connection(i))
            }
            _ => false,
        }
    }

    fn tell_sent(&mut self, i: usize, to: usize) {
        let now = self.processes[i].now;
        if let Some(machine) = self.predecessor(i) {
            machine.handle_sent(connection(to), now);
        }
    }

    /// It is about to say `Commit` or `Released`: what depends on their being sent is what a full
    /// queue can upset.
    pub(super) fn can_clog(&self, i: usize) -> bool {
        match &self.processes[i].next {
            Some(Next::Predecessor(Output::Send { frame, .. })) => {
                self.processes[i].acts()
                    && (is_of_kind(frame, MessageKind::Commit)
                        || is_of_kind(frame, MessageKind::Released))
            }
            _ => false,
        }
    }

    /// The queue is full: what it says is kept.
    pub(super) fn clog(&mut self, i: usize) {
        self.faults -= 1;
        if let Some(Next::Predecessor(Output::Send { connection, frame, .. })) =
            self.process(i).next.take()
        {
            let parcel = Parcel { frame, descriptors: 0, token: None };
            self.process(i).unsent.push_back((successor(connection), parcel));
        }
    }

    /// The queue has room again.
    pub(super) fn flush(&mut self, i: usize) {
        for (to, parcel) in mem::take(&mut self.process(i).unsent) {
            self.deliver(i, to, parcel);
        }
    }

    /// The service is the successor's.
    fn hand_over(&mut self, i: usize, successor: u32) -> Result<(), Violation> {
        let owned = |(process, owned): (usize, &bool)| pid(process) == successor && *owned;
        if !self.has_owned.iter().enumerate().any(owned) {
            return Err(Violation::ExitBeforeOwned(i));
        }
        self.check_let_go(i)?;
        let process = self.process(i);
        (process.owns, process.has_everything, process.has_exited) = (false, false, true);
        process.is_frozen = false;
        self.close_token(i);
        self.stop_listening(i);
        Ok(())
    }

    /// What it was told of the token has made it hand over, or not.
    fn check_hand_over(&self, i: usize, heir: Option<ConnectionId>) -> Result<(), Violation> {
        let drains = match &self.processes[i].part {
            Part::Predecessor(machine) => machine.phase() == Phase::Draining,
            _ => false,
        };
        match heir.map(successor).filter(|_| drains) {
            Some(heir) if self.processes[heir].fate == Fate::Dead => {
                Err(Violation::HandsOverToDead(i))
            }
            _ => Ok(()),
        }
    }

    /// Whoever is told that the service is not its own holds no lock by then.
    pub(super) fn check_let_go(&self, i: usize) -> Result<(), Violation> {
        match self.processes[i].token {
            Some(token) if self.kernel.holds(i, token) => Err(Violation::KeepsToken(i)),
            _ => Ok(()),
        }
    }

    /// A process closes its copy of the token. A child that has one too keeps the lock.
    pub(super) fn close_token(&mut self, i: usize) {
        let copied = self.processes[i].child.and_then(|child| child.token);
        self.kernel.close_all(i, copied);
        self.process(i).token = None;
    }
}

/// The number of the connection that a successor has made last.
pub(super) fn connection(from: usize) -> ConnectionId {
    ConnectionId(from as u64)
}

pub(super) fn successor(connection: ConnectionId) -> usize {
    connection.0 as usize
}

fn is_of_kind(frame: &[u8], kind: MessageKind) -> bool {
    frame.get(6..8) == Some(&(kind as u16).to_le_bytes())
}

/// The text of an `Abort` is for people: worlds that differ in nothing else are the same.
pub(super) fn without_text(frame: Vec<u8>) -> Vec<u8> {
    match Message::decode(&frame) {
        Ok(Message::Abort(abort)) => {
            Message::Abort(Abort::new(abort.reason, "")).encode().unwrap_or(frame)
        }
        _ => frame,
    }
}

pub(super) fn pid(process: usize) -> u32 {
    u32::try_from(process).unwrap_or(u32::MAX)
}

/// The one thing that is handed over.
fn entry() -> Option<Arc<Entry>> {
    Some(Arc::new(Entry {
        kind: Kind::File,
        name: Name::new("file").ok()?,
        identity: Identity::File(FileId { device: 1, inode: 1 }),
        path: None,
        opaque: Default::default(),
    }))
}
