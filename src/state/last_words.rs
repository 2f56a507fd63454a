//! What was said by something that was frozen.

use std::sync::Arc;

use heirloom_proto::{Name, Schema};

use super::Store;
use crate::error::Error;

/// What is going to be said, or was, by something that the predecessor froze:
/// [`State::last_words`](super::State::last_words).
///
/// See the example of [`Freeze`](super::Freeze).
///
/// ```
/// # let upgrader = heirloom::testing::first()?;
/// let counter = upgrader.state().last_words("counter", &["u64"])?;
/// upgrader.ready()?;
/// assert!(counter.hear()?.is_none(), "nobody was there before");
/// # Ok::<(), heirloom::Error>(())
/// ```
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
/// # let first = heirloom::testing::first()?;
/// first.state().freeze("last", "byte", Last(7))?.keep();
/// first.ready()?;
/// let second = heirloom::testing::successor_of(&first)?;
/// let last = second.state().last_words("last", &["byte"])?;
/// second.ready()?;
/// let words = last.hear()?.expect("it was frozen");
/// assert_eq!((words.schema.as_str(), words.bytes.as_slice()), ("byte", &[7][..]));
/// # Ok::<(), heirloom::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Words {
    /// In which of the schemas that were asked for they are.
    pub schema: String,
    /// What was said.
    pub bytes: Vec<u8>,
}
