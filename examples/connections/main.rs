//! Connections that outlive their process: each goes to the successor with what was read from it, what
//! is still to be written to it, and where its session stood. The peer does not notice.
//!
//! ```text
//! cargo run --example connections              # generation 1, on 127.0.0.1:7002
//! nc 127.0.0.1 7002                            # name alice, add 5, add 7: 3 alice 12
//! kill -HUP <pid>                              # generation 2 takes over; go on with nc
//! ```
//!
//! `session.rs` is one session, and how it becomes bytes. `service.rs` serves all of them, and stops
//! while the service changes hands: read `Service::obey` there.

mod orders;
mod service;
mod session;

use std::env;
use std::error::Error;
use std::io::{self, Write};
use std::net::TcpListener;
use std::process;

use heirloom::{Signal, Upgrader};

use orders::orders;
use service::Service;
use session::SCHEMA;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let address = arguments.next().unwrap_or("127.0.0.1:7002".into());
    let handoff_socket = arguments.next().unwrap_or("@heirloom-connections".into());

    let upgrader = Upgrader::builder().handoff_socket(handoff_socket).start()?;
    let (fds, state) = (upgrader.fds().nonblocking(), upgrader.state());
    let listener: TcpListener = fds.bind(&address)?;
    let bound = listener.local_addr()?;

    // What is offered to the next generation. The mark has no bytes: that it is asked for tells the loop
    // that a handoff begins.
    let (superior, orders) = orders()?;
    let provider = superior.clone();
    state.provide("mark", "none", move |_| provider.provide().map(drop))?.keep();
    state.freeze("sessions", SCHEMA, superior)?.keep();

    // What the predecessor hands over: connections now, and their sessions when it has stopped.
    let mut service = Service::new(listener, fds, orders);
    service.claim(upgrader.fds().inherited())?;
    let last_words = state.last_words("sessions", &[SCHEMA])?;

    upgrader.upgrade_on(Signal::SIGHUP)?;
    upgrader.ready()?;
    service.resume(last_words.hear()?);
    // Not `eprintln`, which panics where nobody reads any more.
    let _ = writeln!(
        io::stderr(),
        "process {} is generation {} on {bound}",
        process::id(),
        upgrader.generation()
    );
    service.serve_until(&upgrader.exit())?;
    Ok(())
}
