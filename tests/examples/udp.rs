//! The example `udp`: every datagram is answered, and none twice, through six upgrades.

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::thread;

use super::load::Load;
use super::service::Service;
use super::support::{DEADLINE, Way};

const PEERS: usize = 8;

/// Requests that a peer has on their way. All peers' together fit into the service's socket, whatever
/// the kernel allows it, so that none is lost there.
const WINDOW: u64 = 8;

#[test]
fn every_datagram_is_answered_once_through_six_upgrades() {
    let mut service = Service::start("udp", &[]);
    let address = service.address;
    let mut once: Vec<_> = (0..300).map(|_| Peer::new(address)).collect();
    once.iter_mut().for_each(|peer| peer.exchange());

    let load = Load::new(PEERS);
    thread::scope(|scope| {
        let load = &load;
        for number in 0..PEERS {
            scope.spawn(move || Peer::new(address).ask_until_over(load, number));
        }
        let _stop = load.stop_on_drop();
        for way in [Way::Spawned, Way::External].repeat(3) {
            load.expect_rounds(100);
            service.upgrade(way);
            service.expect_drained();
        }
        load.expect_rounds(100);
    });
    // Those who have not asked meanwhile are known in the seventh generation too.
    once.iter_mut().for_each(|peer| peer.exchange());
}

/// A peer that never asks again: what is lost it waits for in vain.
struct Peer {
    socket: UdpSocket,
    asked: u64,
    answered: u64,
}

impl Peer {
    fn new(address: SocketAddr) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(address).unwrap();
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        Self { socket, asked: 0, answered: 0 }
    }

    fn ask_until_over(mut self, load: &Load, number: usize) {
        (1..WINDOW).for_each(|_| self.ask());
        while !load.is_over() {
            self.exchange();
            load.count(number);
        }
        (1..WINDOW).for_each(|_| self.hear());
        self.expect_nothing();
    }

    fn exchange(&mut self) {
        self.ask();
        self.hear();
    }

    fn ask(&mut self) {
        self.asked += 1;
        self.socket.send(self.asked.to_string().as_bytes()).unwrap();
    }

    /// The next answer is that to the next request, and the service has counted every one before it.
    fn hear(&mut self) {
        let mut answer = [0; 64];
        let length = self.socket.recv(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer[..length]);
        self.answered += 1;
        assert_eq!(answer, format!("{0} {0}\n", self.answered));
    }

    /// Nothing has been answered twice. Loopback delivers at once, and the service answers in order.
    fn expect_nothing(&mut self) {
        assert_eq!(self.asked, self.answered);
        self.exchange();
        self.socket.set_nonblocking(true).unwrap();
        let error = self.socket.recv(&mut [0; 64]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
    }
}
