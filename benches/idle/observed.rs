//! What the kernel tells of a process: see `proc_pid_status(5)` and `proc_pid_smaps_rollup(5)`.

use std::fmt;
use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::process::Process;

/// A process at one moment.
pub(crate) struct Observed {
    threads: i64,
    /// How often any thread of it has been put on a processor and taken off again.
    switches: i64,
    resident_kib: i64,
    anonymous_kib: i64,
}

impl Observed {
    pub(crate) fn of(process: &Process) -> Self {
        let folder = Path::new("/proc").join(process.pid.to_string());
        let threads = fs::read_dir(folder.join("task")).unwrap();
        let states: Vec<_> =
            threads.map(|thread| read(&thread.unwrap().path().join("status"))).collect();
        let switches = |state: &String| {
            field(state, "voluntary_ctxt_switches:") + field(state, "nonvoluntary_ctxt_switches:")
        };
        let memory = read(&folder.join("smaps_rollup"));
        Self {
            threads: i64::try_from(states.len()).unwrap(),
            switches: states.iter().map(switches).sum(),
            resident_kib: field(&memory, "Rss:"),
            anonymous_kib: field(&memory, "Anonymous:"),
        }
    }
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

fn field(text: &str, name: &str) -> i64 {
    let found = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    found.trim_end_matches("kB").trim().parse().unwrap()
}

/// Processes of one kind, while nothing happened to them.
pub(crate) struct Idle {
    /// The most of any.
    pub(crate) threads: i64,
    /// Of all of them.
    pub(crate) wake_ups: i64,
    /// The median.
    resident_kib: i64,
    /// Of that, what is of no file: the median.
    pub(crate) anonymous_kib: i64,
}

impl Idle {
    pub(crate) fn between(before: &[Observed], after: &[Observed]) -> Self {
        let woken =
            before.iter().zip(after).map(|(before, after)| after.switches - before.switches);
        Self {
            threads: after.iter().map(|process| process.threads).max().unwrap(),
            wake_ups: woken.sum(),
            resident_kib: median(after.iter().map(|process| process.resident_kib)),
            anonymous_kib: median(after.iter().map(|process| process.anonymous_kib)),
        }
    }

    /// What it has more than another.
    pub(crate) fn beside(&self, other: &Self) -> Self {
        Self {
            threads: self.threads - other.threads,
            wake_ups: self.wake_ups - other.wake_ups,
            resident_kib: self.resident_kib - other.resident_kib,
            anonymous_kib: self.anonymous_kib - other.anonymous_kib,
        }
    }

    pub(crate) fn json(&self, process: &str, watched: Duration) -> String {
        let Self { threads, wake_ups, resident_kib, anonymous_kib } = self;
        let seconds = watched.as_secs();
        format!(
            r#"{{"what":"idle","process":"{process}","seconds":{seconds},"threads":{threads},"wake_ups":{wake_ups},"resident_kib":{resident_kib},"anonymous_kib":{anonymous_kib}}}"#
        )
    }
}

/// With a sign if asked for, as what is more.
impl fmt::Display for Idle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if f.sign_plus() { "+" } else { "" };
        let Self { threads, wake_ups, resident_kib, anonymous_kib } = self;
        write!(f, "threads {sign}{threads}, wake-ups {sign}{wake_ups}, ")?;
        write!(f, "resident {sign}{resident_kib} KiB, of no file {sign}{anonymous_kib} KiB")
    }
}

fn median(values: impl Iterator<Item = i64>) -> i64 {
    let mut values: Vec<_> = values.collect();
    values.sort_unstable();
    values[values.len() / 2]
}
