//! What the application knows, handed over with its sockets.

mod asking;
mod freeze;
mod last_words;
mod memory;
mod offer;
mod questions;
mod store;
mod taken;
mod writer;

use std::io;
use std::sync::{Arc, Mutex};

use heirloom_proto::limits::MAX_NAME;
use heirloom_proto::{Name, Schema};

pub(crate) use asking::{Asking, Question};
pub use freeze::Freeze;
pub use last_words::{LastWords, Words};
pub(crate) use memory::check;
pub use offer::Offer;
pub(crate) use offer::Offered;
pub(crate) use questions::{Answer, Stated};
pub(crate) use store::Store;
pub use taken::Taken;
pub use writer::Writer;

use crate::error::{Error, ErrorKind};
use crate::mailbox::{Command, Mailbox};
use crate::reply::reply;
use offer::Source;

/// The application's state, which goes from generation to generation with the descriptors:
/// [`Upgrader::state`](crate::Upgrader::state).
///
/// The owner offers it, under a name and in a schema: a label that tells how the bytes are to be read.
/// The successor takes it before it is ready. Several schemas of one name may be offered, so that a
/// new build can hand over to the one before.
///
/// What is provided is as old as the handoff: whatever changes while the successor prepares itself is
/// not in it. What must not miss a change is [frozen](Self::freeze).
///
/// ```
/// use heirloom::testing;
/// use std::io::Write;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let old = testing::first()?;
/// old.state().provide("sessions", "lines/1", |writer| writeln!(writer, "alice 7"))?.keep();
/// old.ready()?;
///
/// let new = testing::successor_of(&old)?;
/// // Both builds know the first schema, and the new one has a second.
/// let sessions = new.state().take("sessions", &["lines/2", "lines/1"])?.expect("it is offered");
/// assert_eq!(sessions.schema(), "lines/1");
/// assert_eq!(sessions.into_bytes()?, b"alice 7\n");
/// new.state().provide("sessions", "lines/2", |writer| writeln!(writer, "alice\t7"))?.keep();
/// new.state().provide("sessions", "lines/1", |writer| writeln!(writer, "alice 7"))?.keep();
/// new.ready()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct State {
    store: Arc<Store>,
    mailbox: Arc<Mailbox>,
}

/// What is asked for a state's bytes.
pub(crate) type Provider = dyn FnMut(&mut Writer) -> io::Result<()> + Send;

impl State {
    pub(crate) fn new(store: &Arc<Store>, mailbox: &Arc<Mailbox>) -> Self {
        Self { store: Arc::clone(store), mailbox: Arc::clone(mailbox) }
    }

    /// Offers a state under a name and in a schema, 1 to 255 bytes each. `provider` is asked for its
    /// bytes at each handoff, before the successor is told anything, on a thread of the library's own;
    /// several are asked one after another, in the order in which they were offered.
    ///
    /// It has 4 s, together with all others. If it fails, panics or takes longer, the handoff fails
    /// with a text that names it, and this process goes on. It must not hold an
    /// [`Upgrader`](crate::Upgrader): that would keep itself alive.
    ///
    /// What is offered while a handoff is going on fails that handoff, so that it is not lost.
    /// Dropping the [`Offer`] withdraws it.
    ///
    /// See the [example](Self).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidName`], also for a schema; [`ErrorKind::NameTaken`] when this name is offered
    /// in this schema already; [`ErrorKind::Closed`] while the service changes hands and after that.
    ///
    /// ```
    /// # let upgrader = heirloom::testing::first()?;
    /// use std::io::Write;
    ///
    /// let offer = upgrader.state().provide("visits", "decimal", |writer| write!(writer, "{}", 4_711))?;
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn provide<F>(&self, name: &str, schema: &str, provider: F) -> Result<Offer, Error>
    where
        F: FnMut(&mut Writer) -> io::Result<()> + Send + 'static,
    {
        let source = Source::Provider(Mutex::new(Box::new(provider)));
        self.store.offer(checked_name(name)?, checked_schema(schema)?, source)
    }

    /// Freezes something once the successor is ready, so that no change is missed, and hands over its
    /// last words: 48 KiB at most, together with all others. If the handoff fails then it is thawed.
    /// Everything that is frozen is frozen one after another, in the order in which it was offered.
    ///
    /// What a frozen value keeps waiting is the application's: once [`exit`](crate::Upgrader::exit) has
    /// fired it is never thawed here, and what waits is answered with "try again", or forwarded to the
    /// new owner.
    ///
    /// The name may be one under which a state is provided: the bulk before, what has changed since at
    /// last. See the example of [`Freeze`].
    ///
    /// # Errors
    ///
    /// Those of [`provide`](Self::provide).
    ///
    /// ```
    /// # use heirloom::Freeze;
    /// #
    /// # struct Last(u8);
    /// #
    /// # impl Freeze for Last {
    /// #     fn freeze(&mut self) -> std::io::Result<Vec<u8>> {
    /// #         Ok(vec![self.0])
    /// #     }
    /// #
    /// #     fn thaw(&mut self) {}
    /// # }
    /// # let upgrader = heirloom::testing::first()?;
    /// let offer = upgrader.state().freeze("last", "byte", Last(7))?;
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn freeze(
        &self,
        name: &str,
        schema: &str,
        frozen: impl Freeze + 'static,
    ) -> Result<Offer, Error> {
        let source = Source::Frozen(Mutex::new(Box::new(frozen)));
        self.store.offer(checked_name(name)?, checked_schema(schema)?, source)
    }

