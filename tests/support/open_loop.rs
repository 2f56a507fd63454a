//! Clients that come at a steady pace, whatever becomes of those before them, and when each of them
//! got what.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use socket2::{Domain, Protocol, Socket, Type};

use super::DEADLINE;

/// Between one client and the next.
const PACE: Duration = Duration::from_millis(10);

/// How often each asks, on one connection.
const QUESTIONS: usize = 4;

/// Between an answer and the next question.
const PAUSE: Duration = Duration::from_millis(8);

/// Clients of one service.
pub(crate) struct OpenLoop {
    stop: Sender<()>,
    thread: JoinHandle<Vec<Client>>,
}

/// What became of one client.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    /// Its own port.
    pub(crate) port: u16,
    pub(crate) begun: Instant,
    /// When it asked, and when it was answered. It asks for the first time when it comes.
    pub(crate) answers: Vec<(Instant, Instant)>,
    /// When it asked for the last time.
    pub(crate) asked: Instant,
    /// When it was over, and how. `None`: never.
    pub(crate) end: Option<(Instant, End)>,
}

/// What a client got in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// All its answers.
    Served,
    Refused,
    /// Its connection was reset.
    Reset,
    /// Its connection was closed, and an answer had not come.
    Closed,
}

impl OpenLoop {
    /// The first of them comes now.
    pub(crate) fn start(address: &str) -> Self {
        let address = address.parse().unwrap();
        let (stop, stopped) = channel();
        Self { stop, thread: thread::spawn(move || run(address, &stopped)) }
    }

    /// No more come; those that have come are waited for.
    pub(crate) fn stop(self) -> Vec<Client> {
        drop(self.stop);
        self.thread.join().unwrap()
    }
}

/// A client that is not done.
struct Open {
    client: Client,
    stream: TcpStream,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Wants to ask, from a moment on.
    Asks(Instant),
    Waits,
}

fn run(address: SocketAddr, stopped: &Receiver<()>) -> Vec<Client> {
    let mut over = Vec::new();
    let mut open: Vec<Open> = Vec::new();
    let mut next = Instant::now();
    let mut last = None;
    loop {
        if last.is_none() && stopped.try_recv() == Err(TryRecvError::Disconnected) {
            last = Some(Instant::now() + DEADLINE);
        }
        while last.is_none() && Instant::now() >= next {
            open.push(begin(address, next));
            next += PACE;
        }
        if last.is_some_and(|last| open.is_empty() || Instant::now() > last) {
            over.extend(open.into_iter().map(|open| open.client));
            return over;
        }
        wait(&open, next.saturating_duration_since(Instant::now()).min(PACE));
        over.extend(open.extract_if(.., go_on).map(|open| open.client));
    }
}

/// A client comes. It counts from when it was to come.
fn begin(address: SocketAddr, asked: Instant) -> Open {
    let kind = Type::STREAM.nonblocking().cloexec();
    let socket = Socket::new(Domain::for_address(address), kind, Some(Protocol::TCP)).unwrap();
    // Its end is a reset: there are more clients than ports that could wait in TIME_WAIT.
    socket.set_linger(Some(Duration::ZERO)).unwrap();
    let end = match socket.connect(&address.into()) {
        Err(error) if error.raw_os_error() != Some(nix::libc::EINPROGRESS) => {
            Some((Instant::now(), end_of(&error)))
        }
        _ => None,
    };
    let stream = TcpStream::from(socket);
    let port = stream.local_addr().map_or(0, |address| address.port());
    let client = Client { port, begun: asked, answers: Vec::new(), asked, end };
    Open { client, stream, state: State::Asks(asked) }
}

/// Waits until one of them can go on, or for so long.
fn wait(open: &[Open], most: Duration) {
    let now = Instant::now();
    let watch = |open: &Open| match open.state {
        State::Asks(from) if from > now => PollFlags::empty(),
        State::Asks(_) => PollFlags::POLLOUT,
        State::Waits => PollFlags::POLLIN,
    };
    let mut polled: Vec<_> =
        open.iter().map(|open| PollFd::new(open.stream.as_fd(), watch(open))).collect();
    match poll(&mut polled, PollTimeout::try_from(most).unwrap()) {
        Ok(_) | Err(Errno::EINTR) => {}
        Err(errno) => panic!("{errno}"),
    }
}

/// Does what can be done now. Tells whether it is over.
fn go_on(open: &mut Open) -> bool {
    if open.client.end.is_none() {
        let end = try_to_go_on(open).unwrap_or_else(|error| Some(end_of(&error)));
        open.client.end = end.map(|end| (Instant::now(), end));
    }
    open.client.end.is_some()
}

fn try_to_go_on(open: &mut Open) -> io::Result<Option<End>> {
    let Open { client, stream, state } = open;
    let now = Instant::now();
    match *state {
        State::Asks(from) if from > now => return Ok(None),
        State::Asks(from) => match stream.write(b"who\n") {
            Ok(_) => (client.asked, *state) = (from, State::Waits),
            Err(error) if is_early(&error) => {}
            Err(error) => return Err(error),
        },
        // One line of few bytes comes whole.
        State::Waits => match stream.read(&mut [0; 64]) {
            Ok(0) => return Ok(Some(End::Closed)),
            Ok(_) => {
                client.answers.push((client.asked, now));
                *state = State::Asks(now + PAUSE);
            }
            Err(error) if is_early(&error) => {}
            Err(error) => return Err(error),
        },
    }
    Ok((client.answers.len() == QUESTIONS).then_some(End::Served))
}

/// There is no connection yet, or no answer.
fn is_early(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, NotConnected, WouldBlock};
    matches!(error.kind(), WouldBlock | NotConnected | Interrupted)
}

fn end_of(error: &io::Error) -> End {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => End::Refused,
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => End::Reset,
        _ => panic!("{error}"),
    }
}
