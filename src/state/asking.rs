//! The driver's side of asking the application: one question at a time, with a deadline, and never on
//! the driver's own thread.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use super::Offered;
use super::questions::{Answer, Place, Run, Verdict};
use crate::mailbox::Mailbox;

/// What the application is being asked, if it is.
#[derive(Debug, Default)]
pub(crate) struct Asking {
    /// The number of the latest run of the thread.
    latest: u64,
    running: Option<Running>,
    wanted: Option<Wanted>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    /// All states, and what is going to be frozen.
    Provide,
    /// The last words.
    Freeze,
}

/// A run of the thread that has not come to its end.
#[derive(Debug)]
struct Running {
    number: u64,
    place: Place,
    since: Duration,
    verdict: Sender<Verdict>,
    /// It was waited for in vain.
    hangs: bool,
}

/// What a handoff waits for.
#[derive(Debug)]
struct Wanted {
    question: Question,
    /// The run that is to answer it, once one is.
    number: Option<u64>,
    offers: Vec<Arc<Offered>>,
    deadline: Duration,
    allowed: Duration,
}

impl Asking {
    /// Asks, or waits until an earlier handoff's question is answered.
    ///
    /// # Errors
    ///
    /// Why nothing can be asked: what an earlier handoff asked hangs, or there is no thread.
    pub(crate) fn ask(
        &mut self,
        question: Question,
        offers: Vec<Arc<Offered>>,
        allowed: Duration,
        mailbox: &Arc<Mailbox>,
        now: Duration,
    ) -> Result<(), String> {
        if let Some(hanging) = self.running.as_ref().filter(|running| running.hangs) {
            return Err(hanging.still_hangs(now));
        }
        let deadline = now + allowed;
        self.wanted = Some(Wanted { question, number: None, offers, deadline, allowed });
        self.go_on(mailbox, now)
    }

    /// An answer has come. Gives back the one that is waited for, and asks what had to wait.
    ///
    /// # Errors
    ///
    /// Why what had to wait cannot be asked.
    pub(crate) fn answered(
        &mut self,
        number: u64,
        answer: Answer,
        mailbox: &Arc<Mailbox>,
        now: Duration,
    ) -> Result<Option<Answer>, String> {
        let is_over = !matches!(answer, Answer::Frozen(_));
        self.running.take_if(|running| is_over && running.number == number);
        let wanted = self.wanted.take_if(|wanted| wanted.number == Some(number));
        match wanted {
            Some(_) => Ok(Some(answer)),
            None => self.go_on(mailbox, now).map(|()| None),
        }
    }

    /// The handoff has failed: whatever was frozen is thawed.
    pub(crate) fn thaw(&mut self) {
        self.end(Verdict::Thaw);
    }

    /// The successor owns the service: whatever was frozen stays so, and its thread ends.
    pub(crate) fn keep(&mut self) {
        self.end(Verdict::Keep);
        self.running = None;
    }

    /// The handoff is over: nobody waits for an answer.
    pub(crate) fn forget(&mut self) {
        if self.wanted.take().is_some()
            && let Some(running) = &self.running
        {
            tracing::warn!(target: "heirloom", event = "state_not_awaited", asked = running.place.name(), "the handoff is over while it is asked");
        }
    }

    pub(crate) fn deadline(&self) -> Option<Duration> {
        self.wanted.as_ref().map(|wanted| wanted.deadline)
    }

    /// The question that has not been answered in time, and what is to be said of that.
    pub(crate) fn overdue(&mut self, now: Duration) -> Option<(Question, String)> {
        let wanted = self.wanted.take_if(|wanted| wanted.deadline <= now)?;
        let Some(running) = &mut self.running else {
            return Some((wanted.question, "nobody answers for the state".into()));
        };
        running.hangs = true;
        let text = match wanted.number == Some(running.number) {
            true => {
                let ms = wanted.allowed.as_millis();
                let name = running.place.name();
                format!("{name} hangs: it has not answered, all together may take {ms} ms")
            }
            false => running.still_hangs(now),
        };
        Some((wanted.question, text))
    }

    fn end(&mut self, verdict: Verdict) {
        if let Some(running) = &self.running {
            // One that only provides has ended, or reads no verdict.
            let _ = running.verdict.send(verdict);
        }
    }

    /// Asks what is wanted, if nothing else is being asked.
    fn go_on(&mut self, mailbox: &Arc<Mailbox>, now: Duration) -> Result<(), String> {
        let (None, Some(wanted)) = (&self.running, &mut self.wanted) else {
            return Ok(());
        };
        self.latest += 1;
        let (verdict, receiver) = channel();
        let place = Place::default();
        let run = Run {
            number: self.latest,
            question: wanted.question,
            offers: std::mem::take(&mut wanted.offers),
            place: place.clone(),
            verdict: receiver,
            mailbox: Arc::clone(mailbox),
        };
        if let Err(error) = start(run) {
            self.wanted = None;
            return Err(format!("the thread that asks for the state cannot be started: {error}"));
        }
        wanted.number = Some(self.latest);
        let number = self.latest;
        self.running = Some(Running { number, place, since: now, verdict, hangs: false });
        Ok(())
    }
}

impl Running {
    fn still_hangs(&self, now: Duration) -> String {
        let (name, ms) = (self.place.name(), now.saturating_sub(self.since).as_millis());
        format!(
            "{name} still hangs: an earlier handoff asked it {ms} ms ago; the next one goes on once it \
             has answered"
        )
    }
}

fn start(run: Run) -> io::Result<()> {
    thread::Builder::new().name("heirloom-state".into()).spawn(move || run.ask())?;
    Ok(())
}
