//! The table of results in `docs`, written where the environment asks for it.

use std::fs;
use std::path::Path;
use std::thread;

use nix::sys::utsname::uname;

use super::verdict::{HEAD, Verdict};

/// With this in the environment the table is written anew.
const ASKED: &str = "HEIRLOOM_RESULTS";

/// Writes what came of every case.
pub(super) fn write(verdicts: &[Verdict], seconds: u64) {
    if std::env::var_os(ASKED).is_none() || std::env::var_os(super::PART).is_some() {
        return;
    }
    let (machine, cores) = (uname().unwrap(), thread::available_parallelism().unwrap());
    let kernel = machine.release().display();
    let count = verdicts.len();
    let rows: String = verdicts.iter().map(|verdict| format!("{verdict}\n")).collect();
    let text = format!(
        "# What each fault costs the clients\n\n\
         {count} faults in {seconds} s on {cores} cores, Linux {kernel}. {ABOUT}\n\
         ```text\n{HEAD}\n{rows}```\n"
    );
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/faults-results.md");
    fs::write(path, text).unwrap();
}

const ABOUT: &str = "\
[faults.md](faults.md) says what is done to whom. Written by
`HEIRLOOM_RESULTS=yes cargo test --test faults matrix`:

* **clients** come every 10 ms, and ask four times each; **answers** are what they got.
* **refused**, **reset**, **lost**, **late**: clients that failed and had no reason to, and what came too
  late. The test fails unless these are all 0.
* **in flight**: inside the very process that the fault befell. **nobody**: turned away while no process
  was left that had the listener. **stood still**: answers that had to wait until the owner, which stood
  still, went on or was replaced.
* **longest**, **allowed**: milliseconds that any other client waited, and that whoever goes on may wait for
  the victim; 100 more are granted to the machine.
";
