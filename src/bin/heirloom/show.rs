//! What is printed: for people, in colour on a terminal, or JSON for programs.

use std::fmt::Display;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::time::Duration;

use clap::builder::styling::{AnsiColor, Style};
use serde_json::Value;

/// How a command prints.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Show {
    json: bool,
    coloured: bool,
}

pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
pub(crate) const BAD: Style = AnsiColor::Red.on_default();
pub(crate) const DIM: Style = Style::new().dimmed();
pub(crate) const PLAIN: Style = Style::new();

impl Show {
    pub(crate) fn new(json: bool) -> Self {
        Self { json, coloured: !json && wants_colours() && is_terminal(&io::stdout()) }
    }

    /// Whether it prints for programs.
    pub(crate) fn is_json(self) -> bool {
        self.json
    }

    /// Prints one thing: `object` for programs, or `lines` for people, whose words from elsewhere are
    /// [`printable`] already. Tells whether anybody reads.
    pub(crate) fn print(
        self,
        object: impl FnOnce() -> Value,
        lines: impl FnOnce() -> String,
    ) -> io::Result<bool> {
        let mut text = match self.json {
            // JSON leaves some as they are. Whatever escapes them is a string.
            true => {
                escaped(&object().to_string(), |letter| format!("\\u{:04x}", u32::from(letter)))
            }
            false => lines(),
        };
        text.push('\n');
        write(text.as_bytes())
    }

    /// Text in a colour, where there are colours. It is made [`printable`].
    pub(crate) fn paint(self, style: Style, text: impl Display) -> String {
        let text = printable(text);
        match self.coloured {
            true => format!("{style}{text}{style:#}"),
            false => text,
        }
    }
}

/// Text in which no control character is left: a service must not move the cursor of whoever asks it.
pub(crate) fn printable(text: impl Display) -> String {
    escaped(&text.to_string(), |letter| letter.escape_default().to_string())
}

fn escaped(text: &str, escape: impl Fn(char) -> String) -> String {
    let mut written = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter.is_control() {
            true => written.push_str(&escape(letter)),
            false => written.push(letter),
        }
    }
    written
}

/// Writes to the standard output. Tells whether anybody reads.
pub(crate) fn write(text: &[u8]) -> io::Result<bool> {
    let mut out = io::stdout().lock();
    match out.write_all(text).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        written => written.map(|()| true),
    }
}

/// Whether a stream ends where lines can be painted and written anew.
pub(crate) fn is_terminal(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("TERM").is_none_or(|name| name != "dumb")
}

/// See <https://no-color.org>.
fn wants_colours() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty())
}

/// A length of time as a person reads it.
pub(crate) fn time(time: Duration) -> String {
    match time.as_secs() {
        0 => format!("{} ms", time.as_millis()),
        seconds @ 1..60 => format!("{seconds}.{} s", time.subsec_millis() / 100),
        seconds @ 60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        seconds @ 3600..86_400 => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
        seconds => format!("{} d {} h", seconds / 86_400, seconds / 3600 % 24),
    }
}

/// A length of time for programs.
pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
