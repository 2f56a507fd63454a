//! Where the messages go.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

/// A file to which both generations append while the predecessor drains, each a line at a time: with
/// `O_APPEND` the kernel finds the end for every write anew. See `write(2)`.
pub(crate) struct Journal {
    file: File,
    generation: u64,
}

impl Journal {
    pub(crate) fn open(path: &Path, generation: u64) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self { file, generation })
    }

    /// Writes who has taken the message, and the message; tells what it has written.
    ///
    /// When this returns the line is the kernel's, and outlives the process. To outlive the machine it
    /// would have to be synced, on a thread of its own.
    pub(crate) fn append(&self, message: &str) -> io::Result<String> {
        let line = format!("{} {}", self.generation, message.escape_debug());
        (&self.file).write_all(format!("{line}\n").as_bytes())?;
        Ok(line)
    }
}
