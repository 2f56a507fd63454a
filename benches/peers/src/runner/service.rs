//! A service that is measured: all its generations, none of which outlives it.

use std::error::Error;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::waitpid;
use nix::unistd::Pid;

/// Its processes are a group of their own, and share the standard streams of the first one.
pub(crate) struct Service {
    group: Pid,
    owner: Pid,
    /// Each of them ends when this is closed, so also if the runner is killed.
    leash: Option<ChildStdin>,
    told: Receiver<Told>,
    /// The predecessor told that it ends, before its successor came to tell that it is ready.
    gone: bool,
    complaint: Arc<Mutex<String>>,
}

/// A line of the service: see `src/service/tell.rs`.
#[derive(Debug)]
enum Told {
    Ready(Pid),
    Upgraded(Duration),
    Failed(String),
    Gone,
}

impl Service {
    /// Starts the first generation and waits until it is ready.
    pub(crate) fn start(program: &Path, arguments: &[&str]) -> Result<Self, Box<dyn Error>> {
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()?;
        let first = Pid::from_raw(child.id().try_into()?);
        let (sender, told) = mpsc::channel();
        let complaint = Arc::default();
        let leash = child.stdin.take();
        let service = Self { group: first, owner: first, leash, told, gone: false, complaint };
        if let Some(stdout) = child.stdout.take() {
            thread::spawn(move || read_lines(stdout, &sender));
        }
        if let Some(stderr) = child.stderr.take() {
            let complaint = Arc::clone(&service.complaint);
            thread::spawn(move || keep_last_line(stderr, &complaint));
        }
        service.wait_for(|told| matches!(told, Told::Ready(_)).then_some(()))?;
        Ok(service)
    }

    /// Asks the owner to upgrade, and waits until it has and its successor is ready. How long the owner
    /// says that took, from its call of the library to the return.
    pub(crate) fn upgrade(&mut self) -> Result<Duration, Box<dyn Error>> {
        kill(self.owner, Signal::SIGHUP)?;
        let (mut ready, mut upgraded, mut gone) = (None, None, false);
        let (owner, took) = self.wait_for(|told| {
            match told {
                Told::Ready(pid) => ready = Some(pid),
                Told::Upgraded(took) => upgraded = Some(took),
                Told::Gone => gone = true,
                Told::Failed(_) => {}
            }
            ready.zip(upgraded)
        })?;
        (self.owner, self.gone) = (owner, gone);
        Ok(took)
    }

    /// Waits until the predecessor has drained.
    pub(crate) fn wait_for_predecessor(&self) -> Result<(), Box<dyn Error>> {
        match self.gone {
            true => Ok(()),
            false => self.wait_for(|told| matches!(told, Told::Gone).then_some(())),
        }
    }

    /// Lets time pass in which nothing is to happen.
    pub(crate) fn watch(&self, until: Instant) -> Result<(), Box<dyn Error>> {
        match self.next(until) {
            Ok(Told::Failed(why)) => Err(why.into()),
            Ok(told) => Err(format!("unexpected: {told:?}").into()),
            Err(RecvTimeoutError::Timeout) => Ok(()),
            Err(RecvTimeoutError::Disconnected) => Err(self.death()),
        }
    }

    /// Waits until something is found in what the service tells.
    fn wait_for<T>(&self, mut find: impl FnMut(Told) -> Option<T>) -> Result<T, Box<dyn Error>> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.next(deadline) {
                Ok(Told::Failed(why)) => return Err(why.into()),
                Ok(told) => {
                    if let Some(found) = find(told) {
                        return Ok(found);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    return Err(format!("nothing heard for {PATIENCE:?}").into());
                }
                Err(RecvTimeoutError::Disconnected) => return Err(self.death()),
            }
        }
    }

    fn next(&self, until: Instant) -> Result<Told, RecvTimeoutError> {
        self.told.recv_timeout(until.saturating_duration_since(Instant::now()))
    }

    fn death(&self) -> Box<dyn Error> {
        let complaint = self.complaint.lock().unwrap_or_else(PoisonError::into_inner);
        format!("its processes are gone: {complaint}").into()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.leash = None;
        let _ = killpg(self.group, Signal::SIGKILL);
        // Each orphan becomes the runner's child before its parent can be waited for.
        while waitpid(Pid::from_raw(-self.group.as_raw()), None).is_ok() {}
    }
}

/// Longer than any library's own limit, and than draining may take.
const PATIENCE: Duration = Duration::from_secs(90);

impl Told {
    fn parse(line: &str) -> Option<Self> {
        let (event, rest) = line.split_once(' ')?;
        match event {
            "ready" => rest.parse().ok().map(|pid| Self::Ready(Pid::from_raw(pid))),
            "upgraded" => rest.parse().ok().map(|ns| Self::Upgraded(Duration::from_nanos(ns))),
            "failed" => Some(Self::Failed(rest.into())),
            "gone" => Some(Self::Gone),
            _ => None,
        }
    }
}

fn read_lines(from: impl Read, to: &Sender<Told>) {
    for line in BufReader::new(from).lines().map_while(io::Result::ok) {
        if let Some(told) = Told::parse(&line) {
            let _ = to.send(told);
        }
    }
}

fn keep_last_line(from: impl Read, last: &Mutex<String>) {
    for line in BufReader::new(from).lines().map_while(io::Result::ok) {
        *last.lock().unwrap_or_else(PoisonError::into_inner) = line;
    }
}
