//! A sum that clients add to through upgrade after upgrade: what was acknowledged is in it, once.

use std::collections::BTreeSet;
use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::support::{DEADLINE, Family, Way};

/// A family of services that count.
fn counters() -> Family {
    let mut family = Family::new();
    family.set("ROLE", "counter");
    family
}

/// One client, whose connection is made anew when it ends.
struct Client {
    address: String,
    connection: Option<BufReader<TcpStream>>,
}

impl Client {
    fn new(address: &str) -> Self {
        Self { address: address.into(), connection: None }
    }

    /// Asks until a number is the answer.
    fn ask(&mut self, question: &str) -> u64 {
        loop {
            match self.try_once(question) {
                Ok(answer) if answer == "again" => self.connection = None,
                Ok(answer) => return answer.parse().unwrap(),
                // What ended without an answer was not read, or came to a sum that is gone.
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => self.connection = None,
                Err(error) => panic!("no answer: {error}"),
            }
        }
    }

    fn try_once(&mut self, question: &str) -> io::Result<String> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                let connection = TcpStream::connect(&self.address)?;
                connection.set_nodelay(true)?;
                connection.set_read_timeout(Some(DEADLINE))?;
                BufReader::new(connection)
            }
        };
        connection.get_mut().write_all(format!("{question}\n").as_bytes())?;
        let mut line = String::new();
        if connection.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.connection = Some(connection);
        Ok(line.trim().into())
    }
}

#[test]
fn a_sum_that_clients_add_to_through_twenty_upgrades_loses_nothing_and_counts_nothing_twice() {
    const CLIENTS: usize = 4;
    const UPGRADES: u64 = 20;
    let mut family = counters();
    let (mut owner, address) = family.start_service();
    let stop = AtomicBool::new(false);
    let add_until_stopped = || {
        let mut client = Client::new(&address);
        let mut acknowledged = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            acknowledged.push(client.ask("add"));
        }
        acknowledged
    };
    let acknowledged = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(add_until_stopped)).collect();
        for upgrade in 1..=UPGRADES {
            if upgrade % 5 == 0 {
                fail_an_upgrade(&mut family, owner);
            }
            let way = if upgrade % 2 == 0 { Way::External } else { Way::Spawned };
            let next = family.succeed(owner, way);
            family.expect(next, "ready");
            family.expect(owner, "drained");
            owner = next;
        }
        stop.store(true, Ordering::Relaxed);
        let acknowledged = clients.into_iter().flat_map(|client| client.join().unwrap());
        acknowledged.collect::<Vec<_>>()
    });
    let sum = Client::new(&address).ask("get");
    expect_each_counted_once(&acknowledged, sum);
    println!("{sum} additions of {CLIENTS} clients through {UPGRADES} upgrades");
}

fn expect_each_counted_once(acknowledged: &[u64], sum: u64) {
    let each: BTreeSet<_> = acknowledged.iter().copied().collect();
    assert_eq!(each.len(), acknowledged.len(), "two clients were told the same sum");
    assert_eq!(sum, acknowledged.len() as u64, "what was acknowledged is not what was counted");
    assert_eq!(each.into_iter().collect::<Vec<_>>(), (1..=sum).collect::<Vec<_>>());
}

/// A successor dies when everything is frozen, and the service goes on counting where it was.
fn fail_an_upgrade(family: &mut Family, owner: u32) {
    family.hold_next("successor.after.lock");
    let lost = family.succeed(owner, Way::External);
    family.expect(lost, "held");
    family.kill(lost);
    family.expect_like(owner, "log", "the service was taken back");
}

/// What the successor counts from when five were added between the manifest and `Ready`.
fn sum_after_five_late_additions(freeze: &str) -> u64 {
    let mut family = counters();
    family.set("FREEZE", freeze);
    let (first, address) = family.start_service();
    let mut client = Client::new(&address);
    family.hold_next("successor.before.send-ready");
    let second = family.succeed(first, Way::External);
    family.expect(second, "held");
    let told: Vec<_> = (0..5).map(|_| client.ask("add")).collect();
    assert_eq!(told, [1, 2, 3, 4, 5]);
    family.tell(second, "resume");
    family.expect(second, "counts-from").details.parse().unwrap()
}

#[test]
fn what_is_added_while_the_successor_prepares_itself_is_lost_unless_it_is_frozen() {
    assert_eq!(sum_after_five_late_additions("yes"), 5);
    assert_eq!(sum_after_five_late_additions("no"), 0, "then there is no need to freeze");
}
