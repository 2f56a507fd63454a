//! An echo service that is upgraded without losing a connection. Plain threads, no runtime.
//!
//! ```sh
//! cargo run --example echo &         # generation 1
//! kill -HUP "$(cat /tmp/echo.pid)"   # it spawns generation 2
//! cargo run --example echo &         # generation 3, started by hand, takes over
//! ```

use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::thread;

use heirloom::{Exit, Signal, Upgrader};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let upgrader = Upgrader::builder().handoff_socket("@echo").pid_file("/tmp/echo.pid").start()?;
    let listener: TcpListener = upgrader.fds().nonblocking().bind("127.0.0.1:7000")?;
    upgrader.upgrade_on(Signal::SIGHUP)?;
    upgrader.ready()?;
    // Not `eprintln`, which panics where nobody reads any more.
    let _ = writeln!(
        io::stderr(),
        "process {} is generation {}",
        std::process::id(),
        upgrader.generation()
    );

    let connections = accept_until(&listener, &upgrader.exit())?;
    drop(listener); // the successor's copy lives on
    for connection in connections {
        let _ = connection.join(); // drained: every client has finished
    }
    Ok(())
}

/// Serves whoever connects, until this process is to end.
fn accept_until(listener: &TcpListener, exit: &Exit) -> io::Result<Vec<thread::JoinHandle<()>>> {
    let mut connections = Vec::new();
    while !exit.is_fired() {
        let watch = |descriptor| PollFd::new(descriptor, PollFlags::POLLIN);
        match poll(&mut [watch(listener.as_fd()), watch(exit.as_fd())], PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {} // SIGHUP interrupts it
            Err(errno) => return Err(errno.into()),
        }
        while let Ok((client, _)) = listener.accept() {
            connections.push(thread::spawn(move || drop(echo(&client))));
        }
        connections.retain(|connection| !connection.is_finished());
    }
    Ok(connections)
}

fn echo(client: &TcpStream) -> io::Result<u64> {
    let (mut reader, mut writer) = (client, client);
    io::copy(&mut reader, &mut writer)
}
