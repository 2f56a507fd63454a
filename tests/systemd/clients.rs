//! Whoever asks the service, from within its network.

use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Sender};

use super::machine::{DEADLINE, Machine, wait_until};

/// Who has answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) pid: u32,
    pub(crate) generation: u64,
}

/// A client that has connected.
pub(crate) struct Client(BufReader<TcpStream>);

impl Client {
    /// Must be called within the network.
    pub(crate) fn connect() -> io::Result<Self> {
        let stream = TcpStream::connect("127.0.0.1:7000")?;
        stream.set_read_timeout(Some(DEADLINE))?;
        Ok(Self(BufReader::new(stream)))
    }

    pub(crate) fn say(&mut self) -> io::Result<()> {
        self.0.get_mut().write_all(b"hello\n")
    }

    pub(crate) fn hear(&mut self) -> io::Result<Answer> {
        let mut line = String::new();
        self.0.read_line(&mut line)?;
        let mut words = line.split(' ');
        let mut number = || words.next().and_then(|word| word.parse::<u64>().ok());
        match (number(), number()) {
            (Some(pid), Some(generation)) => Ok(Answer { pid: pid as u32, generation }),
            _ => Err(io::Error::other(format!("not an answer: `{line}`"))),
        }
    }

    pub(crate) fn ask(&mut self) -> io::Result<Answer> {
        self.say()?;
        self.hear()
    }
}

impl Machine {
    /// A client that stays.
    pub(crate) fn client(&self) -> Client {
        self.within(|| Client::connect().unwrap())
    }

    /// Who answers whoever connects now.
    pub(crate) fn ask(&self) -> Answer {
        self.client().ask().unwrap()
    }

    /// Waits until a generation serves whoever connects; tells which process it is.
    #[track_caller]
    pub(crate) fn expect_generation(&self, generation: u64) -> u32 {
        let mut answer = self.ask();
        wait_until("the next generation serves", || {
            answer = self.ask();
            answer.generation == generation
        });
        answer.pid
    }

    /// The number of the socket that listens at the service's address. See `proc_net(5)`.
    pub(crate) fn listener(&self) -> Option<u64> {
        let sockets = self.within(|| fs::read_to_string("/proc/thread-self/net/tcp").unwrap());
        let listens = |line: &&str| line.contains("0100007F:1B58 00000000:0000 0A");
        sockets.lines().find(listens)?.split_whitespace().nth(9)?.parse().ok()
    }

    /// Has two clients connect, ask and go all the while that `body` runs. Not one of them may fail.
    pub(crate) fn under_load<T>(&self, body: impl FnOnce() -> T) -> T {
        let over = AtomicBool::new(false);
        let load = |begun: Sender<()>| {
            self.within(|| {
                while !over.load(Ordering::SeqCst) {
                    Client::connect().and_then(|mut client| client.ask()).unwrap();
                    let _ = begun.send(()); // heard once
                }
            });
        };
        std::thread::scope(|scope| {
            let _over = Over(&over);
            for _ in 0..2 {
                let (begun, heard) = mpsc::channel();
                scope.spawn(|| load(begun));
                heard.recv().unwrap();
            }
            body()
        })
    }
}

/// Ends the load though the body panics.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}
