//! Tells what the service does: to a person on stderr, to a program on stdout.

use std::fmt::{self, Display, Write as _};
use std::io::{self, Write as _};
use std::process;
use std::time::Instant;

/// Where to tell it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Report {
    /// Lines on stderr.
    Person,
    /// `event:` lines on stdout: a name, then `key=value` pairs.
    Program,
}

impl Report {
    /// One line in one write: several generations may share the stream.
    pub(crate) fn line(self, name: &str, details: impl Display) {
        let pid = process::id();
        let line = format!("{name} pid={pid} {details}\n");
        let _ = match self {
            Self::Person => io::stderr().write_all(format!("http: {line}").as_bytes()),
            Self::Program => io::stdout().write_all(format!("event: {line}").as_bytes()),
        };
    }
}

/// Measures the phases of a start, one after the other, in microseconds.
pub(crate) struct Phases {
    last: Instant,
    told: String,
}

impl Phases {
    /// The first one begins.
    pub(crate) fn begin() -> Self {
        Self { last: Instant::now(), told: String::new() }
    }

    /// One has ended, and the next begins.
    pub(crate) fn end(&mut self, phase: &str) {
        let now = Instant::now();
        let _ = write!(self.told, " {phase}_us={}", (now - self.last).as_micros());
        self.last = now;
    }
}

impl Display for Phases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.told)
    }
}
