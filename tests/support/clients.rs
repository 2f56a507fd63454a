//! Clients of the service.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::DEADLINE;

/// Asks the service who it is: process and generation.
pub(crate) fn ask(address: &str) -> io::Result<(u32, u64)> {
    read_answer(send_question(address)?)
}

/// Connects and asks; the answer is still to be read.
pub(crate) fn send_question(address: &str) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(DEADLINE))?;
    stream.write_all(b"who\n")?;
    Ok(stream)
}

/// Reads the answer.
pub(crate) fn read_answer(stream: TcpStream) -> io::Result<(u32, u64)> {
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    let (pid, generation) = line.trim().split_once(' ').ok_or(io::ErrorKind::UnexpectedEof)?;
    let invalid = |error| io::Error::new(io::ErrorKind::InvalidData, error);
    Ok((pid.parse().map_err(invalid)?, generation.parse().map_err(invalid)?))
}

/// Most clients that wait for their answer at once: a machine that cannot follow would have ever more
/// of them, and a predecessor that never has served its last.
const MOST: usize = 32;

/// Clients that come one after another, though those before were not answered, up to a bound.
pub(crate) struct Clients {
    stop: Sender<()>,
    comes: JoinHandle<Vec<io::Error>>,
    answers: JoinHandle<Tally>,
}

/// What became of them.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// How many each generation has answered.
    pub(crate) answered: BTreeMap<u64, usize>,
    /// Those that could not connect or ask.
    pub(crate) refused: Vec<io::Error>,
    /// Those that were connected, then reset or closed without an answer, or kept waiting for ever.
    pub(crate) lost: Vec<io::Error>,
}

impl Clients {
    /// The first of them comes now.
    pub(crate) fn start(address: &str) -> Self {
        let (stop, stopped) = channel();
        let (asked, questions) = sync_channel(MOST);
        let address = address.to_owned();
        Self {
            stop,
            comes: thread::spawn(move || come(&address, &stopped, &asked)),
            answers: thread::spawn(move || read_answers(&questions)),
        }
    }

    /// No more come; those that have come are waited for.
    pub(crate) fn stop(self) -> Tally {
        drop(self.stop);
        let refused = self.comes.join().unwrap();
        let answered = self.answers.join().unwrap();
        Tally { refused, ..answered }
    }
}

impl Tally {
    /// Everybody was answered. Tells how many there were.
    pub(crate) fn expect_whole(&self) -> usize {
        assert!(self.refused.is_empty() && self.lost.is_empty(), "clients had no answer: {self:?}");
        self.answered.values().sum()
    }
}

fn come(address: &str, stopped: &Receiver<()>, asked: &SyncSender<TcpStream>) -> Vec<io::Error> {
    /// Between one client and the next.
    const PACE: Duration = Duration::from_millis(1);
    let mut refused = Vec::new();
    while stopped.recv_timeout(PACE) == Err(RecvTimeoutError::Timeout) {
        match send_question(address) {
            Ok(stream) => asked.send(stream).unwrap(),
            Err(error) => refused.push(error),
        }
    }
    refused
}

fn read_answers(questions: &Receiver<TcpStream>) -> Tally {
    let mut tally = Tally::default();
    for stream in questions {
        match read_answer(stream) {
            Ok((_, generation)) => *tally.answered.entry(generation).or_default() += 1,
            Err(error) => tally.lost.push(error),
        }
    }
    tally
}
