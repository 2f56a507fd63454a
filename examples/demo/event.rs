//! The `event:` lines in which the services tell what they do.

use std::str::FromStr;
use std::time::{Duration, Instant};

/// One line: `event: NAME key=value ... error=the rest of the line`.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    /// When it was read.
    pub(crate) at: Instant,
    /// What happened: `ready`, `draining`, `gone`, ...
    pub(crate) name: String,
    /// To which process.
    pub(crate) pid: u32,
    details: String,
}

impl Event {
    /// None if the line is none, or does not say which process it is about.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let (name, details) = line.strip_prefix("event: ")?.split_once(' ')?;
        let mut event = Self {
            at: Instant::now(),
            name: name.to_owned(),
            pid: 0,
            details: details.trim_end().to_owned(),
        };
        event.pid = event.get("pid").ok()?;
        Some(event)
    }

    /// The value of `key`.
    pub(crate) fn get<T: FromStr>(&self, key: &str) -> Result<T, String> {
        let pairs = self.details.split(' ').filter_map(|pair| pair.split_once('='));
        let value = pairs.filter(|(name, _)| *name == key).map(|(_, value)| value).next();
        let value = value.and_then(|value| value.parse().ok());
        value.ok_or_else(|| format!("no {key} in event: {} {}", self.name, self.details))
    }

    /// The value of `key`, which is in microseconds.
    pub(crate) fn time(&self, key: &str) -> Result<Duration, String> {
        self.get(key).map(Duration::from_micros)
    }

    /// The text after `error=`, spaces and all.
    pub(crate) fn error(&self) -> &str {
        self.details.split_once("error=").map_or("", |(_, error)| error)
    }
}
