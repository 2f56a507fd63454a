//! The table behind [`State`](super::State): what is offered, what waits to be taken, and what was
//! said last.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use heirloom_proto::{Abort, AbortReason, Entry, Kind, LateState, Name, Schema, Words as Said};

use super::offer::Source;
use super::{Offer, Offered, Taken, Words};
use crate::error::{Error, ErrorKind};

/// What is offered, what waits to be taken, and what was said last.
#[derive(Debug, Default)]
pub(crate) struct Store(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    /// In the order in which they are asked.
    offers: Vec<Arc<Offered>>,
    /// The number of the latest.
    latest: u64,
    /// Nothing more may be offered: the service changes hands, or has.
    sealed: bool,
    inherited: Vec<Inherited>,
    /// The handoff has failed: that nothing is offered here says nothing of the service.
    failed: bool,
    late: Late,
}

#[derive(Debug)]
struct Inherited {
    kind: Kind,
    name: Name,
    schema: Schema,
    memory: File,
}

/// What the predecessor has said last.
#[derive(Debug)]
enum Late {
    /// It may yet.
    Awaited,
    Said(Vec<Said>),
    Unreadable(String),
}

impl Default for Late {
    /// Nobody was there before.
    fn default() -> Self {
        Self::Said(Vec::new())
    }
}

/// What of a name is there, and what is not in it.
enum Found<T> {
    Nothing,
    /// In none of the schemas that are read.
    Unreadable(Error),
    This(T),
}

impl Store {
    pub(super) fn offer(
        self: &Arc<Self>,
        name: Name,
        schema: Schema,
        source: Source,
    ) -> Result<Offer, Error> {
        // Made before the lock is taken: one that is refused is dropped after it is let go.
        let mut offered = Offered { number: 0, name, schema, source };
        let mut table = self.lock();
        if table.sealed {
            let text = "nothing is offered while the service changes hands, nor after that";
            return Err(Error::new(ErrorKind::Closed, format!("{offered}: {text}")));
        }
        let is_same = |other: &Arc<Offered>| {
            let key =
                |offered: &Offered| (offered.kind(), offered.name.clone(), offered.schema.clone());
            key(other) == key(&offered)
        };
        if table.offers.iter().any(is_same) {
            let text = format!("{offered} is offered already: choose another name or schema");
            return Err(Error::new(ErrorKind::NameTaken, text));
        }
        table.latest += 1;
        offered.number = table.latest;
        let number = table.latest;
        table.offers.push(Arc::new(offered));
        Ok(Offer { store: Arc::clone(self), number, kept: false })
    }

    /// Withdraws what is meant. Tells whether there was any.
    pub(super) fn remove(&self, is_meant: impl Fn(&Offered) -> bool) -> bool {
        let removed: Vec<_> =
            self.lock().offers.extract_if(.., |offered| is_meant(offered)).collect();
        // Whatever the application does when it is dropped: not under the lock.
        !removed.is_empty()
    }

    /// What is to be asked now, and a number by which [`seal`](Self::seal) tells whether something was
    /// offered since.
    pub(crate) fn offers(&self) -> (Vec<Arc<Offered>>, u64) {
        let table = self.lock();
        (table.offers.clone(), table.latest)
    }

    /// What is to be frozen of it.
    pub(crate) fn to_freeze(&self) -> Vec<Arc<Offered>> {
        let (mut offers, _) = self.offers();
        offers.retain(|offered| offered.kind() == Kind::LastWords);
        offers
    }

    pub(crate) fn count(&self) -> u64 {
        self.lock().offers.len() as u64
    }

    /// Takes no more offers until [`open`](Self::open), unless one came since: it would be lost.
    pub(crate) fn seal(&self, asked: u64) -> Result<(), Abort> {
        let mut table = self.lock();
        if let Some(missed) = table.offers.iter().find(|offered| offered.number > asked) {
            let text = format!("{missed} was added while the handoff was going on: try again");
            return Err(Abort::new(AbortReason::Changed, &text));
        }
        table.sealed = true;
        Ok(())
    }

    /// The service stays here.
    pub(crate) fn open(&self) {
        self.lock().sealed = false;
    }

    /// The service is somebody else's, or has ended: what was inherited is closed.
    pub(crate) fn close(&self) {
        let mut table = self.lock();
        table.sealed = true;
        let inherited = std::mem::take(&mut table.inherited);
        drop(table);
        drop(inherited);
    }

    /// This process never owned the service.
    pub(crate) fn abandon(&self) {
        self.lock().failed = true;
        self.close();
    }

    /// What the predecessor offers; every entry and its memory were found right.
    pub(crate) fn inherit(&self, entries: Vec<(Entry, OwnedFd)>) {
        let inherited = entries.into_iter().filter_map(|(entry, memory)| {
            let schema = Schema::from_bytes(entry.opaque.as_bytes()).ok()?;
            Some(Inherited { kind: entry.kind, name: entry.name, schema, memory: memory.into() })
        });
        let inherited = inherited.collect();
        let mut table = self.lock();
        table.inherited = inherited;
        table.late = Late::Awaited;
    }

