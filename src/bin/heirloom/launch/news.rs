//! What may happen while a successor is waited for.

use std::fs;
use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::process::{Child, ExitStatus};
use std::sync::mpsc::Sender;
use std::thread;
use std::time::Duration;

use heirloom::tool::{Event, Tool, Watch};
use nix::errno::Errno;
use nix::libc::{SIGHUP, SIGINT, SIGTERM};
use nix::sys::prctl::set_child_subreaper;
use nix::sys::wait::waitpid;
use nix::unistd::Pid;

/// Something that has happened.
#[derive(Debug)]
pub(super) enum News {
    Happened(Event),
    /// Whoever was watched has handed over or ended, and this process owns the service.
    Owner {
        pid: u32,
        generation: u64,
    },
    /// The program has ended, and is reaped. If all was well with it, whatever it has started in its process
    /// group has ended too.
    Exited(ExitStatus),
    /// A signal asks this process to end.
    Interrupted,
}

/// How soon a socket on which nobody listens is tried again: a service that starts afresh is yet to bind it.
const AGAIN: Duration = Duration::from_millis(20);

/// Takes the signals that ask this process to end. They are told from then on, but for those that are
/// ignored: `nohup` wants it so.
pub(super) fn tell_interrupts(news: Sender<News>) -> io::Result<()> {
    let (mut pipe, writer) = UnixStream::pair()?;
    let ignored = ignored_signals();
    for signal in [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|it| ignored >> (it - 1) & 1 == 0) {
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

/// The set of signals that this process ignores, since whoever has started it did: see `proc_pid_status(5)`.
fn ignored_signals() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let set = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    set.and_then(|set| u64::from_str_radix(set.trim(), 16).ok()).unwrap_or(0)
}

/// Makes orphans of whatever this process starts its own, so that it can wait for them.
pub(super) fn adopt_orphans() -> io::Result<()> {
    Ok(set_child_subreaper(true)?)
}

/// Follows the program and the service, each on a thread of its own. Their ends are not waited for.
pub(super) fn follow(child: Child, watch: Watch, socket: &str, news: Sender<News>) {
    let exits = news.clone();
    thread::spawn(move || wait_for_end(child).map(|status| exits.send(News::Exited(status))));
    let socket = socket.to_owned();
    thread::spawn(move || tell_events(watch, &socket, &news));
}

/// Waits for the end of the program; and of its process group, if it has left something to do behind.
fn wait_for_end(mut child: Child) -> io::Result<ExitStatus> {
    let group = Pid::from_raw(child.id().cast_signed());
    let status = child.wait()?;
    // Orphans are this process's children: none of them is left when nobody is waited for.
    while status.success()
        && matches!(waitpid(Pid::from_raw(-group.as_raw()), None), Ok(_) | Err(Errno::EINTR))
    {}
    Ok(status)
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
