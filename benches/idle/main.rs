//! What the library costs a service that nothing happens to: threads, wake-ups and memory more than the
//! same program has without it, before and after an upgrade.
//!
//! ```sh
//! cargo bench --bench idle                 # watches for 60 s
//! cargo bench --bench idle -- --json       # a line of JSON for each kind of process
//! ```
//!
//! The budget is one thread, no wake-up, and less than 300 KiB of memory that is of no file: what nobody else
//! can have a use for. Resident memory is told beside it and not judged: it counts each page of the
//! program's and the C library's code that was needed once, with those around it that the kernel maps on the
//! way. They are in memory once for every process that runs the program, and given back when it is short.
//!
//! Both are read from `smaps_rollup`, which walks the page tables: `VmRSS` adds up counters that lag behind.
//! What is around a page depends on where the page cache has it, so each is the median of several processes.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a benchmark fails loudly"
)]

mod observed;
mod process;
mod program;

use std::env;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use observed::{Idle, Observed};
use process::Process;

/// Processes of each kind.
const TIMES: usize = 5;

const WATCHED: Duration = Duration::from_secs(60);

/// What an idle service may have more of memory that is of no file.
const MOST_KIB: i64 = 300;

fn main() -> ExitCode {
    // As a test there is nothing to measure.
    if !env::args().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    let program = program::build();
    let service = |number: usize| format!("@idle-{}-{number}", std::process::id());
    let without = (0..TIMES).map(|_| Process::start(&program, None));
    let first = (0..TIMES).map(|number| Process::start(&program, Some(&service(number))));
    let second = (TIMES..2 * TIMES).map(|number| upgraded(&program, &service(number)));
    tell(&watch([without.collect(), first.collect(), second.collect()]))
}

/// The second generation of a service, whose first one has retired.
fn upgraded(program: &Path, service: &str) -> Process {
    let first = Process::start(program, Some(service));
    let second = Process::start(program, Some(service));
    first.expect_end();
    second
}

/// What becomes of processes of each kind while nothing happens to them.
fn watch<const KINDS: usize>(processes: [Vec<Process>; KINDS]) -> [Idle; KINDS] {
    /// What they did to begin with is over long before.
    const SETTLED: Duration = Duration::from_secs(1);
    let observe =
        || processes.each_ref().map(|kind| kind.iter().map(Observed::of).collect::<Vec<_>>());
    let any = &processes[0][0];
    any.expect_nothing(SETTLED);
    let before = observe();
    any.expect_nothing(WATCHED);
    let mut after = observe().into_iter();
    before.map(|before| Idle::between(&before, &after.next().unwrap()))
}

fn tell(kinds: &[Idle; 3]) -> ExitCode {
    let [without, first, second] = kinds;
    let named = [("without", without), ("first generation", first), ("second generation", second)];
    if env::args().any(|argument| argument == "--json") {
        for (name, idle) in named {
            println!("{}", idle.json(name, WATCHED));
        }
    } else {
        println!("without the library  {without}");
        println!("first generation     {:+}", first.beside(without));
        println!("second generation    {:+}", second.beside(without));
    }
    let keeps = |idle: &Idle| {
        let more = idle.beside(without);
        (more.threads, more.wake_ups) == (1, 0) && more.anonymous_kib < MOST_KIB
    };
    if keeps(first) && keeps(second) {
        return ExitCode::SUCCESS;
    }
    eprintln!("the budget is 1 thread, 0 wake-ups, and less than {MOST_KIB} KiB of no file, more");
    ExitCode::FAILURE
}
