//! The units of `examples/systemd`, with a real systemd.
//!
//! Each test has a systemd of its own: Debian's, as the first process of its own namespaces of
//! processes, mounts, cgroups and network, which needs root. Where that cannot be the tests count as
//! ignored; with `HEIRLOOM_TESTS=all` they fail then.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod activated;
mod beside;
mod clients;
#[cfg(feature = "cli")]
mod command_line;
mod frozen;
mod in_place;
mod kinds;
mod machine;
mod mishaps;
mod pid_file;
#[path = "../../examples/systemd/service.rs"]
mod service;
mod stored;
mod template;
mod watched;

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};

fn main() -> ExitCode {
    let mut arguments = std::env::args();
    let name = arguments.next().unwrap_or_default();
    // A unit has started it: it is the service.
    if Path::new(&name).ends_with("svc") {
        let mut arguments = arguments.peekable();
        return exit_code(match arguments.next_if(|first| first == kinds::WORD) {
            Some(_) => kinds::run(arguments),
            None => service::run(arguments),
        });
    }
    let obstacle = machine::obstacle();
    if let Some(why) = &obstacle {
        eprintln!("no systemd can be run here: {why}");
    }
    let required = std::env::var_os("HEIRLOOM_TESTS").is_some_and(|tests| tests == "all");
    let trial = |(name, test): (&str, fn())| {
        let why = obstacle.clone();
        let run = move || match why {
            Some(why) => Err(Failed::from(why)),
            None => {
                test();
                Ok(())
            }
        };
        Trial::test(name, run).with_ignored_flag(obstacle.is_some() && !required)
    };
    let tests = [
        activated::TESTS,
        beside::TESTS,
        #[cfg(feature = "cli")]
        command_line::TESTS,
        frozen::TESTS,
        in_place::TESTS,
        mishaps::TESTS,
        pid_file::TESTS,
        stored::TESTS,
        template::TESTS,
        watched::TESTS,
    ];
    let trials = tests.concat().into_iter().map(trial);
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code()
}

fn exit_code(outcome: Result<(), Box<dyn Error>>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Names each test by its function.
macro_rules! tests {
    ($($name:ident),* $(,)?) => {
        pub(crate) const TESTS: &[(&str, fn())] =
            &[$((concat!(module_path!(), "::", stringify!($name)), $name)),*];
    };
}
pub(crate) use tests;
