//! The service's processes: started, watched, and none of them outlives the demo.

use std::env;
use std::error::Error;
use std::fs;
use std::io::{self, BufRead, BufReader, PipeReader, PipeWriter};
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::event::Event;
use crate::role::{self, Fault};

/// Every process of the service, of every generation.
///
/// All write their events into one pipe, and all hold the reading end of another, the leash: when
/// the demo ends, however it ends, the leash closes and each process kills itself. This holds also
/// for the successors that a predecessor spawned, which are not the demo's children: they inherit
/// both pipes as their standard streams.
pub(crate) struct Services {
    arguments: Vec<String>,
    pid_file: PathBuf,
    leash: Option<(PipeReader, PipeWriter)>,
    events: Option<PipeWriter>,
    sender: Option<Sender<Happening>>,
    happenings: Receiver<Happening>,
    /// Read and not asked for yet.
    waiting: Vec<Happening>,
    /// Started by the demo and not ended.
    children: Vec<u32>,
    /// Of these, the ones that are to fail.
    doomed: Vec<u32>,
}

#[derive(Debug)]
enum Happening {
    Told(Event),
    Ended { pid: u32, status: ExitStatus },
}

impl Services {
    /// None runs yet; each will be given `arguments`, and `pid_file` on top.
    pub(crate) fn new(mut arguments: Vec<String>, pid_file: PathBuf) -> io::Result<Self> {
        arguments.extend(["--pid-file".to_owned(), pid_file.display().to_string()]);
        let (reader, writer) = io::pipe()?;
        let (sender, happenings) = mpsc::channel();
        let told = sender.clone();
        thread::Builder::new().name("events".into()).spawn(move || read_events(reader, &told))?;
        Ok(Self {
            arguments,
            pid_file,
            leash: Some(io::pipe()?),
            events: Some(writer),
            sender: Some(sender),
            happenings,
            waiting: Vec::new(),
            children: Vec::new(),
            doomed: Vec::new(),
        })
    }

    /// Starts a process by hand, as a deploy tool would.
    pub(crate) fn start(&mut self, fault: Option<Fault>) -> Result<u32, Box<dyn Error>> {
        let (Some((leash, _)), Some(events), Some(sender)) =
            (&self.leash, &self.events, &self.sender)
        else {
            return Err("the demo is over".into());
        };
        let mut child = Command::new(env::current_exe()?)
            .args(role::arguments(fault))
            .args(&self.arguments)
            .stdin(leash.try_clone()?)
            .stdout(events.try_clone()?)
            .stderr(Stdio::inherit())
            .spawn()?;
        let pid = child.id();
        self.children.push(pid);
        if fault.is_some() {
            self.doomed.push(pid);
        }
        let sender = sender.clone();
        thread::Builder::new().name(format!("wait-{pid}")).spawn(move || {
            if let Ok(status) = child.wait() {
                let _ = sender.send(Happening::Ended { pid, status });
            }
        })?;
        Ok(pid)
    }

    /// Sends a signal to one of the processes.
    pub(crate) fn signal(&self, pid: u32, signal: Signal) -> Result<(), Box<dyn Error>> {
        Ok(kill(Pid::from_raw(pid.try_into()?), signal)?)
    }

    /// Waits for the event `name`, of `pid` if one is given.
    ///
    /// # Errors
    ///
    /// If it takes longer than `timeout`, or a process fails that was not to fail.
    pub(crate) fn wait_for(
        &mut self,
        name: &str,
        pid: Option<u32>,
        timeout: Duration,
    ) -> Result<Event, Box<dyn Error>> {
        let wanted = |happening: &Happening| match happening {
            Happening::Told(event) if event.name == name => {
                pid.is_none_or(|pid| event.pid == pid).then(|| event.clone())
            }
            _ => None,
        };
        let found = self.find(wanted, timeout)?;
        found.ok_or_else(|| format!("no event `{name}` within {timeout:?}").into())
    }

    /// Waits until a process that the demo started has ended.
    ///
    /// # Errors
    ///
    /// As [`wait_for`](Self::wait_for).
    pub(crate) fn wait_for_end(
        &mut self,
        child: u32,
        timeout: Duration,
    ) -> Result<ExitStatus, Box<dyn Error>> {
        let wanted = |happening: &Happening| match happening {
            Happening::Ended { pid, status } if *pid == child => Some(*status),
            _ => None,
        };
        let found = self.find(wanted, timeout)?;
        found.ok_or_else(|| format!("process {child} has not ended within {timeout:?}").into())
    }

    /// Lets `time` pass, in which no process may fail.
    pub(crate) fn watch(&mut self, time: Duration) -> Result<(), Box<dyn Error>> {
        self.find(|_| None::<()>, time).map(|_| ())
    }

    /// Waits until no process is left; none can be started any more. False if one stays.
    pub(crate) fn all_end(&mut self, timeout: Duration) -> bool {
        // The channel closes when the last process has closed its end of the pipe.
        self.events = None;
        self.sender = None;
        let deadline = Instant::now() + timeout;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.happenings.recv_timeout(left) {
                Ok(_) => {}
                Err(error) => return error == RecvTimeoutError::Disconnected,
            }
        }
    }

    /// The process that owns the service, as its PID file says.
    pub(crate) fn owner(&self) -> Result<u32, Box<dyn Error>> {
        let content = fs::read_to_string(&self.pid_file)?;
        Ok(content.trim().parse()?)
    }

    /// The first happening that is wanted, or none within `timeout`.
    fn find<T>(
        &mut self,
        wanted: impl Fn(&Happening) -> Option<T>,
        timeout: Duration,
    ) -> Result<Option<T>, Box<dyn Error>> {
        if let Some(at) = self.waiting.iter().position(|happening| wanted(happening).is_some()) {
            return Ok(wanted(&self.waiting.remove(at)));
        }
        let deadline = Instant::now() + timeout;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.happenings.recv_timeout(left) {
                Ok(happening) => {
                    self.note(&happening)?;
                    if let Some(found) = wanted(&happening) {
                        return Ok(Some(found));
                    }
                    self.waiting.push(happening);
                }
                Err(RecvTimeoutError::Timeout) => return Ok(None),
                Err(RecvTimeoutError::Disconnected) => return Err("all processes are gone".into()),
            }
        }
    }

    fn note(&mut self, happening: &Happening) -> Result<(), String> {
        let (pid, error) = match happening {
            Happening::Ended { pid, status } => {
                self.children.retain(|child| child != pid);
                (*pid, (!status.success()).then(|| status.to_string()))
            }
            Happening::Told(event) if event.name == "doomed" => {
                self.doomed.push(event.pid);
                (event.pid, None)
            }
            Happening::Told(event) => {
                let failed = event.name == "failed";
                (event.pid, failed.then(|| event.error().to_owned()))
            }
        };
        match error {
            Some(error) if !self.doomed.contains(&pid) => Err(format!("process {pid}: {error}")),
            _ => Ok(()),
        }
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        self.leash = None;
        for child in &self.children {
            let _ = self.signal(*child, Signal::SIGKILL);
        }
        self.all_end(TIMEOUT);
    }
}

/// For what must not take any time worth speaking of.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(10);

fn read_events(from: PipeReader, to: &Sender<Happening>) {
    for line in BufReader::new(from).lines().map_while(Result::ok) {
        if let Some(event) = Event::parse(&line) {
            let _ = to.send(Happening::Told(event));
        }
    }
}
