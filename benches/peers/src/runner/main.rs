//! Measures heirloom beside tableflip, ecdysis and shellflip: see `README.md`.

mod budget;
mod course;
mod load;
mod machine;
mod options;
mod peer;
mod percentile;
mod points;
mod record;
mod report;
mod served;
mod service;
mod table;
mod upgrades;

use std::env;
use std::error::Error;
use std::fs;
use std::io;
use std::os::fd::BorrowedFd;
use std::process::ExitCode;

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::prctl::set_child_subreaper;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use options::Options;
use report::Report;

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("peers: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<ExitCode, Box<dyn Error>> {
    let options = Options::parse(env::args().skip(1))?;
    let descriptors = raise_limit()?;
    keep_to_itself()?;
    // Successors are children of their predecessors: they become the runner's when those have ended, and
    // are waited for like all others.
    set_child_subreaper(true)?;

    let mut report = Report::new(options.json);
    report.machine(&machine::describe(descriptors));
    upgrades::measure(&options, &mut report);
    let kept = served::measure(&options, &mut report);
    Ok(if options.budget && !kept { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// All services inherit it. Not every library raises the soft limit, and none is measured by that.
fn raise_limit() -> nix::Result<u64> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    Ok(hard)
}

/// No service inherits what whoever started the runner has left open.
fn keep_to_itself() -> io::Result<()> {
    let open = fs::read_dir("/proc/self/fd")?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    for number in open.filter_map(|name| name.parse().ok()).filter(|&number| number > 2) {
        // SAFETY: it is only borrowed for the call, which fails if it is closed by now.
        let descriptor = unsafe { BorrowedFd::borrow_raw(number) };
        let _ = fcntl(descriptor, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC));
    }
    Ok(())
}
