//! The example `connections`: 200 peers keep theirs open through five upgrades, and notice nothing.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread::{self, ScopedJoinHandle};

use socket2::{Domain, Socket, Type};

use super::load::Load;
use super::service::Service;
use super::support::{DEADLINE, Way};

const THREADS: usize = 4;
const PEERS: usize = 50;
const WAYS: [Way; 5] = [Way::Spawned, Way::External, Way::Spawned, Way::External, Way::Spawned];

#[test]
fn peers_of_two_hundred_connections_notice_nothing_of_five_upgrades() {
    let mut service = Service::start("connections", &[]);
    let address = service.address;
    let load = Load::new(THREADS);
    let mut stuck = Peer::stuck(address);
    thread::scope(|scope| {
        let load = &load;
        let converse = |thread| scope.spawn(move || converse(load, address, thread));
        let threads: Vec<_> = (0..THREADS).map(converse).collect();
        let visitors: Vec<_> = (0..4).map(|_| scope.spawn(|| visit(load, address))).collect();
        let stop = load.stop_on_drop();
        for way in WAYS {
            load.expect_rounds(3);
            service.upgrade(way);
            service.expect_drained();
        }
        load.expect_rounds(3);
        drop(stop);
        let answers: u64 = threads.into_iter().map(joined).sum();
        assert!(answers > 200 * 18, "{answers} answers");
        assert!(visitors.into_iter().all(|visitors| joined(visitors) > 0));
    });
    // What waited for this peer has waited in six processes.
    stuck.hear_all();
}

/// Some peers, each of whom always has two lines and a half on their way. Tells how many answers
/// they have had: every single one that they were to have.
fn converse(load: &Load, address: SocketAddr, thread: usize) -> u64 {
    let mut peers: Vec<_> =
        (0..PEERS).map(|number| Peer::connect(address, thread * PEERS + number)).collect();
    while !load.is_over() {
        peers.iter_mut().for_each(Peer::ask);
        peers.iter_mut().for_each(|peer| (0..ASKED).for_each(|_| peer.hear()));
        load.count(thread);
    }
    peers.iter().map(|peer| peer.answered).sum()
}

/// Peers who come, ask and go, one after another. Those who come while the service changes hands do
/// not move.
fn visit(load: &Load, address: SocketAddr) -> u64 {
    let mut visitors = 0;
    while !load.is_over() {
        let mut visitor = Peer::connect(address, 0);
        for _ in 0..4 {
            visitor.ask();
            (0..ASKED).for_each(|_| visitor.hear());
        }
        visitors += 1;
    }
    visitors
}

/// Lines that the peer asks who does not read.
const STUCK: usize = 30_000;

/// Lines that a peer asks before it reads: the last one has half a line after it.
const ASKED: usize = 3;

/// A peer that knows every answer before it comes.
struct Peer {
    name: String,
    socket: TcpStream,
    answers: BufReader<TcpStream>,
    asked: u64,
    answered: u64,
    total: u64,
    /// The half of a line that it has sent is still to be completed.
    half: String,
}

impl Peer {
    fn connect(address: SocketAddr, number: usize) -> Self {
        Self::over(TcpStream::connect(address).unwrap(), number)
    }

    fn over(socket: TcpStream, number: usize) -> Self {
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        socket.set_nodelay(true).unwrap();
        let answers = BufReader::new(socket.try_clone().unwrap());
        let name = format!("peer-{number}");
        Self { name, socket, answers, asked: 0, answered: 0, total: 0, half: String::new() }
    }

    /// One who asks much and reads nothing: more answers than the socket holds, so that the service
    /// reads its lines no more.
    fn stuck(address: SocketAddr) -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_recv_buffer_size(4_096).unwrap();
        socket.connect(&address.into()).unwrap();
        let mut peer = Self::over(socket.into(), 999);
        let lines: String = (0..STUCK).map(|_| peer.next_line()).collect();
        peer.socket.write_all(lines.as_bytes()).unwrap();
        // The service takes a few of them whenever it answers another, until it can answer no more.
        let mut other = Self::connect(address, 0);
        for _ in 0..1_000 {
            other.ask();
            (0..ASKED).for_each(|_| other.hear());
        }
        peer
    }

    fn next_line(&mut self) -> String {
        self.asked += 1;
        match self.asked {
            1 => format!("name {}\n", self.name),
            number => format!("add {number}\n"),
        }
    }

    /// Completes the line that it has begun, sends two more, and begins the next.
    fn ask(&mut self) {
        if self.asked == 0 {
            self.half = self.next_line();
        }
        let mut lines = std::mem::take(&mut self.half);
        (1..ASKED).for_each(|_| lines += &self.next_line());
        let next = self.next_line();
        let (begun, rest) = next.split_at(next.len() / 2);
        self.half = rest.into();
        self.socket.write_all((lines + begun).as_bytes()).unwrap();
    }

    /// Reads the next answer, which can be but one.
    fn hear(&mut self) {
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        self.answered += 1;
        if self.answered > 1 {
            self.total += self.answered;
        }
        assert_eq!(answer, format!("{} {} {}\n", self.answered, self.name, self.total));
    }

    /// Reads all that it was waiting for.
    fn hear_all(&mut self) {
        while self.answered < self.asked {
            self.hear();
        }
    }
}

fn joined<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap()
}
