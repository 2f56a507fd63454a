//! The processes that this one has spawned.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::process::Child;
use std::time::Duration;

use heirloom_proto::Secret;

use crate::address::UnixAddress;
use crate::launch::Launch;
use crate::sys::pidfd::PidFd;

/// The processes spawned and not yet reaped, the latest last.
#[derive(Default)]
pub(super) struct Children(Vec<Spawned>);

struct Spawned {
    child: Child,
    process: PidFd,
    /// It has said who it is, so it is told when its handoff fails.
    introduced: bool,
    kill_at: Option<Duration>,
}

/// How long a spawned successor whose handoff failed may take to end by itself, and to say why.
const CONDEMNED: Duration = Duration::from_secs(2);

impl Children {
    /// Starts a successor.
    pub(super) fn spawn(
        &mut self,
        launch: &Launch,
        socket: &UnixAddress,
        secret: Secret,
    ) -> io::Result<()> {
        let mut child = launch.spawn(socket, secret)?;
        match PidFd::open(child.id().cast_signed()) {
            Ok(process) => {
                self.0.push(Spawned { child, process, introduced: false, kill_at: None })
            }
            Err(error) => {
                // It could not be watched. It has done nothing yet.
                child.kill()?;
                child.wait()?;
                return Err(error);
            }
        }
        Ok(())
    }

    /// Gives the latest a little time to end by itself.
    pub(super) fn condemn(&mut self, now: Duration) {
        if let Some(spawned) = self.0.last_mut() {
            spawned.kill_at.get_or_insert(now + CONDEMNED);
        }
    }

    /// Kills those whose time is over.
    pub(super) fn handle_timeout(&mut self, now: Duration) {
        for spawned in &mut self.0 {
            if spawned.kill_at.is_some_and(|kill_at| kill_at <= now) {
                spawned.kill_at = None;
                // It may have ended in this very moment.
                let _ = spawned.process.kill();
            }
        }
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        self.0.iter().filter_map(|spawned| spawned.kill_at).min()
    }

    /// Reaps one that has ended. Tells how it did, and whether it was the latest.
    pub(super) fn reap(&mut self, pid: u32) -> Option<(String, bool)> {
        let index = self.0.iter().position(|spawned| spawned.child.id() == pid)?;
        match self.0.get_mut(index)?.child.try_wait() {
            Ok(None) => None,
            status => {
                let latest = index + 1 == self.0.len();
                self.0.remove(index);
                let status = status.ok().flatten();
                Some((status.map_or("unknown".into(), |status| status.to_string()), latest))
            }
        }
    }

    /// The process has said who it is.
    pub(super) fn introduce(&mut self, pid: u32) {
        for spawned in self.0.iter_mut().filter(|spawned| spawned.child.id() == pid) {
            spawned.introduced = true;
        }
    }

    /// Kills those whose handoff failed before they could be told: they would find nobody there and
    /// begin the service anew.
    pub(super) fn end_untold(&mut self) {
        let untold = |spawned: &&mut Spawned| spawned.kill_at.is_some() && !spawned.introduced;
        for spawned in self.0.iter_mut().filter(untold) {
            if spawned.process.kill().is_ok() {
                // What is killed ends at once.
                let _ = spawned.child.wait();
            }
        }
    }

    /// The process of each.
    pub(super) fn processes(&self) -> impl Iterator<Item = (u32, BorrowedFd<'_>)> {
        self.0.iter().map(|spawned| (spawned.child.id(), spawned.process.as_fd()))
    }
}
