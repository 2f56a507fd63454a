//! As many descriptors as a process may have.

use nix::sys::resource::{Resource, getrlimit};

use crate::support::outcome::{expect_next_try_succeeds, expect_owner};
use crate::support::{Family, both_ways};

/// How many are handed over: 20,000 where the hard limit allows that.
fn count() -> u64 {
    /// What a process needs beside them.
    const OTHERS: u64 = 100;
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    let count = hard.saturating_sub(OTHERS).min(20_000);
    if count < 20_000 {
        eprintln!("SMALLER: {count} descriptors, since at most {hard} are allowed here");
    }
    count
}

both_ways! {
    fn twenty_thousand_descriptors_arrive_each_under_its_name(way: Way) {
        let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        let mut family = Family::new();
        family.set("NOFILE", &format!("{hard}:{hard}")).set("MANY", &count().to_string());
        let (first, address) = family.start_service();
        let told = family.expect(first, "many").details;
        let second = expect_next_try_succeeds(&mut family, first, &address, way);
        assert_eq!(family.expect(second, "many").details, told);
        let third = expect_next_try_succeeds(&mut family, second, &address, way);
        assert_eq!(family.expect(third, "many").details, told);
        expect_owner(&family, third, 3, &address);
    }
}
