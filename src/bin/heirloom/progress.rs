//! One line on a terminal that tells what goes on, and goes when it is over.

use std::fmt::Display;
use std::io::{self, Write};

use crate::show::{Show, is_terminal, printable};

/// The line, on the standard error: it is none of what the command prints. Nothing where no terminal is.
#[derive(Debug)]
pub(crate) struct Progress {
    is_shown: bool,
}

impl Progress {
    pub(crate) fn new(show: Show) -> Self {
        Self { is_shown: !show.is_json() && is_terminal(&io::stderr()) }
    }

    /// Whether anybody sees it.
    pub(crate) fn is_shown(&self) -> bool {
        self.is_shown
    }

    /// Shows this, instead of what it showed before. What the line does not hold is not wrapped (DECAWM): it
    /// could not be wiped away.
    pub(crate) fn say(&self, text: impl Display) {
        if self.is_shown {
            let text = printable(text);
            write(&format!("\x1b[?7l\r\x1b[K… {text}\x1b[?7h"));
        }
    }

    /// Makes room for what is printed.
    pub(crate) fn clear(&self) {
        if self.is_shown {
            write("\r\x1b[K");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

fn write(text: &str) {
    let mut out = io::stderr().lock();
    // A terminal that has gone shows nothing.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
