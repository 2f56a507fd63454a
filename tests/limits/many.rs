//! As many descriptors as a process may have.

use std::io::{self, Write};

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::support::outcome::{expect_next_try_succeeds, expect_owner};
use crate::support::{Family, both_ways};

/// What is handed over.
const MANY: u64 = 20_000;

/// What a process needs beside them.
const OTHERS: u64 = 100;

/// The hard limit of open descriptors, raised to what this test needs where that may be done. See
/// `setrlimit(2)`, `CAP_SYS_RESOURCE`.
fn hard_limit() -> u64 {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    let wanted = hard.max(MANY + OTHERS);
    match setrlimit(Resource::RLIMIT_NOFILE, soft, wanted) {
        Ok(()) => wanted,
        Err(_) => hard,
    }
}

/// How many are handed over under that limit.
fn count(hard: u64) -> u64 {
    let count = hard.saturating_sub(OTHERS).min(MANY);
    if count < MANY {
        // Past what catches a test's output: whoever reads that it has passed reads this too.
        let _ = writeln!(
            io::stderr(),
            "SMALLER: {count} descriptors instead of {MANY}, since at most {hard} are allowed here"
        );
    }
    count
}

both_ways! {
    fn twenty_thousand_descriptors_arrive_each_under_its_name(way: Way) {
        let hard = hard_limit();
        let mut family = Family::new();
        family.set("NOFILE", &format!("{hard}:{hard}")).set("MANY", &count(hard).to_string());
        let (first, address) = family.start_service();
        let told = family.expect(first, "many").details;
        let second = expect_next_try_succeeds(&mut family, first, &address, way);
        assert_eq!(family.expect(second, "many").details, told);
        let third = expect_next_try_succeeds(&mut family, second, &address, way);
        assert_eq!(family.expect(third, "many").details, told);
        expect_owner(&family, third, 3, &address);
    }
}
