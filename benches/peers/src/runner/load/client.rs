//! One client.

use std::convert::Infallible;
use std::io::{self, ErrorKind};
use std::mem::MaybeUninit;
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use nix::sys::prctl::set_timerslack;
use nix::sys::socket::MsgFlags;
use socket2::SockRef;

use super::request::ask;
use super::{Answered, Sample};

pub(super) struct Client {
    address: SocketAddr,
    keep: bool,
    begun: Instant,
    first: Duration,
    interval: Duration,
    /// Kept from the request before.
    connection: Option<TcpStream>,
}

impl Client {
    /// One that first asks at `first` and then every `interval`, on one connection if it is to `keep` it.
    pub(super) fn new(
        address: SocketAddr,
        keep: bool,
        begun: Instant,
        first: Duration,
        interval: Duration,
    ) -> Self {
        Self { address, keep, begun, first, interval, connection: None }
    }

    /// Asks until the other end of `stopped` is dropped, and then what was due before: a service that
    /// holds up one request holds up those behind it.
    pub(super) fn run(mut self, stopped: &Receiver<Infallible>) -> Vec<Sample> {
        let _ = set_timerslack(1); // or the kernel wakes it up to 50 µs late
        let mut samples = Vec::new();
        let mut due = self.first;
        while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(self.until(due)) {
            samples.push(self.sample(due));
            due += self.interval;
        }
        let end = self.begun.elapsed();
        while due < end {
            samples.push(self.sample(due));
            due += self.interval;
        }
        samples
    }

    fn sample(&mut self, due: Duration) -> Sample {
        Sample { due, outcome: self.ask().map_err(|error| kind(&error)) }
    }

    fn until(&self, due: Duration) -> Duration {
        (self.begun + due).saturating_duration_since(Instant::now())
    }

    fn ask(&mut self) -> io::Result<Answered> {
        let mut connection = match self.connection.take().filter(is_open) {
            Some(connection) => connection,
            None => connect(self.address)?,
        };
        let answer = ask(&mut connection, self.keep)?;
        let at = self.begun.elapsed();
        self.connection = (self.keep && !answer.close).then_some(connection);
        Ok(Answered { at, by: answer.by })
    }
}

/// Whether the server has left a kept connection alone. Any client looks before it uses one again, and
/// takes another if it has not: that is no failure. One that is closed after this look is.
fn is_open(connection: &TcpStream) -> bool {
    let flags = MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT;
    let mut byte = [MaybeUninit::uninit()];
    let peeked = SockRef::from(connection).recv_with_flags(&mut byte, flags.bits());
    peeked.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
}

fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let connection = TcpStream::connect_timeout(&address, TIMEOUT)?;
    connection.set_nodelay(true)?;
    connection.set_read_timeout(Some(TIMEOUT))?;
    connection.set_write_timeout(Some(TIMEOUT))?;
    Ok(connection)
}

/// How a request has failed, as the report names it.
fn kind(error: &io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::ConnectionRefused => "refused",
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => "reset",
        ErrorKind::UnexpectedEof => "closed",
        ErrorKind::WouldBlock | ErrorKind::TimedOut => "timeout",
        ErrorKind::InvalidData => "wrong",
        _ => "other",
    }
}

/// No answer within this time is a failure.
const TIMEOUT: Duration = Duration::from_secs(5);
