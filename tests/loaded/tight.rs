//! A predecessor that can have little more memory.

use crate::support::{Clients, Family, ask, both_ways};

both_ways! {
    fn predecessor_with_64_mib_of_address_space_left_hands_over(way: Way) {
        let mut family = Family::new();
        // Or else the first thread that has something to allocate takes 64 MiB of addresses for itself.
        family.set_variable("MALLOC_ARENA_MAX", "1");
        let (first, address) = family.start_service();
        family.tell(first, "tighten 64");
        family.expect(first, "limited");
        let clients = Clients::start(&address);
        let second = family.succeed(first, way);
        family.expect(second, "ready");
        family.expect_end(first);
        assert_eq!(ask(&address).unwrap(), (second, 2));
        clients.stop().expect_whole();
    }
}
