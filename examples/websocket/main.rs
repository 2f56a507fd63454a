//! A WebSocket service that says goodbye before it goes: its clients come back to the successor, and
//! nothing that was acknowledged is lost.
//!
//! ```text
//! cargo run --example websocket                # generation 1, on 127.0.0.1:7003
//! websocat ws://127.0.0.1:7003                 # write hello, read 1 hello: the journal's line
//! kill -HUP <pid>                              # closed with 1001, going away: connect again
//! ```
//!
//! A WebSocket has no natural end at which a client could be asked to move, as an HTTP connection has
//! after each answer. So the predecessor closes it in order when its soft limit is reached: see
//! [`session::serve`], which says what it promises to a client.

mod journal;
mod session;

use std::env;
use std::error::Error;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process;
use std::sync::Arc;
use std::time::Duration;

use heirloom::{Signal, tokio::Upgrader};
use tokio::net::TcpListener;
use tokio::time;

use journal::Journal;

/// How long clients may stay when the successor owns the service, before they are asked to go: whoever
/// leaves by himself meanwhile notices nothing, and the successor gets the new clients first.
const SOFT_LIMIT: Duration = Duration::from_millis(500);

/// When those are given up who do not answer the goodbye.
const HARD_LIMIT: Duration = Duration::from_secs(30);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let address = arguments.next().unwrap_or("127.0.0.1:7003".into());
    let handoff_socket = arguments.next().unwrap_or("@heirloom-websocket".into());
    let journal = arguments.next().map_or_else(default_journal, PathBuf::from);

    let builder = heirloom::Upgrader::builder().handoff_socket(handoff_socket);
    let upgrader = builder.start_async().await?;
    let listener: TcpListener = upgrader.fds().bind(&address)?;
    let bound = listener.local_addr()?;
    let journal = Arc::new(Journal::open(&journal, upgrader.generation())?);

    upgrader.upgrade_on(Signal::SIGHUP)?;
    upgrader.ready().await?;
    // Not `eprintln`, which panics where nobody reads any more.
    let _ = writeln!(
        io::stderr(),
        "process {} is generation {} on {bound}",
        process::id(),
        upgrader.generation()
    );
    accept(listener, &journal, &upgrader).await;

    let drained = upgrader.drain().drained(SOFT_LIMIT, HARD_LIMIT).await?;
    let _ = writeln!(
        io::stderr(),
        "{} clients have gone, {} were given up",
        drained.finished,
        drained.dropped
    );
    upgrader.end().await;
    Ok(())
}

fn default_journal() -> PathBuf {
    env::temp_dir().join("heirloom-websocket.journal")
}

/// Accepts until another process owns the service. The listener is closed then, in this process only:
/// who connects from now on is the successor's.
async fn accept(listener: TcpListener, journal: &Arc<Journal>, upgrader: &Upgrader) {
    let (drain, mut exit) = (upgrader.drain(), upgrader.exit());
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut exit => break,
            accepted = listener.accept() => accepted,
        };
        let Ok((client, _)) = accepted else {
            time::sleep(Duration::from_millis(10)).await; // out of descriptors: it passes
            continue;
        };
        // In flight from here on, whenever its task begins.
        let (guard, journal) = (drain.guard(), Arc::clone(journal));
        tokio::spawn(async move {
            // An error is the client's: it went away, or did not speak the protocol.
            guard.run(session::serve(client, &journal, guard.told())).await
        });
    }
}
