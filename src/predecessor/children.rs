//! The processes that this one has spawned.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use heirloom_proto::Secret;

use crate::address::UnixAddress;
use crate::launch::{Launch, Launched};
use crate::mailbox::{Command, Mailbox};
use crate::sys::pidfd::PidFd;

/// The processes spawned and not yet reaped.
#[derive(Default)]
pub(super) struct Children {
    spawned: Vec<Spawned>,
    /// The number of the one that was to be spawned last.
    latest: u64,
    /// The latest has not begun as far as is known, and it is waited for.
    awaited: bool,
    /// Nobody has a use for the latest any more: if it begins it is to end.
    needless: Arc<AtomicBool>,
    /// Whoever has introduced himself meanwhile: he may be it.
    introduced: Option<u32>,
    /// Until when the latest, which is waited for no more, may take if it begins after all.
    condemned: Option<Duration>,
}

struct Spawned {
    number: u64,
    child: Child,
    process: PidFd,
    /// It has said who it is, so it is told when its handoff fails.
    introduced: bool,
    kill_at: Option<Duration>,
}

/// How long a spawned successor whose handoff failed may take to end by itself, and to say why.
const CONDEMNED: Duration = Duration::from_secs(2);

impl Children {
    /// Starts a successor. The mailbox is told when it has begun.
    pub(super) fn spawn(
        &mut self,
        launch: &Launch,
        socket: &UnixAddress,
        secret: Secret,
        mailbox: &Arc<Mailbox>,
    ) -> io::Result<()> {
        self.latest += 1;
        self.needless = Arc::default();
        let (number, mailbox) = (self.latest, Arc::clone(mailbox));
        let tell = move |outcome| {
            // Where nobody takes it any more it is dropped.
            let _ = mailbox.put(Command::Launched(number, outcome));
        };
        launch.spawn(socket, secret, tell, Arc::clone(&self.needless))?;
        (self.awaited, self.introduced, self.condemned) = (true, None, None);
        Ok(())
    }

    /// The one of this number has begun, or has not. One that nobody waits for any more is ended.
    ///
    /// # Errors
    ///
    /// Why the one that is waited for has not begun, or cannot be watched.
    pub(super) fn launched(
        &mut self,
        number: u64,
        outcome: io::Result<Launched>,
        now: Duration,
    ) -> io::Result<()> {
        let latest = number == self.latest;
        let awaited = latest && std::mem::take(&mut self.awaited);
        let mut launched = match outcome {
            Ok(launched) => launched,
            Err(error) if awaited => return Err(error),
            Err(_) => return Ok(()),
        };
        let introduced = latest && self.introduced.is_some() && self.introduced == launched.pid();
        let (child, process) = match launched.watch() {
            Ok(watched) => watched,
            // Its connection tells of its end.
            Err(_) if introduced => return Ok(()),
            Err(error) if awaited => {
                self.needless.store(true, Ordering::SeqCst);
                return Err(error);
            }
            Err(_) => return Ok(()),
        };
        let kill_at = match awaited {
            true => None,
            false => Some(self.condemned.take_if(|_| latest).unwrap_or(now)),
        };
        self.spawned.push(Spawned { number, child, process, introduced, kill_at });
        Ok(())
    }

    /// Gives the latest a little time to end by itself.
    pub(super) fn condemn(&mut self, now: Duration) {
        let kill_at = now + CONDEMNED;
        self.needless.store(true, Ordering::SeqCst);
        if std::mem::take(&mut self.awaited) {
            tracing::warn!(target: "heirloom", event = "successor_not_begun", "the successor's program has not begun: it is ended if it does");
            self.condemned = Some(kill_at);
        }
        for spawned in self.spawned.iter_mut().filter(|spawned| spawned.number == self.latest) {
            spawned.kill_at.get_or_insert(kill_at);
        }
    }

    /// Whether one that nobody waits for may begin any moment: if this process ended before it knew,
    /// that would find nobody and begin the service anew.
    pub(super) fn expects_condemned(&self) -> bool {
        self.condemned.is_some()
    }

    /// Kills those whose time is over.
    pub(super) fn handle_timeout(&mut self, now: Duration) {
        self.condemned.take_if(|kill_at| *kill_at <= now);
        for spawned in &mut self.spawned {
            if spawned.kill_at.is_some_and(|kill_at| kill_at <= now) {
                spawned.kill_at = None;
                // It may have ended in this very moment.
                let _ = spawned.process.kill();
            }
        }
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        let spawned = self.spawned.iter().filter_map(|spawned| spawned.kill_at);
        spawned.chain(self.condemned).min()
    }

    /// Reaps one that has ended. Tells how it did, and whether it was the latest.
    pub(super) fn reap(&mut self, pid: u32) -> Option<(String, bool)> {
        let index = self.spawned.iter().position(|spawned| spawned.child.id() == pid)?;
        match self.spawned.get_mut(index)?.child.try_wait() {
            Ok(None) => None,
            status => {
                let latest = self.spawned.remove(index).number == self.latest;
                let status = status.ok().flatten();
                Some((status.map_or("unknown".into(), |status| status.to_string()), latest))
            }
        }
    }

    /// The process has said who it is.
    pub(super) fn introduce(&mut self, pid: u32) {
        self.introduced = Some(pid);
        for spawned in self.spawned.iter_mut().filter(|spawned| spawned.child.id() == pid) {
            spawned.introduced = true;
        }
    }

    /// Kills those whose handoff failed before they could be told: they would find nobody there and
    /// begin the service anew.
    pub(super) fn end_untold(&mut self) {
        let untold = |spawned: &&mut Spawned| spawned.kill_at.is_some() && !spawned.introduced;
        for spawned in self.spawned.iter_mut().filter(untold) {
            if spawned.process.kill().is_ok() {
                // What is killed ends at once.
                let _ = spawned.child.wait();
            }
        }
    }

    /// The process of each.
    pub(super) fn processes(&self) -> impl Iterator<Item = (u32, BorrowedFd<'_>)> {
        self.spawned.iter().map(|spawned| (spawned.child.id(), spawned.process.as_fd()))
    }
}
