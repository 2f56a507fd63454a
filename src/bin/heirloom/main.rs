//! The command line of heirloom, made for deploy scripts: asks a running service on its handoff socket.

mod args;
mod event;
mod launch;
mod manual;
mod outcome;
mod progress;
mod show;
mod status;
mod upgrade;
mod watch;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use serde_json::json;

use args::{Arguments, Command};
use outcome::Failed;
use show::{Show, printable};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match &arguments.command {
        Command::Status(arguments) => status::status(arguments),
        Command::Upgrade(arguments) => upgrade::upgrade(arguments),
        Command::Launch(arguments) => launch::launch(arguments),
        Command::Watch(arguments) => watch::watch(arguments),
        Command::Completions { shell } => manual::completions(*shell),
        Command::Man { command } => manual::man(command.as_deref()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => {
            tell(&failed, arguments.command.is_json());
            failed.code.into()
        }
    }
}

/// Says what went wrong. The code tells it where nobody reads.
fn tell(failed: &Failed, json: bool) {
    if json {
        let object =
            || json!({ "event": "error", "code": failed.code as u8, "reason": failed.text });
        let _ = Show::new(true).print(object, String::new);
    }
    let _ = writeln!(io::stderr(), "heirloom: {}", printable(&failed.text));
}
