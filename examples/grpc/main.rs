//! A gRPC service on tonic: its clients move to the successor, every call that it was sent is answered,
//! and a stream that has begun goes on to its end.
//!
//! ```text
//! cargo run --example grpc                     # generation 1, on 127.0.0.1:7004
//! alias ask='grpcurl -plaintext -proto examples/grpc/numbers.proto'
//! ask -d '{"number": 30, "pause_milliseconds": 1000}' 127.0.0.1:7004 numbers.Numbers/Count
//! kill -HUP <pid>                              # it counts on, and meanwhile generation 2
//! ask -d '{"number": 12}' 127.0.0.1:7004 numbers.Numbers/Square     # answers everybody else
//! ```
//!
//! HTTP/2 has a word for it: GOAWAY. A client begins no call on such a connection any more, but makes a
//! new one, and the calls that have begun are answered. tonic's own shutdown says it on all connections:
//! here the drain asks for that, when its soft limit is reached. A server that stopped without it would
//! keep its clients for as long as they like, and fail their calls at last.
//!
//! A call that a client was about to send when GOAWAY came reaches no server. gRPC has it that the client
//! makes it again by itself. tonic's client, in 0.14, gives it up with an error of its transport: make it
//! again as `square` in `tests/examples/grpc.rs` does.

mod client;
mod messages;
mod numbers;

use std::env;
use std::error::Error;
use std::future::pending;
use std::io::{self, Write};
use std::process;
use std::time::Duration;

use futures_util::stream::{Stream, unfold};
use heirloom::{Exit, Signal, tokio::Upgrader};
use tokio::net::TcpListener;
use tokio::time;
use tonic::transport::Server;

use client::Client;
use numbers::Numbers;

/// How long clients may use their connections to this process when the successor owns the service.
const SOFT_LIMIT: Duration = Duration::from_millis(500);

/// How long a stream may go on then. Whatever has not ended by that is cut off.
const HARD_LIMIT: Duration = Duration::from_secs(60);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let address = arguments.next().unwrap_or("127.0.0.1:7004".into());
    let handoff_socket = arguments.next().unwrap_or("@heirloom-grpc".into());

    let builder = heirloom::Upgrader::builder().handoff_socket(handoff_socket);
    let upgrader: Upgrader = builder.start_async().await?;
    let listener: TcpListener = upgrader.fds().bind(&address)?;
    let bound = listener.local_addr()?;
    let drain = upgrader.drain();
    let numbers = Numbers::new(upgrader.generation(), drain.clone());

    upgrader.upgrade_on(Signal::SIGHUP)?;
    upgrader.ready().await?;
    // Not `eprintln`, which panics where nobody reads any more.
    let _ = writeln!(
        io::stderr(),
        "process {} is generation {} on {bound}",
        process::id(),
        upgrader.generation()
    );

    // It ends when all connections have ended, and is in flight until then.
    let clients = accept(listener, upgrader.exit());
    let goaway = drain.guard().told();
    let server = Server::builder().serve_with_incoming_shutdown(numbers, clients, goaway);
    tokio::spawn(drain.run(server));
    upgrader.exit().await;

    let drained = drain.drained(SOFT_LIMIT, HARD_LIMIT).await?;
    let _ = writeln!(
        io::stderr(),
        "drained: {} have ended, {} were cut off",
        drained.finished,
        drained.dropped
    );
    upgrader.end().await;
    Ok(())
}

/// All clients, until another process owns the service. The listener is closed then, in this process
/// only: who connects from now on is the successor's. But the stream goes on, since tonic would say
/// GOAWAY at its end.
fn accept(listener: TcpListener, exit: Exit) -> impl Stream<Item = io::Result<Client>> {
    unfold((listener, exit), async |(listener, mut exit)| {
        let accepted = tokio::select! {
            biased;
            () = &mut exit => {
                drop(listener);
                return pending().await;
            }
            accepted = listener.accept() => accepted,
        };
        if accepted.is_err() {
            time::sleep(Duration::from_millis(10)).await; // out of descriptors: it passes
        }
        let client = accepted.and_then(|(client, _)| Client::new(client));
        Some((client, (listener, exit)))
    })
}
