//! Where it is measured.

use std::fs;
use std::process::Command;
use std::thread;

use nix::sys::utsname::uname;

use crate::record::Machine;

pub(crate) fn describe(descriptors: u64) -> Machine {
    Machine {
        cores: thread::available_parallelism().map_or(1, usize::from),
        kernel: uname().map_or_else(|_| unknown(), |name| name.release().display().to_string()),
        cpu: cpu().unwrap_or_else(unknown),
        descriptors,
        date: date().unwrap_or_else(unknown),
    }
}

fn cpu() -> Option<String> {
    let told = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = told.lines().find(|line| line.starts_with("model name"))?;
    line.split_once(": ").map(|(_, model)| model.trim().to_owned())
}

/// As `date(1)` has it: the standard library knows no calendar.
fn date() -> Option<String> {
    let told = Command::new("date").args(["-u", "+%FT%TZ"]).output().ok()?;
    String::from_utf8(told.stdout).ok().map(|date| date.trim().to_owned())
}

fn unknown() -> String {
    "unknown".into()
}
