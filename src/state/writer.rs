//! Where a provider puts its bytes.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::fd::OwnedFd;

use heirloom_proto::limits::MAX_STATE;

use super::memory;

/// Where a provider puts its bytes: memory that goes to the successor as it is, without a copy.
///
/// Small writes are collected. At most 1 GiB can be written.
///
/// ```
/// use heirloom::testing;
/// use std::io::Write;
///
/// # fn main() -> Result<(), heirloom::Error> {
/// let first = testing::first()?;
/// let offer = first.state().provide("greeting", "text", |writer| writer.write_all(b"hello"))?;
/// first.ready()?;
///
/// let second = testing::successor_of(&first)?;
/// let greeting = second.state().take("greeting", &["text"])?.expect("it was offered");
/// assert_eq!(greeting.into_bytes().unwrap(), b"hello");
/// # drop(offer);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Writer {
    memory: BufWriter<File>,
    written: u64,
}

/// Bytes collected before they are written: as many as a pipe holds.
const COLLECTED: usize = 64 * 1_024;

impl Writer {
    pub(super) fn new() -> io::Result<Self> {
        let memory = BufWriter::with_capacity(COLLECTED, memory::create()?);
        Ok(Self { memory, written: 0 })
    }

    /// The memory itself, with everything that was written so far: to `set_len` it, to `write_at`
    /// it from several threads, to `sendfile(2)` into it or to map it. Its whole length is handed
    /// over. It must not be mapped for writing any more when the provider returns.
    ///
    /// ```
    /// use heirloom::testing;
    /// use std::os::unix::fs::FileExt;
    ///
    /// # fn main() -> Result<(), heirloom::Error> {
    /// let first = testing::first()?;
    /// let offer = first.state().provide("table", "u64 each", |writer| {
    ///     let memory = writer.file()?;
    ///     memory.set_len(16)?;
    ///     memory.write_all_at(&7_u64.to_le_bytes(), 8)
    /// })?;
    /// first.ready()?;
    ///
    /// let second = testing::successor_of(&first)?;
    /// let table = second.state().take("table", &["u64 each"])?.expect("it was offered");
    /// assert_eq!(table.into_bytes().unwrap(), [0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0]);
    /// # drop(offer);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of writing what was collected.
    pub fn file(&mut self) -> io::Result<&File> {
        self.memory.flush()?;
        Ok(self.memory.get_ref())
    }

    /// Nothing more is written to it, by anybody.
    pub(super) fn seal(mut self) -> io::Result<OwnedFd> {
        self.memory.flush()?;
        let (memory, _) = self.memory.into_parts();
        memory::seal(&memory)?;
        Ok(memory.into())
    }
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let would_be = self.written.saturating_add(bytes.len() as u64);
        // One that never ends must not take all memory there is.
        if would_be > MAX_STATE {
            return Err(io::Error::other(memory::too_much(would_be)));
        }
        let count = self.memory.write(bytes)?;
        self.written += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.memory.flush()
    }
}
