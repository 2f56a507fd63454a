//! Answers every line with the process and the generation that has read it. Plain threads, no runtime.

use std::error::Error;
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process;
use std::thread::{self, JoinHandle};

use heirloom::{Builder, Signal, Systemd, Upgrader};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use signal_hook::consts::SIGTERM;
use signal_hook::low_level::pipe;

/// What the command line says.
struct Options {
    builder: Builder,
    systemd: Systemd,
    address: String,
    /// What is read before the service is ready.
    data: Option<String>,
}

/// Serves until a successor has taken over, or SIGTERM has come, and every client has finished.
pub(crate) fn run(arguments: impl Iterator<Item = String>) -> Result<(), Box<dyn Error>> {
    let options = Options::parse(arguments)?;
    // Before anything can end this process that is to stop in good order.
    let (terminated, signal) = UnixStream::pair()?;
    pipe::register(SIGTERM, signal)?;
    let upgrader = options.builder.systemd(options.systemd).start()?;
    let listener: TcpListener = upgrader.fds().nonblocking().bind(&options.address)?;
    if let Some(data) = options.data {
        upgrader.progress(format!("reads {data}"));
        fs::read(data)?;
    }
    upgrader.upgrade_on(Signal::SIGHUP)?;
    upgrader.ready()?;
    let clients = accept_until_exit(&listener, &upgrader, &terminated)?;
    drop(listener); // the successor's copy lives on
    for client in clients {
        let _ = client.join(); // drained: every client has finished
    }
    // Here the upgrader is dropped, which waits until systemd has read what it was told.
    Ok(())
}

impl Options {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, Box<dyn Error>> {
        let mut builder = Upgrader::builder();
        let (mut systemd, mut data) = (Systemd::new(), None);
        let mut address = "127.0.0.1:7000".into();
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
            match argument.as_str() {
                "--handoff-socket" => builder = builder.handoff_socket(value()?),
                "--pid-file" => builder = builder.pid_file(value()?),
                "--listen" => address = value()?,
                "--data" => data = Some(value()?),
                "--descriptor-store" => systemd = systemd.descriptor_store(true),
                _ => return Err(format!("{argument} is no option").into()),
            }
        }
        Ok(Self { builder, systemd, address, data })
    }
}

/// Serves whoever connects, until this process is to end.
fn accept_until_exit(
    listener: &TcpListener,
    upgrader: &Upgrader,
    terminated: &UnixStream,
) -> io::Result<Vec<JoinHandle<()>>> {
    let (exit, generation) = (upgrader.exit(), upgrader.generation());
    let mut clients: Vec<JoinHandle<()>> = Vec::new();
    while !exit.is_fired() {
        let watch = |descriptor| PollFd::new(descriptor, PollFlags::POLLIN);
        let mut set = [watch(exit.as_fd()), watch(listener.as_fd()), watch(terminated.as_fd())];
        match poll(&mut set, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {} // SIGHUP interrupts it
            Err(errno) => return Err(errno.into()),
        }
        let [.., terminated] = &set;
        if terminated.any() == Some(true) {
            upgrader.stop();
            break;
        }
        while let Ok((client, _)) = listener.accept() {
            clients.push(thread::spawn(move || drop(answer(&client, generation))));
        }
        clients.retain(|client| !client.is_finished());
    }
    Ok(clients)
}

fn answer(mut client: &TcpStream, generation: u64) -> io::Result<()> {
    for line in BufReader::new(client).lines() {
        writeln!(client, "{} {generation} {}", process::id(), line?)?;
    }
    Ok(())
}
