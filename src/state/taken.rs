//! What a successor reads.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;

use heirloom_proto::Schema;

/// A state of the predecessor, to be read: [`State::take`](super::State::take).
///
/// It lies in memory that nobody can change any more, and is read from there, front to end.
///
/// ```
/// use heirloom::testing;
/// use std::io::{Read, Write};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let first = testing::first()?;
/// let offer = first.state().provide("visits", "decimal", |writer| write!(writer, "{}", 4_711))?;
/// first.ready()?;
///
/// let second = testing::successor_of(&first)?;
/// let mut visits = second.state().take("visits", &["decimal"])?.expect("it was offered");
/// assert_eq!((visits.schema(), visits.len()), ("decimal", 4));
/// let mut text = String::new();
/// visits.read_to_string(&mut text)?;
/// assert_eq!(text, "4711");
/// # drop(offer);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Taken {
    schema: Schema,
    memory: File,
    length: u64,
    /// The offset of the open description is the predecessor's too.
    at: u64,
}

impl Taken {
    pub(super) fn new(schema: Schema, memory: File) -> io::Result<Self> {
        let length = memory.metadata()?.len();
        Ok(Self { schema, memory, length, at: 0 })
    }

    /// In which of the schemas that were asked for it is written.
    ///
    /// See the [example](Self).
    ///
    /// ```
    /// # use std::io::Write;
    /// # let first = heirloom::testing::first()?;
    /// # first.state().provide("greeting", "text", |writer| writer.write_all(b"hi"))?.keep();
    /// # first.ready()?;
    /// # let second = heirloom::testing::successor_of(&first)?;
    /// let greeting = second.state().take("greeting", &["html", "text"])?.expect("it is offered");
    /// assert_eq!(greeting.schema(), "text");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn schema(&self) -> &str {
        self.schema.as_str()
    }

    /// How many bytes it has in all.
    ///
    /// See the [example](Self).
    ///
    /// ```
    /// # use std::io::Write;
    /// # let first = heirloom::testing::first()?;
    /// # first.state().provide("greeting", "text", |writer| writer.write_all(b"hi"))?.keep();
    /// # first.ready()?;
    /// # let second = heirloom::testing::successor_of(&first)?;
    /// assert_eq!(second.state().take("greeting", &["text"])?.expect("it is offered").len(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn len(&self) -> u64 {
        self.length
    }

    /// Whether it has no bytes.
    ///
    /// ```
    /// # fn main() -> Result<(), heirloom::Error> {
    /// let first = heirloom::testing::first()?;
    /// first.state().provide("marker", "empty", |_| Ok(()))?.keep();
    /// first.ready()?;
    ///
    /// let second = heirloom::testing::successor_of(&first)?;
    /// let marker = second.state().take("marker", &["empty"])?;
    /// assert!(marker.is_some_and(|marker| marker.is_empty()));
    /// # Ok(())
    /// # }
    /// ```
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// All its bytes from where reading has come to.
    ///
    /// See the example of [`Writer`](super::Writer).
    ///
    /// # Errors
    ///
    /// Those of `pread(2)`, and of memory that is not to be had.
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
    pub fn into_bytes(mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let left = usize::try_from(self.length.saturating_sub(self.at)).unwrap_or(usize::MAX);
        bytes.try_reserve_exact(left).map_err(io::Error::other)?;
        self.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// The memory itself, sealed, to be mapped or passed on. Its offset is shared with the
    /// predecessor and may be anywhere: use `read_at`.
    ///
    /// ```
    /// use std::io::Write;
    /// use std::os::unix::fs::FileExt;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let first = heirloom::testing::first()?;
    /// first.state().provide("log", "text", |writer| writer.write_all(b"one two"))?.keep();
    /// first.ready()?;
    ///
    /// let second = heirloom::testing::successor_of(&first)?;
    /// let log = second.state().take("log", &["text"])?.expect("it was offered").into_file();
    /// let mut word = [0; 3];
    /// log.read_exact_at(&mut word, 4)?;
    /// assert_eq!(&word, b"two");
    /// # Ok(())
    /// # }
    /// ```
    pub fn into_file(self) -> File {
        self.memory
    }
}

impl Read for Taken {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.memory.read_at(into, self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}
