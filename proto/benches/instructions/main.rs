//! How many instructions the paths take that must not grow, counted by callgrind and held against
//! `proto/benches/instructions.txt`: unlike a time, a count is the same on a busy machine.
//!
//! ```sh
//! .ci/instructions            # fails when one has grown by more than 5 %
//! .ci/instructions --write    # renews the file
//! ```
//!
//! Each path runs once, in a process of its own. What it calls of the C library counts too, so another
//! version of that moves the numbers; another rustc moves them more, and is told of and not judged.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "a benchmark fails loudly")]

mod handoff;
#[path = "../manifest/mod.rs"]
mod manifest;
mod paths;
mod record;

use std::env;
use std::io::ErrorKind;
use std::process::{Command, ExitCode};

use paths::PATHS;
use record::Record;

/// Which path this process is to run, under callgrind.
const PATH: &str = "HEIRLOOM_BENCH_PATH";

fn main() -> ExitCode {
    if let Ok(path) = env::var(PATH) {
        paths::run(&path);
        return ExitCode::SUCCESS;
    }
    // As a test it is not optimised, and its counts say nothing.
    if !env::args().any(|argument| argument == "--bench") || !has_valgrind() {
        return ExitCode::SUCCESS;
    }
    let counted = PATHS.iter().map(|path| (path.name.into(), count(path.name))).collect();
    let counted = Record { toolchain: record::toolchain(), counts: counted };
    if env::args().any(|argument| argument == "--write") {
        counted.write();
        return ExitCode::SUCCESS;
    }
    if Record::read().judge(&counted) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The C library chooses its functions by the processor, and one that repeats a single instruction counts
/// as many as it moves bytes: 23 % of `encode`. These are of every processor. See `GLIBC_TUNABLES` in `ld.so(8)`.
const PLAIN: &str = "glibc.cpu.hwcaps=-AVX2,-AVX_Fast_Unaligned_Load,-ERMS";

/// # Panics
///
/// If everything is to be tried here, and this cannot be.
fn has_valgrind() -> bool {
    match Command::new("valgrind").arg("--version").output() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            assert!(!is_everything_tried(), "valgrind is not installed, and HEIRLOOM_TESTS=all");
            println!("left out: valgrind is not installed");
            false
        }
        valgrind => valgrind.unwrap().status.success(),
    }
}

pub(crate) fn is_everything_tried() -> bool {
    env::var_os("HEIRLOOM_TESTS").is_some_and(|tests| tests == "all")
}

/// What callgrind says of one path: `==<pid>== Collected : <instructions>`.
fn count(path: &str) -> u64 {
    let valgrind = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--vgdb=no"])
        .arg(format!("--toggle-collect={}", paths::COUNTED))
        .arg(env::current_exe().unwrap())
        // A larger environment would move the stack.
        .env_clear()
        .env("GLIBC_TUNABLES", PLAIN)
        .env(PATH, path)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&valgrind.stderr);
    assert!(valgrind.status.success(), "{told}");
    let collected = told.lines().find_map(|line| line.split_once("Collected : "));
    let count = collected.unwrap_or_else(|| panic!("callgrind has counted nothing: {told}")).1;
    let count = count.trim().parse().unwrap();
    assert!(count > 0, "no function is called as {}: {told}", paths::COUNTED);
    count
}