    /// This process owns the service, and has heard this.
    pub(crate) fn hear_all(&self, late_state: &[u8]) {
        self.lock().late = match LateState::decode(late_state) {
            Ok(late_state) => Late::Said(late_state.words),
            Err(invalid) => {
                tracing::error!(target: "heirloom", event = "last_words_lost", reason = %invalid, "the predecessor's last words are lost");
                Late::Unreadable(invalid.to_string())
            }
        };
    }

    /// The application is ready: what it has not taken is closed.
    pub(crate) fn settle(&self) {
        let inherited = std::mem::take(&mut self.lock().inherited);
        for Inherited { kind, name, schema, .. } in inherited {
            if kind == Kind::State {
                tracing::info!(target: "heirloom", event = "state_not_taken", %name, %schema, "state was offered and not taken");
            }
        }
    }

    /// What is offered to this process and not taken yet.
    pub(super) fn offered(&self) -> Vec<(Name, Schema)> {
        let table = self.lock();
        let states = table.inherited.iter().filter(|inherited| inherited.kind == Kind::State);
        states.map(|state| (state.name.clone(), state.schema.clone())).collect()
    }

    /// Takes the state of this name in the best schema, and lets the other schemas go.
    pub(super) fn take(&self, name: &Name, schemas: &[Schema]) -> Result<Option<Taken>, Error> {
        let mut table = self.lock();
        table.check_owner(name)?;
        let is_meant = |state: &Inherited| state.kind == Kind::State && state.name == *name;
        let offered = table.inherited.iter().filter(|state| is_meant(state));
        let found = best(Kind::State, name, offered.map(|state| &state.schema), schemas);
        let schema = match found {
            Found::Nothing => return Ok(None),
            Found::Unreadable(error) => return Err(error),
            Found::This(schema) => schema.clone(),
        };
        let states: Vec<_> = table.inherited.extract_if(.., |state| is_meant(state)).collect();
        drop(table);
        let state = states.into_iter().find(|state| state.schema == schema);
        let trouble = |error| Error::io(format!("state {name} cannot be read"), error);
        state.map(|state| Taken::new(state.schema, state.memory).map_err(trouble)).transpose()
    }

    /// Checks that last words of this name, if they are announced, can be read.
    pub(super) fn check_announced(&self, name: &Name, schemas: &[Schema]) -> Result<(), Error> {
        let table = self.lock();
        table.check_owner(name)?;
        let announced = table.inherited.iter();
        let announced = announced.filter(|it| it.kind == Kind::LastWords && it.name == *name);
        match best(Kind::LastWords, name, announced.map(|it| &it.schema), schemas) {
            Found::Unreadable(error) => Err(error),
            _ => Ok(()),
        }
    }

    pub(super) fn hear(&self, name: &Name, schemas: &[Schema]) -> Result<Option<Words>, Error> {
        let mut table = self.lock();
        let said = match &mut table.late {
            Late::Said(said) => said,
            Late::Awaited => {
                let text = format!("last words {name} are not said before `ready()` has returned");
                return Err(Error::new(ErrorKind::NotReady, text));
            }
            Late::Unreadable(text) => return Err(Error::new(ErrorKind::Protocol, text.clone())),
        };
        let of_name = said.iter().filter(|words| words.name == *name);
        let schema = match best(Kind::LastWords, name, of_name.map(|words| &words.schema), schemas)
        {
            Found::Nothing => return Ok(None),
            Found::Unreadable(error) => return Err(error),
            Found::This(schema) => schema.clone(),
        };
        let of_name: Vec<_> = said.extract_if(.., |words| words.name == *name).collect();
        let words = of_name.into_iter().find(|words| words.schema == schema);
        Ok(words.map(|words| Words { schema: words.schema.into(), bytes: words.bytes }))
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// An application that took a failed handoff for the first start of the service might begin anew.
    fn check_owner(&self, name: &Name) -> Result<(), Error> {
        if !self.failed {
            return Ok(());
        }
        let text =
            format!("state {name} is not to be had, the handoff has failed: `ready()` tells why");
        Err(Error::new(ErrorKind::Closed, text))
    }
}

/// The first of the schemas that are read, best first, which is offered.
fn best<'a>(
    kind: Kind,
    name: &Name,
    offered: impl Iterator<Item = &'a Schema>,
    read: &'a [Schema],
) -> Found<&'a Schema> {
    let offered: Vec<_> = offered.collect();
    if offered.is_empty() {
        return Found::Nothing;
    }
    if let Some(schema) = read.iter().find(|schema| offered.contains(schema)) {
        return Found::This(schema);
    }
    let text = format!(
        "{kind} {name}: this build reads schema {}, the predecessor offers {}: start a build that reads \
         it, or have the predecessor offer both",
        listed(read.iter()),
        listed(offered.into_iter()),
    );
    Found::Unreadable(Error::new(ErrorKind::Schema, text))
}

fn listed<'a>(schemas: impl Iterator<Item = &'a Schema>) -> String {
    let labels: Vec<_> = schemas.map(Schema::as_str).collect();
    if labels.is_empty() { "none".into() } else { labels.join(", ") }
}
