//! What may be said on the command line.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

/// Upgrades a running service without losing a request, and tells how it stands.
///
/// The service is named by its handoff socket, as it was given to `handoff_socket`: `@name` is abstract,
/// anything else a path. Only root, processes of the service's own user and of those it trusts are answered.
#[derive(Debug, Parser)]
#[command(name = "heirloom", version, propagate_version = true, after_help = IN_THE_END)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Tells how a service stands: its generation, what it would hand over, who is still draining.
    #[command(after_help = "\
Examples:
  heirloom status /run/echo/handoff
  heirloom status @echo --json | jq .generation")]
    Status(Status),
    /// Asks a service to spawn its successor, and waits until that owns the service.
    #[command(after_help = "\
Examples:
  install echo /usr/local/bin/echo && heirloom upgrade /run/echo/handoff
  ExecReload=/usr/local/bin/heirloom upgrade /run/echo/handoff     (in a unit of systemd)

`heirloom --help` tells what each exit code means.")]
    Upgrade(Upgrade),
    /// Starts a new version of a running service, and waits until that owns the service.
    ///
    /// The program is started in the background, in a process group of its own, with the standard streams of
    /// this one. It finds the running service by itself, on the handoff socket that both are configured
    /// with; the one given here has to be the same. If it does not own the service in the end, or this command
    /// is interrupted, its process group is ended. It goes on where nobody can tell whether the service
    /// depends on it: the error says so then.
    ///
    /// It may be a script that starts the service, even in the background; a program that leaves its process
    /// group, as a daemon does by `setsid`, is not followed.
    #[command(after_help = "\
Examples:
  heirloom launch /run/echo/handoff -- /srv/echo-1.3/echo --config /etc/echo.toml
  heirloom launch @echo --timeout 120 -- ./echo || echo \"still the old version\"
  ssh host heirloom launch @echo --output /var/log/echo -- /srv/echo/echo

`heirloom --help` tells what each exit code means.")]
    Launch(Launch),
    /// Shows what happens to a service, as it happens, from one generation to the next.
    ///
    /// It ends with exit code 3 when nobody listens on the handoff socket any more.
    #[command(after_help = "\
Examples:
  heirloom watch /run/echo/handoff
  heirloom watch @echo --json | jq 'select(.event == \"failed\")'")]
    Watch(Watch),
    /// Prints the completions of a shell.
    #[command(after_help = "\
Examples:
  heirloom completions bash > /etc/bash_completion.d/heirloom")]
    Completions {
        /// The shell to complete for.
        shell: Shell,
    },
    /// Prints the manual page, or that of a command.
    #[command(after_help = "\
Examples:
  heirloom man > /usr/local/share/man/man1/heirloom.1
  heirloom man launch > /usr/local/share/man/man1/heirloom-launch.1")]
    Man {
        /// The command; without one the page is that of `heirloom` itself.
        #[arg(value_parser = PossibleValuesParser::new(["status", "upgrade", "launch", "watch"]))]
        command: Option<String>,
    },
}

impl Command {
    /// Whether it prints for programs.
    pub(crate) fn is_json(&self) -> bool {
        match self {
            Self::Status(Status { service, .. })
            | Self::Upgrade(Upgrade { service, .. })
            | Self::Launch(Launch { service, .. })
            | Self::Watch(Watch { service }) => service.json,
            Self::Completions { .. } | Self::Man { .. } => false,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Status {
    #[command(flatten)]
    pub(crate) service: Service,
    /// Longest wait for the answer, in seconds.
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "5")]
    pub(crate) timeout: Duration,
}

#[derive(Debug, Args)]
pub(crate) struct Upgrade {
    #[command(flatten)]
    pub(crate) service: Service,
    /// Longest wait for the outcome, in seconds. The upgrade itself goes on after that.
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "660")]
    pub(crate) timeout: Duration,
}

#[derive(Debug, Args)]
pub(crate) struct Launch {
    #[command(flatten)]
    pub(crate) service: Service,
    /// Longest time in which the new version has to own the service, in seconds.
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "660")]
    pub(crate) timeout: Duration,
    /// Appends what the new version writes to its standard output and standard error to this file, and
    /// gives it no input. Without this it has the streams of this command, and whoever reads those waits
    /// for as long as the service runs: a pipe, `$(command)`, `ssh`.
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// The new version's program, and its arguments.
    #[arg(required = true, last = true)]
    pub(crate) program: Vec<OsString>,
}

#[derive(Debug, Args)]
pub(crate) struct Watch {
    #[command(flatten)]
    pub(crate) service: Service,
}

#[derive(Debug, Args)]
pub(crate) struct Service {
    /// The service's handoff socket: `@name`, or a path.
    pub(crate) socket: String,
    /// Prints JSON for programs: one object, or one a line for each event. What goes wrong is an object
    /// too, the last one: `error`, with the exit code and the reason.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Seconds as a person writes them: `5`, `0.5`.
fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| format!("`{text}` is no number of seconds"))?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

const IN_THE_END: &str = "\
Examples:
  heirloom status /run/echo/handoff
  heirloom launch /run/echo/handoff -- /srv/echo-1.3/echo

Exit codes:
  0  done: for `upgrade` and `launch`, the new generation owns the service
  1  something else went wrong
  2  the command line is wrong
  3  nobody is there: no service listens on the handoff socket
  4  the successor exited or gave up before it owned the service, or could not be started
  5  timed out
  6  refused: the service is busy, stopping, or does not take this successor or this user";
