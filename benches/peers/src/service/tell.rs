//! What a service tells the runner: a line for each event, in one write, since two generations share
//! the stream.

use std::error::Error;
use std::fmt::Display;
use std::io::{self, Write};
use std::process::{self, ExitCode};
use std::time::Duration;

/// This process owns the service, and takes a signal that asks for an upgrade.
pub fn ready() {
    line(format_args!("ready {}", process::id()));
}

/// A successor owns it. It took so long from right before the library was called until it had told.
pub fn upgraded(took: Duration) {
    line(format_args!("upgraded {}", took.as_nanos()));
}

/// An upgrade has failed; this process serves on, or ends.
pub fn failed(error: impl Display) {
    line(format_args!("failed {}", error.to_string().replace('\n', " ")));
}

/// This process ends now: because it has drained, or because of an error.
pub fn end(outcome: Result<(), Box<dyn Error>>) -> ExitCode {
    match outcome {
        Ok(()) => {
            line(format_args!("gone {}", process::id()));
            ExitCode::SUCCESS
        }
        Err(error) => {
            failed(error);
            ExitCode::FAILURE
        }
    }
}

/// Without a runner nobody reads, and nobody has to.
fn line(text: impl Display) {
    let _ = io::stdout().write_all(format!("{text}\n").as_bytes());
}
