//! The load: clients that ask, without a break, for as long as the demo lasts.

use std::convert::Infallible;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::response::{NoAnswer, Response};
use crate::statistics::{Answer, Statistics};

/// How many clients there are: those with an even number connect anew for each request, the others
/// keep their connection until an answer says `Connection: close`.
pub(crate) const CLIENTS: usize = 10;

/// From an answer to the same client's next request. Without it the clients would take all of a
/// small machine, and the latency would be the scheduler's.
const PAUSE: Duration = Duration::from_millis(1);

/// No answer within this time is a failure.
const TIMEOUT: Duration = Duration::from_secs(5);

/// All clients; they stop when it is dropped.
pub(crate) struct Clients {
    stops: Vec<Sender<Infallible>>,
    threads: Vec<JoinHandle<()>>,
}

impl Clients {
    /// Starts asking.
    pub(crate) fn start(address: SocketAddr, statistics: &Arc<Statistics>) -> io::Result<Self> {
        let mut clients = Self { stops: Vec::new(), threads: Vec::new() };
        for number in 0..CLIENTS {
            let (stop, stopped) = mpsc::channel();
            let client =
                Client { number, address, connection: None, statistics: Arc::clone(statistics) };
            let thread = thread::Builder::new().name(format!("client-{number}"));
            clients.stops.push(stop);
            clients.threads.push(thread.spawn(move || client.run(&stopped))?);
        }
        Ok(clients)
    }
}

impl Drop for Clients {
    fn drop(&mut self) {
        self.stops.clear();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

struct Client {
    number: usize,
    address: SocketAddr,
    /// Kept from the request before.
    connection: Option<TcpStream>,
    statistics: Arc<Statistics>,
}

impl Client {
    /// Asks until the other end of `stopped` is dropped.
    fn run(mut self, stopped: &Receiver<Infallible>) {
        let mut count = 0_u64;
        while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(PAUSE) {
            count += 1;
            let path = format!("/client-{}/request-{count}", self.number);
            match self.ask(&path) {
                Ok(answer) => self.statistics.answered(answer),
                Err(no_answer) => {
                    self.statistics.failed(self.number, format!("{path}: {no_answer}"))
                }
            }
        }
    }

    /// One request. A kept connection that the server has closed meanwhile is not looked at before
    /// and not tried again: it counts as cut.
    fn ask(&mut self, path: &str) -> Result<Answer, NoAnswer> {
        let begun = Instant::now();
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => connect(self.address).map_err(NoAnswer::Io)?,
        };
        let keep = self.number % 2 == 1;
        let connection_header = if keep { "keep-alive" } else { "close" };
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: demo\r\nConnection: {connection_header}\r\n\r\n");
        connection.write_all(request.as_bytes()).map_err(NoAnswer::Io)?;
        let response = Response::read(&mut connection)?;
        let latency = begun.elapsed();
        response.check(path)?;
        self.connection = (keep && !response.close).then_some(connection);
        Ok(Answer { client: self.number, begun, latency, generation: response.generation })
    }
}

fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let connection = TcpStream::connect_timeout(&address, TIMEOUT)?;
    connection.set_nodelay(true)?;
    connection.set_read_timeout(Some(TIMEOUT))?;
    connection.set_write_timeout(Some(TIMEOUT))?;
    Ok(connection)
}
