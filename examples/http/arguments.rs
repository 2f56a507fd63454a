//! The command line of the service.

use std::path::PathBuf;
use std::time::Duration;

use crate::report::Report;

/// What the service is told when it starts. A spawned successor is told the same.
#[derive(Debug)]
pub(crate) struct Arguments {
    /// Address to serve on.
    pub(crate) listen: String,
    /// Where the generations meet: `@name` or a path.
    pub(crate) handoff_socket: String,
    /// Where the owner's process id is written.
    pub(crate) pid_file: Option<PathBuf>,
    /// How long a successor may take to be ready.
    pub(crate) ready_timeout: Duration,
    /// How long kept-alive connections get for their last request.
    pub(crate) drain_timeout: Duration,
    /// Whom to tell what happens.
    pub(crate) report: Report,
}

impl Arguments {
    pub(crate) const USAGE: &str = "usage: http [--listen ADDRESS] [--handoff-socket @NAME|PATH] \
        [--pid-file PATH] [--ready-timeout SECONDS] [--drain-timeout SECONDS] [--events]";

    /// Reads the arguments that follow the program's name.
    pub(crate) fn parse(given: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut arguments = Self::default();
        let mut given = given.into_iter();
        while let Some(option) = given.next() {
            let mut value = || given.next().ok_or(format!("{option} needs a value"));
            match option.as_str() {
                "--listen" => arguments.listen = value()?,
                "--handoff-socket" => arguments.handoff_socket = value()?,
                "--pid-file" => arguments.pid_file = Some(value()?.into()),
                "--ready-timeout" => arguments.ready_timeout = seconds(&value()?)?,
                "--drain-timeout" => arguments.drain_timeout = seconds(&value()?)?,
                "--events" => arguments.report = Report::Program,
                _ => return Err(format!("unknown option {option}\n{}", Self::USAGE)),
            }
        }
        Ok(arguments)
    }
}

impl Default for Arguments {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".into(),
            handoff_socket: "@heirloom-http".into(),
            pid_file: None,
            ready_timeout: Duration::from_secs(60),
            drain_timeout: Duration::from_secs(10),
            report: Report::Person,
        }
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().map_err(|_| format!("{text} is not a number of seconds"))?;
    Duration::try_from_secs_f64(seconds).map_err(|error| format!("{text} seconds: {error}"))
}
