//! A process that speaks the protocol and shares no code with this crate: `successor.py` or
//! `predecessor.py`. It tells what it does by JSON objects, one a line, and takes orders by lines.
//!
//! Both go through a FIFO in the family's folder, since one that is spawned has the standard streams
//! of whoever spawns it.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::thread;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use serde_json::Value;

use crate::support::sys::wait_readable;

/// A process of the family that speaks in a stranger's way. Whoever drops it has it end, as if killed.
pub(crate) struct Stranger {
    pub(crate) pid: u32,
    streams: Streams,
    /// Read and no whole line yet.
    rest: Vec<u8>,
    /// Told and not yet asked for.
    events: Vec<Value>,
    /// Asked for.
    taken: Vec<Value>,
}

/// Where a stranger hears its orders and tells its events. Both ends of both are open here, so
/// neither waits for the other.
pub(crate) struct Streams {
    orders: File,
    events: File,
}

impl Streams {
    /// Makes them, under names that end as told.
    pub(crate) fn make(folder: &Path, suffix: &str) -> Self {
        let make = |name: &str| fifo(&folder.join(format!("{name}.{suffix}")));
        Self { orders: make("orders"), events: make("events") }
    }
}

/// Makes a FIFO and opens both its ends.
pub(crate) fn fifo(path: &Path) -> File {
    mkfifo(path, Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
    File::options().read(true).write(true).open(path).unwrap()
}

impl Stranger {
    /// A process that has begun with these streams.
    pub(crate) fn new(pid: u32, streams: Streams) -> Self {
        Self { pid, streams, rest: Vec::new(), events: Vec::new(), taken: Vec::new() }
    }

    /// Gives an order.
    pub(crate) fn order(&mut self, order: &str) {
        self.streams.orders.write_all(format!("{order}\n").as_bytes()).unwrap();
    }

    /// Waits for an event and takes it; those before it stay.
    pub(crate) fn expect(&mut self, name: &str) -> Value {
        self.expect_one_of(&[name])
    }

    /// Waits for the first event that has one of these names and takes it.
    pub(crate) fn expect_one_of(&mut self, names: &[&str]) -> Value {
        loop {
            let is = |event: &Value| names.iter().any(|name| event["event"] == *name);
            if let Some(index) = self.events.iter().position(is) {
                let event = self.events.remove(index);
                self.taken.push(event.clone());
                return event;
            }
            self.hear_more(&format!("{names:?}"));
        }
    }

    fn hear_more(&mut self, what: &str) {
        let waited = wait_readable(&self.streams.events);
        assert!(waited, "{what} of the stranger, process {}, has not come", self.pid);
        let mut buffer = [0; 1 << 14];
        let length = self.streams.events.read(&mut buffer).unwrap();
        self.rest.extend_from_slice(&buffer[..length]);
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            match serde_json::from_slice(&line) {
                Ok(event @ Value::Object(_)) => self.events.push(event),
                _ => panic!("not an event: {}", String::from_utf8_lossy(&line)),
            }
        }
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        if thread::panicking() {
            let list =
                |events: &[Value]| events.iter().map(|event| format!("  {event}\n")).collect();
            let (taken, events): (String, String) = (list(&self.taken), list(&self.events));
            eprintln!("stranger {}: events asked for:\n{taken}others:\n{events}", self.pid);
        }
    }
}

/// What a shell is told to run one of the two programs. What Python compiles is kept, since nearly all
/// the time that such a process takes to begin goes by with it, but apart from the sources.
pub(crate) fn program(name: &str) -> String {
    static TROUBLE: LazyLock<Option<io::Error>> = LazyLock::new(|| {
        Command::new("python3").arg("--version").stdout(Stdio::null()).status().err()
    });
    if let Some(error) = &*TROUBLE {
        panic!("python3 cannot be started, and these tests need Python 3.9 or newer: {error}");
    }
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python");
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop").join(name);
    // Without environment and site nothing but the standard library can be imported.
    format!("python3 -E -S -X pycache_prefix='{}' '{}'", cache.display(), program.display())
}
