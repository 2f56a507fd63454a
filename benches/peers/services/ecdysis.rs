//! ecdysis, as its README, its API documentation and `examples/tokio_echo.rs` have it.

use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use ecdysis::Ecdysis;
use ecdysis::tokio_ecdysis::{ExitMode, SignalKind, StopOnShutdown, TokioEcdysisBuilder};
use futures::{Stream, StreamExt};
use nix::sys::signal::{Signal, raise};
use service::http::{self, DRAIN_LIMIT};
use service::role::{Listeners, Role};
use service::{leash, tell};
use signal_hook::consts::SIGHUP;
use signal_hook::iterator::Signals;
use tokio::net::TcpStream;
use tokio::signal::unix::signal;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

fn main() -> ExitCode {
    tell::end(run())
}

fn run() -> Result<(), Box<dyn Error>> {
    leash::hold()?;
    match Role::of_this_process()? {
        Role::Hold(listeners) => hold(&listeners),
        Role::Serve(address) => serve(address),
    }
}

/// Without a runtime: the synchronous mode is the quicker one to start.
fn hold(listeners: &Listeners) -> Result<(), Box<dyn Error>> {
    let mut hangups = Signals::new([SIGHUP])?;
    let mut ecdysis = Ecdysis::new();
    for path in listeners.addresses() {
        // The registry keeps one of its own.
        drop(ecdysis.listen_unix(path)?);
    }
    ecdysis.ready()?;
    tell::ready();

    for _ in hangups.forever() {
        let asked = Instant::now();
        match ecdysis.upgrade() {
            Ok(()) => {
                tell::upgraded(asked.elapsed());
                break;
            }
            Err(error) => tell::failed(error),
        }
    }
    Ok(())
}

#[tokio::main]
async fn serve(address: SocketAddr) -> Result<(), Box<dyn Error>> {
    let mut hangups = signal(SignalKind::hangup())?;
    let builder = TokioEcdysisBuilder::new(SignalKind::user_defined1())?;
    let clients = builder.build_listen_tcp(StopOnShutdown::Yes, address, |socket, address| {
        socket.set_reuse_address(true)?;
        socket.bind(&address.into())?;
        socket.listen(i32::MAX)?; // as many as the kernel allows; its default is 128
        Ok(socket.into())
    })?;
    let told = Arc::new(AtomicBool::new(false));
    let server = tokio::spawn(accept(clients, Arc::clone(&told)));
    let (_ecdysis, exit) = builder.ready()?;
    tell::ready();

    // The library takes the signal and says nothing when an upgrade has failed: it waits for the next.
    let asked = async {
        hangups.recv().await;
        let asked = Instant::now();
        raise(Signal::SIGUSR1).map(|()| asked)
    };
    let (asked, exit) = tokio::join!(asked, exit);
    match exit? {
        (ExitMode::Upgrade, _) => tell::upgraded(asked?.elapsed()),
        (mode, reason) => tell::failed(format_args!("{mode:?}, {reason:?}")),
    }
    told.store(true, Ordering::Relaxed);
    let connections = server.await?;
    let _ = timeout(DRAIN_LIMIT, connections.wait()).await;
    Ok(())
}

/// Serves whoever connects, until the library ends the stream. Returns what is in flight then.
async fn accept(
    mut clients: impl Stream<Item = std::io::Result<TcpStream>> + Unpin,
    told: Arc<AtomicBool>,
) -> TaskTracker {
    let connections = TaskTracker::new();
    while let Some(accepted) = clients.next().await {
        // Else it is out of descriptors, which passes.
        if let Ok(client) = accepted {
            let told = Arc::clone(&told);
            connections.spawn(http::serve(client, move || told.load(Ordering::Relaxed)));
        }
    }
    connections.close();
    connections
}
