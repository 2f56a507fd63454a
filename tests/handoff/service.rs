//! The service is there at every instant.

use crate::support::clients::{read_answer, send_question};
use crate::support::control::status;
use crate::support::{Clients, Family, ask, both_ways};

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
        assert_eq!(status(family.setting("HANDOFF")).unwrap().pid, second);
        family.expect_only(&[second]);
    }

    fn predecessor_serves_until_the_successor_owns_the_service(way: Way) {
        let mut family = Family::new();
        let (first, address) = family.set("COMMIT_MS", "20000").start_service();
        family.hold_next("successor.before.lock");
        let second = family.succeed(first, way);
        family.expect(second, "held");
        assert_eq!(ask(&address).unwrap(), (first, 1));
        family.tell(second, "resume");
        family.expect(second, "ready");
        family.expect_end(first);
        assert_eq!(ask(&address).unwrap(), (second, 2));
    }

    fn connections_in_the_accept_queue_are_served_by_the_successor(way: Way) {
        let mut family = Family::new();
        let (first, address) = family.set("SERVE", "no").start_service();
        let waiting: Vec<_> = (0..50).map(|_| send_question(&address).unwrap()).collect();
        family.set_next("SERVE", "yes");
        let second = family.succeed(first, way);
        family.expect(second, "ready");
        family.expect_end(first);
        for client in waiting {
            assert_eq!(read_answer(client).unwrap(), (second, 2));
        }
    }

    fn connection_that_was_accepted_is_finished_by_the_predecessor(way: Way) {
        let mut family = Family::new();
        let (first, address) = family.start_service();
        let mut client = send_question(&address).unwrap();
        assert_eq!(read_answer(client.try_clone().unwrap()).unwrap(), (first, 1));
        let second = family.succeed(first, way);
        family.expect(second, "ready");
        family.expect(first, "exit");
        std::io::Write::write_all(&mut client, b"still there?\n").unwrap();
        assert_eq!(read_answer(client.try_clone().unwrap()).unwrap(), (first, 1));
        drop(client);
        family.expect(first, "drained");
        family.expect_only(&[second]);
    }

    fn no_client_is_refused_or_lost_in_ten_upgrades(way: Way) {
        let mut family = Family::new();
        let (mut owner, address) = family.start_service();
        let clients: Vec<_> = (0..4).map(|_| Clients::start(&address)).collect();
        for generation in 2..=11 {
            let successor = family.succeed(owner, way);
            assert_eq!(family.expect(successor, "ready").generation, generation);
            family.expect_end(owner);
            assert_eq!(ask(&address).unwrap(), (successor, generation));
            owner = successor;
        }
        let tallies: Vec<_> = clients.into_iter().map(Clients::stop).collect();
        let answered: usize = tallies.iter().map(|tally| tally.expect_whole()).sum();
        assert!(answered > 40, "{tallies:?}");
        let generations = tallies.iter().flat_map(|tally| tally.answered.keys());
        assert!(generations.max() > Some(&9), "{tallies:?}");
        family.expect_only(&[owner]);
    }
}
