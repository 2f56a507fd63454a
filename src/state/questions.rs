//! The thread on which the application is asked. It lives only while a handoff asks.

use std::any::Any;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use heirloom_proto::{Entry, LateState, Opaque, TooLong, Words};

use super::asking::Question;
use super::offer::Source;
use super::{Offered, Writer};
use crate::mailbox::{Command, Mailbox};
use crate::slots::way_out;
use crate::sys::identity::identity;

/// What came of a question.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Everything that is offered, or why not.
    Provided(Result<Vec<Stated>, String>),
    /// Everything is frozen and has said its last words, or why not.
    Frozen(Result<Vec<u8>, String>),
    /// Everything that was frozen is so no more.
    Thawed,
}

/// One entry of the manifest, and its memory.
#[derive(Debug)]
pub(crate) struct Stated {
    pub(crate) entry: Arc<Entry>,
    pub(crate) memory: OwnedFd,
}

/// How a handoff that has frozen something ended.
#[derive(Clone, Copy, Debug)]
pub(super) enum Verdict {
    /// It failed.
    Thaw,
    /// The successor owns what was frozen.
    Keep,
}

/// What the thread is asking, for whoever waits.
#[derive(Clone, Debug, Default)]
pub(super) struct Place(Arc<Mutex<String>>);

impl Place {
    fn come_to(&self, offered: &Offered) {
        *self.lock() = offered.to_string();
    }

    pub(super) fn name(&self) -> String {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One run of the thread.
pub(super) struct Run {
    pub(super) number: u64,
    pub(super) question: Question,
    pub(super) offers: Vec<Arc<Offered>>,
    pub(super) place: Place,
    pub(super) verdict: Receiver<Verdict>,
    pub(super) mailbox: Arc<Mailbox>,
}

impl Run {
    /// Asks, and answers.
    pub(super) fn ask(self) {
        match self.question {
            Question::Provide => {
                let provided = self.offers.iter().map(|offered| self.state(offered)).collect();
                self.tell(Answer::Provided(provided));
            }
            Question::Freeze => {
                let mut frozen = Vec::new();
                self.tell(Answer::Frozen(self.freeze(&mut frozen)));
                // A driver that ends without a word serves no more: whoever waits may as well go on.
                if !matches!(self.verdict.recv(), Ok(Verdict::Keep)) {
                    frozen.into_iter().for_each(|offered| self.thaw(offered));
                    self.tell(Answer::Thawed);
                }
            }
        }
    }

    fn tell(&self, answer: Answer) {
        // A driver that has ended asks no more.
        let _ = self.mailbox.put(Command::Answered(self.number, answer));
    }

    fn state(&self, offered: &Offered) -> Result<Stated, String> {
        self.place.come_to(offered);
        let mut writer = Writer::new().map_err(|error| unmade(offered, &error))?;
        if let Source::Provider(provider) = &offered.source {
            let mut provider = provider.lock().unwrap_or_else(PoisonError::into_inner);
            unless_panicked(|| provider(&mut writer)).map_err(|why| format!("{offered}: {why}"))?;
        }
        describe(offered, writer).map_err(|error| unmade(offered, &error))
    }

    /// Freezes one after another, and keeps those that are.
    fn freeze<'a>(&'a self, frozen: &mut Vec<&'a Offered>) -> Result<Vec<u8>, String> {
        let mut late_state = LateState::default();
        for offered in &self.offers {
            self.place.come_to(offered);
            let said = offered.frozen().map(|mut it| unless_panicked(|| it.freeze()));
            let Some(said) = said else {
                continue;
            };
            let bytes = said.map_err(|why| format!("{offered}: {why}"))?;
            frozen.push(offered);
            let (name, schema) = (offered.name.clone(), offered.schema.clone());
            late_state.words.push(Words { name, schema, bytes });
        }
        late_state.encode().map_err(|error| {
            let longest = late_state.words.iter().max_by_key(|words| words.bytes.len());
            let longest = longest.map_or(String::new(), |words| {
                format!(
                    "last words {} in schema {}: {} bytes: ",
                    words.name,
                    words.schema,
                    words.bytes.len()
                )
            });
            format!("{longest}{error}")
        })
    }

    fn thaw(&self, offered: &Offered) {
        self.place.come_to(offered);
        let thawed = offered.frozen().map(|mut it| {
            unless_panicked(|| {
                it.thaw();
                Ok(())
            })
        });
        if let Some(Err(why)) = thawed {
            tracing::error!(target: "heirloom", event = "state_not_thawed", asked = %offered, reason = why, "it may be frozen still");
        }
    }
}

fn describe(offered: &Offered, writer: Writer) -> io::Result<Stated> {
    let memory = writer.seal()?;
    let label = offered.schema.as_str().as_bytes().to_vec();
    let entry = Entry {
        kind: offered.kind(),
        name: offered.name.clone(),
        identity: identity(memory.as_fd())?,
        path: None,
        opaque: Opaque::try_from(label).map_err(|error: TooLong| io::Error::other(error))?,
    };
    Ok(Stated { entry: Arc::new(entry), memory })
}

fn unmade(offered: &Offered, error: &io::Error) -> String {
    format!("{offered}: {error}{}", way_out(error))
}

/// Calls the application.
fn unless_panicked<T>(ask: impl FnOnce() -> io::Result<T>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(ask)) {
        Ok(answer) => answer.map_err(|error| error.to_string()),
        Err(panic) => Err(format!("it panicked: {}", message(&*panic))),
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a text")
}
