//! A mount namespace of a process's own.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use nix::unistd::Uid;

use crate::support::Family;

/// A program that runs this binary in a mount namespace of its own, under the same process id. `None`
/// where there can be none, which is told.
pub(crate) fn program(family: &mut Family) -> Option<PathBuf> {
    let options = match Uid::effective().is_root() {
        true => "--mount",
        false => "--user --map-root-user --mount",
    };
    let mut trial = Command::new("unshare");
    trial.args(options.split(' ')).args(["mount", "-t", "tmpfs", "none", "/proc"]);
    match trial.stdin(Stdio::null()).output() {
        Ok(output) if output.status.success() => {}
        Ok(output) => return skip(&String::from_utf8_lossy(&output.stderr)),
        Err(error) => return skip(&error.to_string()),
    }
    let (path, own) = (family.path("unshared"), std::env::current_exe().unwrap());
    let script = format!("#!/bin/sh\nexec unshare {options} -- '{}' \"$@\"\n", own.display());
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    // It is the program's file name otherwise, which the script has another of.
    family.set("SERVICE", "limits");
    Some(path)
}

fn skip(why: &str) -> Option<PathBuf> {
    eprintln!("SKIPPED: no mount namespace of its own can be had here: {}", why.trim());
    None
}
