//! What roles tell elsewhere than to whoever has started them, and what they are not to tell.

use std::io::Read;
use std::thread;
use std::time::{Duration, Instant};

use super::{Family, read_events};

impl Family {
    /// Takes the events that are told there, until its end.
    pub(crate) fn hear(&self, source: impl Read + Send + 'static) {
        let sender = self.sender.clone();
        thread::spawn(move || read_events(source, &sender));
    }

    /// Whether an event comes before so much time has passed: one that is not to come yet.
    pub(crate) fn comes_within(&mut self, pid: u32, name: &str, time: Duration) -> bool {
        let deadline = Instant::now() + time;
        while !self.has_come(pid, name) {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.receiver.recv_timeout(left) {
                Ok(event) => self.events.push(event),
                Err(_) => return false,
            }
        }
        true
    }
}
