//! What was said by something that was frozen.

use std::sync::Arc;

use heirloom_proto::{Name, Schema};

use super::Store;
use crate::error::Error;

/// What is going to be said, or was, by something that the predecessor froze:
/// [`State::last_words`](super::State::last_words).
///
/// See the example of [`Freeze`](super::Freeze).
#[derive(Debug)]
#[must_use = "last words are heard after `ready()`"]
pub struct LastWords {
    pub(super) store: Arc<Store>,
    pub(super) name: Name,
    pub(super) schemas: Vec<Schema>,
}

impl LastWords {
    /// The last words, once [`ready`](crate::Upgrader::ready) has returned. They are handed out once.
    ///
    /// `None` if there are none: no predecessor, or one that froze nothing under this name, or one
    /// that died before it could say them, and this process has adopted the service. What the
    /// predecessor changed after it had provided its state is lost then, as in any crash.
    ///
    /// ```
    /// # fn main() -> Result<(), heirloom::Error> {
    /// let first = heirloom::testing::first()?;
    /// let last_words = first.state().last_words("counter", &["u64"])?;
    /// first.ready()?;
    /// assert_eq!(last_words.hear()?, None); // nobody was there before
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotReady`](crate::ErrorKind::NotReady) before `ready` has returned,
    /// [`ErrorKind::Protocol`](crate::ErrorKind::Protocol) when they cannot be read, and
    /// [`ErrorKind::Schema`](crate::ErrorKind::Schema) when they came in none of the schemas asked for,
    /// though they were announced in one.
    pub fn hear(&self) -> Result<Option<Words>, Error> {
        self.store.hear(&self.name, &self.schemas)
    }
}

/// Last words, and how to read them.
///
/// See the example of [`Freeze`](super::Freeze).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Words {
    /// In which of the schemas that were asked for they are.
    pub schema: String,
    /// What was said.
    pub bytes: Vec<u8>,
}
