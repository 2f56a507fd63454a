//! What may happen while a successor is waited for.

use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::process::{Child, ExitStatus};
use std::sync::mpsc::Sender;
use std::thread;
use std::time::Duration;

use heirloom::tool::{Event, Tool, Watch};
use nix::libc::{SIGHUP, SIGINT, SIGTERM};

/// Something that has happened.
#[derive(Debug)]
pub(super) enum News {
    Happened(Event),
    /// Whoever was watched has handed over or ended, and this process owns the service.
    Owner {
        pid: u32,
        generation: u64,
    },
    /// The program has ended, and is reaped.
    Exited(ExitStatus),
    /// A signal asks this process to end.
    Interrupted,
}

/// How soon a socket on which nobody listens is tried again: a service that starts afresh is yet to bind it.
const AGAIN: Duration = Duration::from_millis(20);

/// Takes the signals that ask this process to end. They are told from then on.
pub(super) fn tell_interrupts(news: Sender<News>) -> io::Result<()> {
    let (mut pipe, writer) = UnixStream::pair()?;
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::low_level::pipe::register(signal, writer.try_clone()?)?;
    }
    thread::spawn(move || {
        while let Ok(1..) = pipe.read(&mut [0]) {
            // Whoever has given up waiting has gone; so it is with all news.
            let _ = news.send(News::Interrupted);
        }
    });
    Ok(())
}

/// Follows the program and the service, each on a thread of its own. Their ends are not waited for.
pub(super) fn follow(mut child: Child, watch: Watch, socket: &str, news: Sender<News>) {
    let exits = news.clone();
    thread::spawn(move || child.wait().map(|status| exits.send(News::Exited(status))));
    let socket = socket.to_owned();
    thread::spawn(move || tell_events(watch, &socket, &news));
}

/// Tells events, from one owner to the next.
fn tell_events(mut watch: Watch, socket: &str, news: &Sender<News>) {
    loop {
        for event in watch.by_ref().map_while(Result::ok) {
            let _ = news.send(News::Happened(event));
        }
        watch = next_owner(socket);
        let (pid, generation) = (watch.status().pid, watch.status().generation);
        let _ = news.send(News::Owner { pid, generation });
    }
}

/// The next owner listens on the very same socket, sooner or later.
fn next_owner(socket: &str) -> Watch {
    loop {
        match Tool::connect(socket).and_then(Tool::watch) {
            Ok(watch) => return watch,
            // Nobody tells when it is bound.
            Err(_) => thread::park_timeout(AGAIN),
        }
    }
}
