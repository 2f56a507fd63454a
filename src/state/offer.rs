//! What is offered to the next generation.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use heirloom_proto::{Kind, Name, Schema};

use super::{Freeze, Provider, Store};

/// Something that is asked at each handoff.
pub(crate) struct Offered {
    pub(super) number: u64,
    pub(super) name: Name,
    pub(super) schema: Schema,
    pub(super) source: Source,
}

/// Who is asked, by one thread at a time.
pub(super) enum Source {
    Provider(Mutex<Box<Provider>>),
    Frozen(Mutex<Box<dyn Freeze>>),
}

impl Offered {
    pub(super) fn kind(&self) -> Kind {
        match self.source {
            Source::Provider(_) => Kind::State,
            Source::Frozen(_) => Kind::LastWords,
        }
    }

    /// What can be frozen, if it can.
    pub(super) fn frozen(&self) -> Option<MutexGuard<'_, Box<dyn Freeze>>> {
        match &self.source {
            Source::Provider(_) => None,
            Source::Frozen(frozen) => Some(frozen.lock().unwrap_or_else(PoisonError::into_inner)),
        }
    }
}

impl fmt::Display for Offered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} in schema {}", self.kind(), self.name, self.schema)
    }
}

impl fmt::Debug for Offered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Offered({self})")
    }
}

/// Keeps something offered: [`State::provide`](super::State::provide),
/// [`State::freeze`](super::State::freeze).
///
/// ```
/// use std::io::Write;
///
/// # fn main() -> Result<(), heirloom::Error> {
/// let upgrader = heirloom::testing::first()?;
/// let provide = || upgrader.state().provide("greeting", "text", |writer| writer.write_all(b"hi"));
/// let offer = provide()?;
/// assert!(provide().is_err()); // it is offered already
/// drop(offer);
/// provide()?.keep();
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "dropping an offer withdraws it at once; `keep` leaves it in place"]
pub struct Offer {
    pub(super) store: Arc<Store>,
    pub(super) number: u64,
    pub(super) kept: bool,
}

impl Offer {
    /// Leaves it in place until it is removed by name or the last [`Upgrader`](crate::Upgrader) of the
    /// process is dropped.
    ///
    /// See the [example](Self).
    ///
    /// ```
    /// # let upgrader = heirloom::testing::first()?;
    /// upgrader.state().provide("marker", "empty", |_| Ok(()))?.keep();
    /// assert!(upgrader.state().remove("marker", "empty"));
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    pub fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Offer {
    fn drop(&mut self) {
        if !self.kept {
            self.store.remove(|offered| offered.number == self.number);
        }
    }
}
