//! The successor that this process has started, and its end where it comes to nothing.

use std::collections::BTreeSet;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use heirloom::tool::Tool;
use heirloom::{Error, Phase, Status};
use nix::sys::signal::{Signal, killpg};
use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use nix::unistd::{Pid, getpgid};

use super::Lost;
use super::news::News;
use crate::outcome::Failed;

/// The process group of a successor.
#[derive(Debug)]
pub(super) struct Custody {
    group: Pid,
    /// Its processes that have been heard of.
    known: BTreeSet<u32>,
    has_exited: bool,
    socket: String,
}

/// How long a successor may take to end that knows by itself that it has failed, or has been killed.
const GRACE: Duration = Duration::from_secs(2);

/// How long the token may be on its way. The running service settles it within its commit timeout, which
/// is 2 s unless it has set another, of 60 s at most.
const SETTLED: Duration = Duration::from_secs(65);

/// How long the running service may take to answer. Whoever does not is asked no more.
const ANSWER: Duration = Duration::from_secs(2);

/// How soon somebody is asked again who is about to settle it.
const AGAIN: Duration = Duration::from_millis(20);

/// What is known of a frozen successor.
enum Standing {
    Owns,
    /// It does not own the service, nor can before it goes on. Another process does.
    Harmless {
        owner: u32,
    },
    /// The token is on its way.
    Open,
    /// Nobody tells.
    Unknown(Error),
}

impl Custody {
    pub(super) fn new(pid: u32, socket: &str) -> Self {
        let group = Pid::from_raw(pid.cast_signed());
        Self { group, known: BTreeSet::from([pid]), has_exited: false, socket: socket.into() }
    }

    pub(super) fn pid(&self) -> Pid {
        self.group
    }

    /// Whether a process is the one that was started, or of its process group: a script may have
    /// started it in its turn.
    pub(super) fn is_ours(&mut self, pid: u32) -> bool {
        let process = Pid::from_raw(pid.cast_signed());
        // 0 is a process that is not visible from here, and to the kernel this one.
        if pid != 0 && getpgid(Some(process)) == Ok(self.group) {
            // Events may tell of it once it has ended.
            self.known.insert(pid);
        }
        self.known.contains(&pid)
    }

    /// The program has ended. The running service has told whatever it had to tell of it before when this returns.
    pub(super) fn note_exit(&mut self) {
        self.has_exited = true;
        // It does one thing after the other: what it answers comes last.
        let _ = status(&self.socket);
    }

    /// Ends a successor that has failed, unless it owns the service after all.
    ///
    /// It is frozen first. What it is then can be asked for, and does not change before it is ended: a
    /// frozen process takes no token, and the running service takes back one that it let go.
    pub(super) fn end(&mut self, lost: Lost, news: &Receiver<News>) -> Result<(), Failed> {
        let failed = match lost {
            Lost::Told(failed) if self.has_ended(news) => return Err(failed),
            Lost::Told(failed) | Lost::GivenUp(failed) => failed,
        };
        if killpg(self.group, Signal::SIGSTOP).is_err() {
            return Err(failed);
        }
        match self.settled(news) {
            Standing::Owns => {
                self.signal(Signal::SIGCONT);
                Ok(())
            }
            Standing::Harmless { owner } => {
                self.signal(Signal::SIGKILL);
                self.has_ended(news);
                let text = format!("{}; it was ended, process {owner} serves on", failed.text);
                Err(Failed::new(failed.code, text))
            }
            Standing::Open => self.let_go(failed, "its handoff does not come to an end"),
            Standing::Unknown(error) => self.let_go(failed, &error.to_string()),
        }
    }

    /// Whether every process of the group ends without being told.
    fn has_ended(&mut self, news: &Receiver<News>) -> bool {
        let until = Instant::now() + GRACE;
        while !self.has_exited {
            match news.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(News::Exited(_)) => self.has_exited = true,
                Ok(News::Happened(_) | News::Owner { .. }) => {}
                Ok(News::Interrupted) | Err(_) => return false,
            }
        }
        killpg(self.group, None).is_err()
    }

    /// Waits until the token is on its way no more.
    fn settled(&mut self, news: &Receiver<News>) -> Standing {
        let until = Instant::now() + SETTLED;
        loop {
            match self.standing() {
                Standing::Open if Instant::now() < until => {
                    // Whatever comes, or nothing does: the service is asked again.
                    let _: Result<News, RecvTimeoutError> = news.recv_timeout(AGAIN);
                }
                standing => return standing,
            }
        }
    }

    fn standing(&mut self) -> Standing {
        match connect(&self.socket) {
            // It is frozen, and has no other way to tell.
            Ok(tool) if listener(&tool).is_some_and(|pid| self.is_ours(pid)) => Standing::Owns,
            Ok(mut tool) => match tool.status() {
                Ok(status) if self.is_ours(status.pid) => Standing::Owns,
                Ok(status) if self.is_moving(&status) => Standing::Open,
                Ok(status) => Standing::Harmless { owner: status.pid },
                Err(error) => Standing::Unknown(error),
            },
            Err(error) => Standing::Unknown(error),
        }
    }

    /// Whether the token is on its way to the successor.
    fn is_moving(&mut self, status: &Status) -> bool {
        use Phase::{Committing, Fencing, Reclaiming, Releasing};
        let moving = matches!(status.phase, Committing | Releasing | Reclaiming | Fencing);
        moving && status.handoff.as_ref().is_some_and(|handoff| self.is_ours(handoff.pid))
    }

    /// Lets a successor go on of which it cannot be known whether the service depends on it.
    fn let_go(&mut self, failed: Failed, why: &str) -> Result<(), Failed> {
        self.signal(Signal::SIGCONT);
        // It may have been the only one who could tell.
        if status(&self.socket).is_ok_and(|status| self.is_ours(status.pid)) {
            return Ok(());
        }
        let text = format!("{}; process {} goes on, for {why}", failed.text, self.group);
        Err(Failed::new(failed.code, text))
    }

    fn signal(&self, signal: Signal) {
        // It may have ended meanwhile.
        let _ = killpg(self.group, signal);
    }
}

fn status(socket: &str) -> Result<Status, Error> {
    connect(socket)?.status()
}

fn connect(socket: &str) -> Result<Tool, Error> {
    Tool::builder().timeout(ANSWER).connect(socket)
}

/// Who listens on the handoff socket, as the kernel tells it: an owner listens anew before it says that it is one.
fn listener(tool: &Tool) -> Option<u32> {
    let peer = getsockopt(tool, PeerCredentials).ok()?;
    u32::try_from(peer.pid()).ok()
}
