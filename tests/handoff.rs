//! What a handoff hands over, and who serves while it does.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use support::{Family, ask, both_ways};

#[test]
fn role_main() {
    support::run_role(&[]);
}

both_ways! {
    fn successor_serves_on_the_same_socket(way: Way) {
        let mut family = Family::new();
        let (first, address) = family.start_service();
        assert_eq!(ask(&address).unwrap(), (first, 1));
        let second = family.succeed(first, way);
        assert_eq!(family.expect(second, "bound").details, address);
        family.expect(second, "ready");
        family.expect(first, "exit");
        family.expect_end(first);
        assert_eq!(ask(&address).unwrap(), (second, 2));
        assert_eq!(family.pid_file(), Some(second));
        family.expect_only(&[second]);
    }
}
