//! A datagram service that is upgraded without losing a request, and without answering one twice.
//!
//! ```text
//! cargo run --example udp                      # generation 1, on 127.0.0.1:7001
//! echo 17 | nc -u -w 1 127.0.0.1 7001          # 17 1: the request, and how many it was of this peer
//! kill -HUP <pid>                              # generation 2 takes over, and goes on counting
//! ```
//!
//! Both generations have the same socket for a while, and a datagram goes to whichever reads first. So
//! the predecessor must stop reading *before* it stops owning: when the successor is ready, and not when
//! `exit` fires. If it read until `exit` it would count requests that the successor never hears of; if
//! both read at a time one peer would get answers from two counts. While neither reads, which takes a
//! millisecond or two, requests wait in the socket. See `Server::obey`, which the library's `Freeze`
//! comes to.

mod counts;
#[path = "../connections/orders.rs"]
mod orders;

use std::env;
use std::error::Error;
use std::io::{self, Write};
use std::net::UdpSocket;
use std::os::fd::AsFd;
use std::process;

use heirloom::{Exit, Signal, Upgrader};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use socket2::SockRef;

use counts::{Counts, SCHEMA};
use orders::{Order, Orders, orders};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let address = arguments.next().unwrap_or("127.0.0.1:7001".into());
    let handoff_socket = arguments.next().unwrap_or("@heirloom-udp".into());

    let upgrader = Upgrader::builder().handoff_socket(handoff_socket).start()?;
    let socket = upgrader.fds().nonblocking().bind_with(&address, || bind(&address))?;
    let bound = socket.local_addr()?;

    // All counts as the predecessor had them when this process began, and those that have changed
    // since, to be heard when it has stopped.
    let (state, mut counts) = (upgrader.state(), Counts::default());
    if let Some(taken) = state.take("counts", &[SCHEMA])? {
        counts.read_from(&taken.into_bytes()?)?;
    }
    let last_words = state.last_words("counts", &[SCHEMA])?;

    // Both are offered to the next generation.
    let (superior, orders) = orders()?;
    let provider = superior.clone();
    state.provide("counts", SCHEMA, move |writer| writer.write_all(&provider.provide()?))?.keep();
    state.freeze("counts", SCHEMA, superior)?.keep();

    upgrader.upgrade_on(Signal::SIGHUP)?;
    upgrader.ready()?;
    // None if the predecessor died before it could say them: then what came last is not counted.
    if let Some(words) = last_words.hear()? {
        counts.read_from(&words.bytes)?;
    }
    // Not `eprintln`, which panics where nobody reads any more.
    let _ = writeln!(
        io::stderr(),
        "process {} is generation {} on {bound}",
        process::id(),
        upgrader.generation()
    );
    Server { socket, counts, orders, frozen: false }.serve_until(&upgrader.exit())?;
    Ok(())
}

/// What comes while nobody reads waits in the socket: some thousand small requests in this, if the
/// kernel allows it (`net.core.rmem_max`). Over the pause of a handoff, that is what may come a second.
const BUFFER: usize = 1 << 20;

fn bind(address: &str) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind(address)?;
    SockRef::from(&socket).set_recv_buffer_size(BUFFER)?;
    Ok(socket)
}

struct Server {
    socket: UdpSocket,
    counts: Counts,
    orders: Orders,
    /// Nothing is read, so that no request is counted that the successor does not hear of.
    frozen: bool,
}

impl Server {
    /// Answers until another process owns the service. It has read nothing for a while then, and what it
    /// had read is answered: nothing is in flight.
    fn serve_until(mut self, exit: &Exit) -> io::Result<()> {
        while !exit.is_fired() {
            self.wait(exit)?;
            while let Some(order) = self.orders.next() {
                self.obey(order);
            }
            if !self.frozen {
                self.answer_some();
            }
        }
        Ok(())
    }

    /// Whoever has given the order may have gone meanwhile; then the next one is to go on.
    ///
    /// Every request that was read is answered by now. A service that answers later has to finish those
    /// answers here, before it tells its last words.
    fn obey(&mut self, order: Order) {
        match order {
            Order::Provide(reply) => drop(reply.send(self.counts.all())),
            Order::Freeze(reply) => {
                self.frozen = true;
                drop(reply.send(self.counts.changed()));
            }
            Order::Thaw => self.frozen = false,
        }
    }

    fn wait(&self, exit: &Exit) -> io::Result<()> {
        let watch = |descriptor| PollFd::new(descriptor, PollFlags::POLLIN);
        let mut polled = vec![watch(self.orders.as_fd()), watch(exit.as_fd())];
        if !self.frozen {
            polled.push(watch(self.socket.as_fd()));
        }
        match poll(&mut polled, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => Ok(()), // SIGHUP interrupts it
            Err(errno) => Err(errno.into()),
        }
    }

    /// Answers what has come, but not so much that a handoff would have to wait.
    fn answer_some(&mut self) {
        const MOST: usize = 64;
        let mut request = [0; 512];
        for _ in 0..MOST {
            let Ok((length, peer)) = self.socket.recv_from(&mut request) else {
                return; // there is no more
            };
            let request = String::from_utf8_lossy(request.get(..length).unwrap_or_default());
            let answer = format!("{} {}\n", request.trim(), self.counts.count(peer));
            // Where it cannot be sent the peer asks again, as it has to with datagrams.
            let _ = self.socket.send_to(answer.as_bytes(), peer);
        }
    }
}
