//! The role of a service that counts: each `add` of a client adds one and is answered with the sum,
//! `get` with the sum alone. What has been handed over is answered with `again`.
//!
//! | setting | |
//! |---|---|
//! | `FREEZE` | `no`: the sum is provided only, as it is when the handoff begins |
//!
//! Events: those of `serve`, and `counts-from <sum>`.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};

use heirloom::{Exit, Freeze, LastWords, Upgrader};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::support::role::{Role, emit, emit_failed};
use crate::support::serve::{upgrade, watch_exit};

pub(crate) fn run(role: &Role) {
    let Some(upgrader) = role.start() else {
        return;
    };
    let fds = upgrader.fds().nonblocking();
    let listener: TcpListener = fds.bind_as("service", role.get("LISTEN").unwrap()).unwrap();
    emit("bound", &listener.local_addr().unwrap().to_string());
    let counter = Counter::default();
    let last_words = counter.inherit_and_offer(&upgrader, !role.is("FREEZE", "no"));
    if let Err(error) = upgrader.ready() {
        return emit_failed("ready", &error);
    }
    if let Some(words) = last_words.hear().unwrap() {
        counter.lock().0 = u64::from_le_bytes(words.bytes.try_into().unwrap());
    }
    emit("counts-from", &counter.lock().0.to_string());
    watch_exit(role, upgrader.exit());
    let exit = upgrader.exit();
    let server = thread::spawn(move || serve(&listener, &exit, &counter));
    emit("ready", "");
    loop {
        match role.next_order().as_str() {
            "upgrade" => drop(upgrade(&upgrader)),
            "exit-fired" => break,
            other => panic!("unknown order `{other}`"),
        }
    }
    server.join().unwrap();
    emit("drained", "");
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Counts,
    /// Whoever wants to add has to wait.
    Frozen,
    /// The sum is somebody else's.
    Gone,
}

#[derive(Clone)]
struct Counter(Arc<(Mutex<(u64, Mode)>, Condvar)>);

impl Default for Counter {
    fn default() -> Self {
        Self(Arc::new((Mutex::new((0, Mode::Counts)), Condvar::new())))
    }
}

impl Counter {
    fn inherit_and_offer(&self, upgrader: &Upgrader, freezes: bool) -> LastWords {
        let state = upgrader.state();
        if let Some(sum) = state.take("sum", &["u64"]).unwrap() {
            self.lock().0 = u64::from_le_bytes(sum.into_bytes().unwrap().try_into().unwrap());
        }
        let counter = self.clone();
        match freezes {
            true => state.freeze("sum", "u64", counter),
            false => state.provide("sum", "u64", move |writer| {
                writer.write_all(&counter.lock().0.to_le_bytes())
            }),
        }
        .unwrap()
        .keep();
        state.last_words("sum", &["u64"]).unwrap()
    }

    /// Adds one, when it is neither frozen nor gone.
    fn add(&self) -> Option<u64> {
        let (value, changed) = &*self.0;
        let value = value.lock().unwrap();
        let mut value = changed.wait_while(value, |(_, mode)| *mode == Mode::Frozen).unwrap();
        (value.1 == Mode::Counts).then(|| {
            value.0 += 1;
            value.0
        })
    }

    fn enter(&self, mode: Mode) {
        self.lock().1 = mode;
        self.0.1.notify_all();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, (u64, Mode)> {
        self.0.0.lock().unwrap()
    }
}

impl Freeze for Counter {
    fn freeze(&mut self) -> io::Result<Vec<u8>> {
        self.enter(Mode::Frozen);
        Ok(self.lock().0.to_le_bytes().to_vec())
    }

    fn thaw(&mut self) {
        self.enter(Mode::Counts);
    }
}

/// Answers until the sum is gone; then whoever waits is sent to the new owner.
fn serve(listener: &TcpListener, exit: &Exit, counter: &Counter) {
    let mut connections: Vec<(TcpStream, JoinHandle<()>)> = Vec::new();
    while !exit.is_fired() {
        let watch = |descriptor| PollFd::new(descriptor, PollFlags::POLLIN);
        let mut polled = [watch(listener.as_fd()), watch(exit.as_fd())];
        match poll(&mut polled, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => panic!("{errno}"),
        }
        while let Ok((client, _)) = listener.accept() {
            client.set_nodelay(true).unwrap();
            let (kept, counter) = (client.try_clone().unwrap(), counter.clone());
            connections.push((kept, thread::spawn(move || answer(&client, &counter))));
        }
    }
    counter.enter(Mode::Gone);
    for (client, thread) in connections {
        // It may have gone.
        let _ = client.shutdown(Shutdown::Read);
        thread.join().unwrap();
    }
}

fn answer(mut client: &TcpStream, counter: &Counter) {
    for line in BufReader::new(client).lines().map_while(Result::ok) {
        let answer = match line.as_str() {
            "get" => Some(counter.lock().0),
            _ => counter.add(),
        };
        let text = answer.map_or("again\n".into(), |sum| format!("{sum}\n"));
        if client.write_all(text.as_bytes()).is_err() || answer.is_none() {
            break;
        }
    }
    // Its clone waits for the end.
    let _ = client.shutdown(Shutdown::Both);
}
