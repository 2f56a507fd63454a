//! An HTTP service on hyper that a deploy script upgrades.
//!
//! ```sh
//! cargo run --example web                        # generation 1, on 127.0.0.1:8080
//! heirloom launch @web -- target/debug/examples/web
//! ```

use std::convert::Infallible;
use std::fmt::Arguments;
use std::io::{self, Write};
use std::time::Duration;
use std::{env, process};

use heirloom::{Drain, Upgrader};
use hyper::Response;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::sleep;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = env::args().skip(1);
    let address = arguments.next().unwrap_or("127.0.0.1:8080".into());
    let handoff_socket = arguments.next().unwrap_or("@web".into());

    let mut terminate = signal(SignalKind::terminate())?;
    let upgrader = Upgrader::builder()
        .handoff_socket(handoff_socket)
        .service("web") // whatever the program's file is called
        .build_label(env!("CARGO_PKG_VERSION"))
        .start_async()
        .await?;
    let listener: TcpListener = upgrader.fds().bind(&address)?;
    let (generation, bound) = (upgrader.generation(), listener.local_addr()?);
    upgrader.ready().await?; // this process owns the service
    say(format_args!("process {} is generation {generation} on {bound}", process::id()));

    let (mut exit, drain) = (upgrader.exit(), upgrader.drain());
    loop {
        tokio::select! {
            () = &mut exit => break, // a successor owns it, or it is stopped
            _ = terminate.recv() => upgrader.stop(),
            accepted = listener.accept() => match accepted {
                Ok((client, _)) => drop(tokio::spawn(drain.run(serve(client, drain.clone(), generation)))),
                Err(_) => sleep(Duration::from_millis(10)).await, // out of descriptors: it passes
            },
        }
    }
    drop(listener); // the successor's copy lives on
    let drained = drain.drained(Duration::ZERO, Duration::from_secs(30)).await?;
    say(format_args!(
        "generation {generation}: {} clients left while it drained",
        drained.finished
    ));
    upgrader.end().await;
    Ok(())
}

/// Unlike `eprintln` it does not panic where nobody reads any more: whoever launched this may have gone.
fn say(text: Arguments<'_>) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Answers a client until it leaves. While this process drains each answer closes its connection, so
/// that no client writes to one that is being closed.
async fn serve(client: TcpStream, drain: Drain, generation: u64) {
    let answer = service_fn(async |_| {
        let mut answer = Response::new(format!("generation {generation}\n"));
        if drain.is_told() {
            answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Ok::<_, Infallible>(answer)
    });
    // An error is the client's.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(client), answer).await;
}
