//! `heirloom launch`: a new version of a running service.

mod custody;
mod news;

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use heirloom::tool::{Event, Tool};
use serde_json::json;

use crate::args::Launch;
use crate::event;
use crate::outcome::{Code, Failed};
use crate::progress::Progress;
use crate::show::{GOOD, Show};
use crate::upgrade::is_on_the_way;
use custody::Custody;
use news::News;

/// How long an event may be on its way through this process, once the running service has told it.
const REASON: Duration = Duration::from_millis(500);

/// A successor that does not come to own the service.
#[derive(Debug)]
enum Lost {
    /// It knows, and ends by itself.
    Told(Failed),
    /// It is waited for no longer.
    GivenUp(Failed),
}

/// Starts the program, and waits until it owns the service.
pub(crate) fn launch(arguments: &Launch) -> Result<(), Failed> {
    let show = Show::new(arguments.service.json);
    let socket = &arguments.service.socket;
    let watch = Tool::connect(socket)?.watch()?;
    let (sender, news) = channel();
    // Before there is a successor that could be left behind.
    news::tell_interrupts(sender.clone())?;
    news::adopt_orphans()?;
    let child = start(arguments)?;
    let mut custody = Custody::new(child.id(), socket);
    news::follow(child, watch, socket, sender);
    let deadline = Instant::now().checked_add(arguments.timeout);
    let progress = Progress::new(show);
    progress.say(format_args!("process {}", custody.pid()));
    let follow = Follow { custody: &mut custody, show, progress, news: &news, deadline };
    // It may have come to own the service in the very moment in which it was given up.
    follow.until_owned().or_else(|lost| custody.end(lost, &news))
}

/// Starts the program in the background: what a terminal sends to this process is none of its.
fn start(arguments: &Launch) -> Result<Child, Failed> {
    let no_program = || Failed::new(Code::Other, "no program is named");
    let (program, rest) = arguments.program.split_first().ok_or_else(no_program)?;
    let mut command = Command::new(program);
    command.args(rest).process_group(0);
    // This command may have been run by a service: what that was told by its predecessor is not for another.
    command.env_remove("HEIRLOOM_SOCKET").env_remove("HEIRLOOM_SECRET");
    if let Some(path) = &arguments.output {
        let output = open(path)?;
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
    } else if arguments.service.json {
        // What is printed here is for programs, and the service's words are none of it.
        command.stdout(io::stderr().as_fd().try_clone_to_owned()?);
    }
    command.spawn().map_err(|error| {
        let program = program.to_string_lossy();
        Failed::new(Code::SuccessorExited, format!("{program} cannot be started: {error}"))
    })
}

fn open(path: &Path) -> Result<File, Failed> {
    File::options().create(true).append(true).open(path).map_err(|error| {
        Failed::new(Code::Other, format!("{} cannot be opened: {error}", path.display()))
    })
}

/// Waits for one of the things that may become of the successor.
struct Follow<'a> {
    custody: &'a mut Custody,
    show: Show,
    progress: Progress,
    news: &'a Receiver<News>,
    deadline: Option<Instant>,
}

impl Follow<'_> {
    fn until_owned(self) -> Result<(), Lost> {
        let mut exited = None;
        loop {
            match self.next(exited) {
                Ok(News::Happened(event)) if self.custody.is_ours(event.pid()) => {
                    self.show(&event);
                    if let Some(outcome) = outcome_of(&event) {
                        return outcome;
                    }
                }
                Ok(News::Owner { pid, generation }) if self.custody.is_ours(pid) => {
                    self.show_adopted(pid, generation);
                    return Ok(());
                }
                Ok(News::Happened(_) | News::Owner { .. }) => {}
                Ok(News::Exited(status)) => {
                    self.custody.note_exit();
                    exited = Some((status, Instant::now()));
                }
                Ok(News::Interrupted) => {
                    return Err(Lost::GivenUp(Failed::new(Code::Other, "interrupted")));
                }
                Err(_) => return Err(self.in_vain(exited.map(|(status, _)| status))),
            }
        }
    }

    /// What happens next. Of a program that has ended only the reason is waited for.
    fn next(&self, exited: Option<(ExitStatus, Instant)>) -> Result<News, RecvTimeoutError> {
        let reason = exited.and_then(|(_, at)| at.checked_add(REASON));
        match self.deadline.into_iter().chain(reason).min() {
            Some(until) => self.news.recv_timeout(until.saturating_duration_since(Instant::now())),
            None => self.news.recv().map_err(RecvTimeoutError::from),
        }
    }

    fn show(&self, event: &Event) {
        self.progress.clear();
        // The successor's fate does not hang on who reads of it.
        let _ = event::print(self.show, event);
        if is_on_the_way(event) {
            self.progress.say(event);
        }
    }

    /// The predecessor has died, and the successor has taken the service over all the same.
    fn show_adopted(&self, pid: u32, generation: u64) {
        self.progress.clear();
        let told = format!(
            "process {pid} owns the service as generation {generation}, its predecessor is gone"
        );
        let _ = self.show.print(
            || json!({ "event": "owned", "pid": pid, "generation": generation }),
            || self.show.paint(GOOD, told),
        );
    }

    fn in_vain(&self, exited: Option<ExitStatus>) -> Lost {
        let pid = self.custody.pid();
        match exited {
            Some(status) => {
                let text = format!("process {pid} ended ({status}) before it owned the service");
                Lost::Told(Failed::new(Code::SuccessorExited, text))
            }
            None => {
                let text = format!("process {pid} did not come to own the service in time");
                Lost::GivenUp(Failed::new(Code::TimedOut, text))
            }
        }
    }
}

/// What an event of the successor leads to, if it is the last one.
fn outcome_of(event: &Event) -> Option<Result<(), Lost>> {
    match event {
        Event::Owned { .. } => Some(Ok(())),
        Event::Failed { kind, reason, .. } | Event::TakenBack { kind, reason, .. } => {
            Some(Err(Lost::Told(Failed::new(Code::of(*kind), reason))))
        }
        // The kind is whatever its start fails with: it is refused all the same.
        Event::Refused { reason, .. } => Some(Err(Lost::Told(Failed::new(Code::Refused, reason)))),
        _ => None,
    }
}
