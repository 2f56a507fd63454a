//! What befalls a process, and what its kernel does then.

use alloc::sync::Arc;

use super::link::Link;
use super::process::{Child, Fate, Process};
use super::{PROCESSES, World};

impl World {
    pub(super) fn kill(&mut self, i: usize, child: Option<Child>) {
        self.faults -= 1;
        self.process(i).kill(child);
        self.drop_unread(i);
    }

    pub(super) fn hang(&mut self, i: usize) {
        self.faults -= 1;
        self.process(i).hang();
        // The listener may be on its way to it, and stays there.
        let coming = self.links[i].as_ref().is_some_and(|link| link.brings_listener());
        self.process(i).listens |= coming;
        self.drop_unread(i);
    }

    /// What a child of a process has copies of.
    pub(super) fn copies(&self, i: usize) -> Child {
        let links = core::array::from_fn(|from| {
            let link = self.links[from].as_ref();
            link.is_some_and(|link| from == i || link.is_read_by(i))
        });
        let Process { token, listens, .. } = *self.processes[i];
        Child { token, listens, links }
    }

    /// Nobody is going to read what has come for a process.
    pub(super) fn drop_unread(&mut self, i: usize) {
        for from in 0..PROCESSES {
            match self.link(from) {
                Some(link) if from == i => link.to_successor.clear(),
                Some(link) if link.acceptor == Some(i) => link.to_predecessor.clear(),
                _ => {}
            }
        }
    }

    /// The kernel closes what a dead process had of tokens.
    pub(super) fn let_lock_go(&mut self, i: usize) {
        let copied = self.processes[i].child.and_then(|child| child.token);
        self.kernel.close_all(i, copied);
        self.bury(i, |lock, sockets| (*lock, _) = (false, sockets));
    }

    /// The kernel closes what a dead process had of sockets.
    pub(super) fn close_sockets(&mut self, i: usize) {
        for from in 0..PROCESSES {
            self.close_end(i, from);
        }
        self.stop_listening(i);
        self.bury(i, |lock, sockets| (_, *sockets) = (lock, false));
    }

    pub(super) fn bury(&mut self, i: usize, done: impl FnOnce(&mut bool, &mut bool)) {
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
    pub(super) fn close_end(&mut self, i: usize, from: usize) {
        let kept = self.processes[i].child.is_some_and(|child| child.links[from]);
        match self.link(from).filter(|_| !kept) {
            Some(link) if i == from => link.successor_closed = true,
            Some(link) if link.acceptor == Some(i) => link.predecessor_closed = true,
            _ => {}
        }
    }

    pub(super) fn stop_listening(&mut self, i: usize) {
        self.process(i).listens = false;
        if !self.is_name_held() {
            self.close_queue();
        }
    }

    /// Closes all connections that wait to be accepted.
    pub(super) fn close_queue(&mut self) {
        while let Some(from) = self.listener.queue.pop_front() {
            if let Some(link) = self.link(from) {
                link.predecessor_closed = true;
            }
        }
    }

    /// Somebody has the control listener, or is about to receive it.
    pub(super) fn is_name_held(&self) -> bool {
        let has = |process: &Arc<Process>| {
            process.listens || process.child.is_some_and(|child| child.listens)
        };
        let on_its_way = |link: &Arc<Link>| !link.successor_closed && link.brings_listener();
        self.processes.iter().any(has) || self.links.iter().flatten().any(on_its_way)
    }
}
