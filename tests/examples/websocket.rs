//! The example `websocket`: clients are asked to go at each of four upgrades, come back to the successor,
//! and find in the journal all that they have sent, once and in order.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::thread;

use tempfile::TempDir;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message, WebSocket, client};

use super::load::Load;
use super::service::Service;
use super::support::{DEADLINE, Way};

const CLIENTS: usize = 8;
const WAYS: [Way; 4] = [Way::Spawned, Way::External, Way::Spawned, Way::External];

/// Messages that a client has on their way.
const WINDOW: usize = 16;

#[test]
fn clients_are_asked_to_go_and_lose_nothing_that_was_acknowledged() {
    let folder = TempDir::with_prefix("heirloom-websocket-").unwrap();
    let journal = folder.path().join("journal");
    let mut service = Service::start("websocket", &[journal.to_str().unwrap()]);
    let (address, load) = (service.address, Load::new(CLIENTS));
    let clients: Vec<Client> = thread::scope(|scope| {
        let load = &load;
        let converse = |number| scope.spawn(move || Client::new(number).converse(address, load));
        let clients: Vec<_> = (0..CLIENTS).map(converse).collect();
        let stop = load.stop_on_drop();
        for way in WAYS {
            load.expect_rounds(100);
            service.upgrade(way);
            service.expect_drained();
        }
        load.expect_rounds(100);
        drop(stop);
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    });
    let mut written = read(&fs::read_to_string(journal).unwrap());
    for client in clients {
        let written = written.remove(&client.number).unwrap();
        // Not the whole of them, should they differ: they have some ten thousand lines.
        let is_same = |(one, other): &(&String, &String)| one == other;
        let same = client.acknowledged.iter().zip(&written).take_while(is_same).count();
        assert_eq!(client.acknowledged.get(same), written.get(same), "beside line {same}");
    }
}

/// What every client has in the journal.
fn read(journal: &str) -> BTreeMap<usize, Vec<String>> {
    let mut written: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for line in journal.lines() {
        let number = line.split(' ').nth(1).unwrap().parse().unwrap();
        written.entry(number).or_default().push(line.to_owned());
    }
    written
}

/// One who sends without waiting, and sends again what was not acknowledged when it was asked to go.
struct Client {
    number: usize,
    sent: u64,
    /// Sent, or to be sent again.
    waiting: VecDeque<String>,
    /// As it came back.
    acknowledged: Vec<String>,
}

impl Client {
    fn new(number: usize) -> Self {
        Self { number, sent: 0, waiting: VecDeque::new(), acknowledged: Vec::new() }
    }

    /// One connection after another, each with the next generation.
    fn converse(mut self, address: SocketAddr, load: &Load) -> Self {
        for generation in 1..=WAYS.len() + 1 {
            let mut socket = connect(address);
            for message in &self.waiting {
                socket.send(Message::text(message)).unwrap();
            }
            let over = self.converse_over(&mut socket, generation, load);
            assert_eq!(over, generation > WAYS.len(), "client {} on {generation}", self.number);
            expect_end(&mut socket);
        }
        self
    }

    /// Until the service says goodbye, or the load is over and all is acknowledged: tells whether it is.
    fn converse_over(
        &mut self,
        socket: &mut WebSocket<TcpStream>,
        generation: usize,
        load: &Load,
    ) -> bool {
        loop {
            while self.waiting.len() < WINDOW && !load.is_over() {
                self.sent += 1;
                let message = format!("{} message {}", self.number, self.sent);
                self.waiting.push_back(message.clone());
                socket.send(Message::text(message)).unwrap();
            }
            if self.waiting.is_empty() {
                socket.close(None).unwrap();
                return true;
            }
            match socket.read().unwrap() {
                Message::Text(line) => self.expect_next(&line, generation),
                Message::Close(Some(goodbye)) => {
                    assert_eq!(goodbye.code, CloseCode::Away);
                    return false;
                }
                other => panic!("client {} got {other:?}", self.number),
            }
            load.count(self.number);
        }
    }

    fn expect_next(&mut self, line: &str, generation: usize) {
        let message = self.waiting.pop_front().unwrap();
        assert_eq!(line, format!("{generation} {message}"));
        self.acknowledged.push(line.to_owned());
    }
}

fn connect(address: SocketAddr) -> WebSocket<TcpStream> {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    client(format!("ws://{address}/"), stream).unwrap().0
}

/// Both have said goodbye, and nothing was cut off.
fn expect_end(socket: &mut WebSocket<TcpStream>) {
    loop {
        match socket.read() {
            Ok(Message::Close(_)) => {}
            Err(Error::ConnectionClosed) => return,
            other => panic!("instead of the end came {other:?}"),
        }
    }
}
