//! A predecessor that has no descriptor slot left, or too few for a handoff.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use super::expect_parts;
use crate::support::clients::send_question;
use crate::support::outcome::{expect_failed, expect_next_try_succeeds, expect_owner};
use crate::support::{Family, Way, at_once};

/// A successor takes two slots before it has said a word: for its connection and for its process.
const TOO_FEW_TO_ACCEPT: [usize; 2] = [0, 1];

/// A client that has been there before the slots went: the service could accept no other.
struct Regular(BufReader<TcpStream>);

impl Regular {
    fn new(address: &str) -> Self {
        let mut regular = Self(BufReader::new(send_question(address).unwrap()));
        regular.read();
        regular
    }

    /// Asks who serves.
    fn ask(&mut self) -> String {
        self.0.get_mut().write_all(b"who\n").unwrap();
        self.read()
    }

    fn read(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line
    }
}

/// A service that has so many descriptor slots left, and a client of it.
fn service(spare: usize) -> (Family, u32, String, Regular) {
    let mut family = Family::new();
    family.set_next("NOFILE", "256:256");
    let (first, address) = family.start_service();
    let regular = Regular::new(&address);
    family.tell(first, &format!("fill {spare}"));
    family.expect(first, "limited");
    (family, first, address, regular)
}

/// The service has slots again, and the next upgrade succeeds.
fn expect_recovery(mut family: Family, first: u32, address: &str, mut regular: Regular, way: Way) {
    assert_eq!(regular.ask(), format!("{first} 1\n"));
    family.tell(first, "free");
    family.expect(first, "limited");
    drop(regular);
    expect_next_try_succeeds(&mut family, first, address, way);
}

#[test]
fn predecessor_without_a_free_slot_cannot_spawn_and_says_so() {
    let (mut family, first, address, regular) = service(0);
    family.tell(first, "upgrade");
    let failed = family.expect_like(first, "failed", "upgrade Spawn ");
    expect_parts(&failed, &["Too many open files", "raise LimitNOFILE"]);
    expect_recovery(family, first, &address, regular, Way::Spawned);
}

/// What the predecessor logs of a connection that stays in the queue.
const QUEUED: &str = "a connection to the handoff socket cannot be accepted";

#[test]
fn successor_is_served_as_soon_as_its_predecessor_has_a_free_slot() {
    for spare in TOO_FEW_TO_ACCEPT {
        let (mut family, first, address, mut regular) = service(spare);
        let second = family.start();
        family.expect_like(first, "log", QUEUED);
        assert_eq!(regular.ask(), format!("{first} 1\n"));
        family.tell(first, "free");
        family.expect(second, "ready");
        drop(regular);
        family.expect_end(first);
        expect_owner(&family, second, 2, &address);
    }
}

#[test]
fn successor_of_a_predecessor_without_a_free_slot_gives_up() {
    at_once(&TOO_FEW_TO_ACCEPT, |spare| {
        let (mut family, first, address, regular) = service(*spare);
        let second = family.start();
        family.expect_like(first, "log", QUEUED);
        let fields = family.expect_like(first, "fields", "reason=");
        expect_parts(&fields, &["Too many open files", "raise LimitNOFILE"]);
        let failed = family.expect_like(second, "failed", "start Hung ");
        expect_parts(&failed, &["no descriptor slot", "raise its LimitNOFILE"]);
        expect_recovery(family, first, &address, regular, Way::External);
    });
}

#[test]
fn predecessor_with_too_few_slots_for_a_handoff_says_so() {
    // It accepts the successor, and has no slot for its token, or none for its control socket.
    for spare in 2..4 {
        let (mut family, first, address, regular) = service(spare);
        let second = family.start();
        let failed = family.expect_like(second, "failed", "start Aborted ");
        expect_parts(&failed, &["Too many open files", "raise LimitNOFILE"]);
        expect_failed(&mut family, first, Way::External);
        expect_recovery(family, first, &address, regular, Way::External);
    }
}
