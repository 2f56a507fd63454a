//! Connections that outlive their process: each goes to the successor with what was read from it, what
//! is still to be written to it, and where its session stood. The peer does not notice.
//!
//! ```text
//! cargo run --example connections              # generation 1, on 127.0.0.1:7002
//! nc 127.0.0.1 7002                            # name alice, add 5, add 7: 3 alice 12
//! kill -HUP <pid>                              # generation 2 takes over; go on with nc
//! ```
//!
//! Read `session.rs` first: one session, and how it becomes bytes. `table.rs` has all sessions, and
//! stops them while the service changes hands. `service.rs` has the sockets.

mod service;
mod session;
mod table;

use std::env;
use std::error::Error;
use std::io;
use std::net::TcpListener;
use std::process;

use heirloom::{Signal, Upgrader, Writer};

use service::Service;
use table::Table;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let address = arguments.next().unwrap_or("127.0.0.1:7002".into());
    let handoff_socket = arguments.next().unwrap_or("@heirloom-connections".into());

    let upgrader = Upgrader::builder().handoff_socket(handoff_socket).start()?;
    let fds = upgrader.fds().nonblocking();
    let listener: TcpListener = fds.bind(&address)?;
    let bound = listener.local_addr()?;

    // What is offered to the next generation. The marks have no bytes: that they are asked for tells
    // this process that a handoff begins.
    let (thawed, thaws) = io::pipe()?;
    let table = Table::new(thaws);
    let (marks, sessions) = (table.clone(), table.clone());
    let mark = move |_: &mut Writer| {
        marks.mark();
        Ok(())
    };
    upgrader.state().provide("marks", "none", mark)?.keep();
    upgrader.state().freeze("sessions", table::SCHEMA, sessions)?.keep();

    // What the predecessor hands over: connections now, and their sessions when it has stopped.
    let mut service = Service::new(listener, fds, table, thawed, upgrader.exit());
    service.claim_connections(upgrader.fds().inherited())?;
    let last_words = upgrader.state().last_words("sessions", &[table::SCHEMA])?;

    upgrader.upgrade_on(Signal::SIGHUP)?;
    upgrader.ready()?;
    service.resume(last_words.hear()?);
    let (pid, generation) = (process::id(), upgrader.generation());
    eprintln!("process {pid} is generation {generation} on {bound}");
    service.serve()?;
    Ok(())
}
