//! Clients that behave as those of `wrk` do, and look closer at what they get.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::response::{NoAnswer, Response};
use crate::{CLIENTS, Connection};

/// How many answers came from which generation.
pub(crate) type Answers = BTreeMap<u64, usize>;

/// They ask until they are stopped.
pub(crate) struct Clients {
    stops: Arc<AtomicBool>,
    threads: Vec<JoinHandle<(Answers, Vec<String>)>>,
}

impl Clients {
    pub(crate) fn start(address: SocketAddr, connection: Connection) -> Self {
        let stops = Arc::new(AtomicBool::new(false));
        let client = |number| {
            let stops = Arc::clone(&stops);
            thread::spawn(move || ask_until(&stops, address, connection, number))
        };
        let threads = (0..CLIENTS).map(client).collect();
        Self { stops, threads }
    }

    /// All answers, and everything that was none.
    pub(crate) fn stop(self) -> (Answers, Vec<String>) {
        self.stops.store(true, Ordering::Relaxed);
        let (mut answers, mut errors) = (Answers::new(), Vec::new());
        for thread in self.threads {
            let (its_answers, its_errors) = thread.join().unwrap();
            errors.extend(its_errors);
            for (generation, count) in its_answers {
                *answers.entry(generation).or_default() += count;
            }
        }
        (answers, errors)
    }
}

fn ask_until(
    stops: &AtomicBool,
    address: SocketAddr,
    connection: Connection,
    number: usize,
) -> (Answers, Vec<String>) {
    let (mut answers, mut errors, mut kept) = (Answers::new(), Vec::new(), None);
    let mut count = 0;
    while !stops.load(Ordering::Relaxed) {
        count += 1;
        let path = format!("/{number}/{count}");
        match ask(&mut kept, address, connection, &path) {
            Ok(generation) => *answers.entry(generation).or_default() += 1,
            Err(error) => errors.push(format!("{path}: {error}")),
        }
    }
    (answers, errors)
}

/// Asks once. What is kept is not looked at before: if the service has closed it, that is an error.
fn ask(
    kept: &mut Option<TcpStream>,
    address: SocketAddr,
    connection: Connection,
    path: &str,
) -> Result<u64, NoAnswer> {
    let mut stream = match kept.take() {
        Some(stream) => stream,
        None => connect(address).map_err(NoAnswer::Io)?,
    };
    let asks = match connection {
        Connection::KeepAlive => "",
        Connection::Close => "Connection: close\r\n",
    };
    let request = format!("GET {path} HTTP/1.1\r\nHost: test\r\n{asks}\r\n");
    stream.write_all(request.as_bytes()).map_err(NoAnswer::Io)?;
    let response = Response::read(&mut stream)?;
    response.check(path)?;
    *kept = Some(stream).filter(|_| connection == Connection::KeepAlive && !response.close);
    Ok(response.generation)
}

pub(crate) fn connect(address: SocketAddr) -> std::io::Result<TcpStream> {
    /// No answer within this time is an error.
    const TIMEOUT: Duration = Duration::from_secs(10);
    let stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    Ok(stream)
}