    /// Withdraws what is offered under this name in this schema, provided or frozen. Tells whether
    /// there was any. What is being asked at this moment is asked to its end.
    ///
    /// ```
    /// # fn main() -> Result<(), heirloom::Error> {
    /// let upgrader = heirloom::testing::first()?;
    /// upgrader.state().provide("marker", "empty", |_| Ok(()))?.keep();
    /// assert!(!upgrader.state().remove("marker", "text"));
    /// assert!(upgrader.state().remove("marker", "empty"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn remove(&self, name: &str, schema: &str) -> bool {
        self.store
            .remove(|offered| offered.name.as_str() == name && offered.schema.as_str() == schema)
    }

    /// The state that the predecessor offers under `name`, in the first of `schemas` (best first) in
    /// which it does. Take it before [`ready`](crate::Upgrader::ready): what has not been taken then
    /// is closed, and does not count as a stray.
    ///
    /// `None` when there is no predecessor, when it offers nothing under this name, or when it has been
    /// taken. It works as well when the predecessor has died since.
    ///
    /// See the [example](Self).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Schema`] when it is offered, and in no schema that is read. The handoff is given up
    /// then, and both sides' errors name both labels: the predecessor serves on, and this process
    /// must end. Only if the predecessor has died meanwhile is this process the owner all the same.
    /// [`ErrorKind::Closed`] when the handoff has failed for another reason. [`ErrorKind::InvalidName`],
    /// also for a schema; [`ErrorKind::Io`].
    ///
    /// ```
    /// # use std::io::Write;
    /// # let first = heirloom::testing::first()?;
    /// # first.state().provide("greeting", "text", |writer| writer.write_all(b"hi"))?.keep();
    /// # first.ready()?;
    /// # let second = heirloom::testing::successor_of(&first)?;
    /// let greeting = second.state().take("greeting", &["text"])?.expect("it is offered");
    /// assert_eq!(greeting.into_bytes()?, b"hi");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn take(&self, name: &str, schemas: &[&str]) -> Result<Option<Taken>, Error> {
        let (name, schemas) = (checked_name(name)?, checked_schemas(schemas)?);
        self.give_up_unless_readable(self.store.take(&name, &schemas))
    }

    /// The names and schemas of the states that are offered to this process and not taken yet.
    ///
    /// ```
    /// # fn main() -> Result<(), heirloom::Error> {
    /// let first = heirloom::testing::first()?;
    /// first.state().provide("marker", "empty", |_| Ok(()))?.keep();
    /// first.ready()?;
    ///
    /// let second = heirloom::testing::successor_of(&first)?;
    /// let offered: Vec<_> = second.state().offered().collect();
    /// assert_eq!(offered, [("marker".to_owned(), "empty".to_owned())]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn offered(&self) -> impl Iterator<Item = (String, String)> + use<> {
        let offered = self.store.offered().into_iter();
        offered.map(|(name, schema)| (name.into(), schema.into()))
    }

    /// What the predecessor will say last of something that it [freezes](Self::freeze), in the first of
    /// `schemas` (best first) in which it does. Ask before [`ready`](crate::Upgrader::ready), so that a
    /// schema that cannot be read is found out while nothing has moved; hear it after.
    ///
    /// See the example of [`Freeze`].
    ///
    /// # Errors
    ///
    /// Those of [`take`](Self::take).
    ///
    /// ```
    /// # let upgrader = heirloom::testing::first()?;
    /// let counter = upgrader.state().last_words("counter", &["u64"])?;
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn last_words(&self, name: &str, schemas: &[&str]) -> Result<LastWords, Error> {
        let (name, schemas) = (checked_name(name)?, checked_schemas(schemas)?);
        self.give_up_unless_readable(self.store.check_announced(&name, &schemas))?;
        Ok(LastWords { store: Arc::clone(&self.store), name, schemas })
    }

    /// Gives the handoff up for a schema that cannot be read, and waits until the predecessor has been
    /// told: this process may end the next moment.
    fn give_up_unless_readable<T>(&self, found: Result<T, Error>) -> Result<T, Error> {
        if let Err(error) = &found
            && error.kind() == ErrorKind::Schema
        {
            let (reply, answer) = reply();
            if self.mailbox.put(Command::GiveUp(error.to_string(), reply)).is_ok() {
                // A driver that ends meanwhile has told it too.
                let _ = answer.wait();
            }
        }
        found
    }
}

fn checked_name(name: &str) -> Result<Name, Error> {
    Name::new(name).map_err(|_| {
        let length = name.len();
        let text = format!(
            "a state's name has 1 to {MAX_NAME} bytes and no NUL, this one has {length}: choose another"
        );
        Error::new(ErrorKind::InvalidName, text)
    })
}

fn checked_schema(label: &str) -> Result<Schema, Error> {
    Schema::new(label).map_err(|error| Error::new(ErrorKind::InvalidName, error.to_string()))
}

fn checked_schemas(labels: &[&str]) -> Result<Vec<Schema>, Error> {
    labels.iter().map(|label| checked_schema(label)).collect()
}
