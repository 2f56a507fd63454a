//! What stops changing while the service changes hands.

use std::io;

/// Something that stops changing while the service changes hands: [`State::freeze`](super::State::freeze).
///
/// Both are called on a thread of the library's own, and never at the same time.
///
/// ```
/// use heirloom::Freeze;
/// use std::io;
/// use std::sync::{Arc, Condvar, Mutex};
///
/// /// A value that waits with every change while it is frozen.
/// #[derive(Clone, Default)]
/// struct Counter(Arc<(Mutex<(u64, bool)>, Condvar)>);
///
/// impl Counter {
///     fn add(&self) -> u64 {
///         let (value, changed) = &*self.0;
///         let frozen = value.lock().unwrap();
///         let mut value = changed.wait_while(frozen, |(_, is_frozen)| *is_frozen).unwrap();
///         value.0 += 1;
///         value.0
///     }
/// }
///
/// impl Freeze for Counter {
///     fn freeze(&mut self) -> io::Result<Vec<u8>> {
///         let mut value = self.0.0.lock().unwrap();
///         value.1 = true;
///         Ok(value.0.to_le_bytes().to_vec())
///     }
///
///     fn thaw(&mut self) {
///         self.0.0.lock().unwrap().1 = false;
///         self.0.1.notify_all();
///     }
/// }
///
/// # fn main() -> Result<(), heirloom::Error> {
/// let first = heirloom::testing::first()?;
/// let counter = Counter::default();
/// first.state().freeze("counter", "u64", counter.clone())?.keep();
/// first.ready()?;
/// assert_eq!(counter.add(), 1);
///
/// let second = heirloom::testing::successor_of(&first)?;
/// let last_words = second.state().last_words("counter", &["u64"])?;
/// assert_eq!(counter.add(), 2); // nothing is frozen before the successor is ready
/// second.ready()?;
/// assert_eq!(last_words.hear()?.expect("it was frozen").bytes, 2_u64.to_le_bytes());
/// # Ok(())
/// # }
/// ```
pub trait Freeze: Send {
    /// Stops changing, and says the last words: 48 KiB at most, those of all that is frozen together.
    ///
    /// The service is not answered by anything that waits for this, so it must be quick: the handoff
    /// fails if it takes longer than 1.5 times the commit timeout, 4 s at most.
    ///
    /// See the [example](Self).
    ///
    /// # Errors
    ///
    /// Whatever fails the handoff; the text names it. Nothing is frozen then, so
    /// [`thaw`](Self::thaw) is not called. The same goes for a panic.
    ///
    /// ```
    /// use heirloom::Freeze;
    ///
    /// struct Last(u8);
    ///
    /// impl Freeze for Last {
    ///     fn freeze(&mut self) -> std::io::Result<Vec<u8>> {
    ///         Ok(vec![self.0])
    ///     }
    ///
    ///     fn thaw(&mut self) {}
    /// }
    ///
    /// assert_eq!(Last(7).freeze()?, [7]);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    fn freeze(&mut self) -> io::Result<Vec<u8>>;

    /// The handoff has failed: changes again. Called once for each [`freeze`](Self::freeze) that has
    /// been well, in their order; never once the successor owns the service.
    ///
    /// See the [example](Self).
    ///
    /// ```
    /// use heirloom::Freeze;
    ///
    /// struct Last(u8);
    ///
    /// impl Freeze for Last {
    ///     fn freeze(&mut self) -> std::io::Result<Vec<u8>> {
    ///         Ok(vec![self.0])
    ///     }
    ///
    ///     fn thaw(&mut self) {}
    /// }
    ///
    /// Last(7).thaw();
    /// ```
    fn thaw(&mut self);
}
