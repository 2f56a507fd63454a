//! Roles that tell their events elsewhere than to whoever has started them.

use std::io::Read;
use std::thread;

use super::{Family, read_events};

impl Family {
    /// Takes the events that are told there, until its end.
    pub(crate) fn hear(&self, source: impl Read + Send + 'static) {
        let sender = self.sender.clone();
        thread::spawn(move || read_events(source, &sender));
    }
}
