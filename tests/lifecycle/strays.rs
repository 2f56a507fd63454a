//! What becomes of a listener that the successor does not claim.

use std::io::ErrorKind;
use std::net::TcpStream;

use crate::support::{Family, ask, both_ways};

both_ways! {
    fn stray_is_closed_when_the_service_is_owned(way: Way) {
        let mut family = Family::new();
        let (first, address) = family.start_service();
        family.set_next("LISTEN", "");
        let second = family.succeed(first, way);
        family.expect(second, "ready");
        family.expect_like(second, "log", "inherited, not claimed and closed");
        family.expect_end(first);
        let refused = TcpStream::connect(&address).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    }

    fn stray_is_kept_and_handed_on_where_the_policy_says_so(way: Way) {
        let mut family = Family::new();
        let (first, address) = family.start_service();
        family.set_next("LISTEN", "").set_next("STRAYS", "keep");
        let second = family.succeed(first, way);
        family.expect(second, "ready");
        family.expect_end(first);
        let third = family.succeed(second, way);
        family.expect(third, "ready");
        family.expect_end(second);
        assert_eq!(ask(&address).unwrap(), (third, 3));
    }

    fn stray_keeps_the_successor_from_becoming_ready_where_the_policy_says_so(way: Way) {
        let mut family = Family::new();
        let (first, address) = family.start_service();
        family.set_next("LISTEN", "").set_next("STRAYS", "fail");
        let second = family.succeed(first, way);
        family.expect_like(second, "failed", "ready Strays ");
        assert_eq!(ask(&address).unwrap(), (first, 1));
        family.tell(second, "end");
        family.expect_like(first, "log", "the handoff has failed");
        family.expect_only(&[first]);
    }
}
