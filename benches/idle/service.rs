//! The service that is watched, in the default features of the library: it listens and waits, and nobody comes.
//!
//! `service` does without the library; `service <handoff socket>` can be upgraded.

use std::env;
use std::io;
use std::net::TcpListener;
use std::os::fd::AsFd;

use heirloom::{Exit, Upgrader};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

const ADDRESS: &str = "127.0.0.1:0";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Some(handoff_socket) = env::args().nth(1) else {
        let listener = TcpListener::bind(ADDRESS)?;
        return Ok(wait(&listener, None)?);
    };
    let upgrader = Upgrader::builder().handoff_socket(handoff_socket).service("idle").start()?;
    let listener: TcpListener = upgrader.fds().bind(ADDRESS)?;
    upgrader.ready()?;
    Ok(wait(&listener, Some(upgrader.exit()))?)
}

/// Until whoever has started it goes, or a successor owns the service.
fn wait(listener: &TcpListener, exit: Option<Exit>) -> io::Result<()> {
    println!("ready");
    let input = io::stdin();
    let others = [input.as_fd()].into_iter().chain(exit.as_ref().map(AsFd::as_fd));
    let watched = [listener.as_fd()].into_iter().chain(others);
    let mut polled: Vec<_> =
        watched.map(|descriptor| PollFd::new(descriptor, PollFlags::POLLIN)).collect();
    poll(&mut polled, PollTimeout::NONE)?;
    Ok(())
}
