//! heirloom, as its README and `examples/web.rs` have it.

use std::error::Error;
use std::net::SocketAddr;
use std::os::unix::net::UnixListener;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use heirloom::Upgrader;
use heirloom::tokio::Upgrader as AsyncUpgrader;
use service::http::{self, DRAIN_LIMIT};
use service::role::{Listeners, Role};
use service::{leash, tell};
use signal_hook::consts::SIGHUP;
use signal_hook::iterator::Signals;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::sleep;

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

fn hold(listeners: &Listeners) -> Result<(), Box<dyn Error>> {
    let mut hangups = Signals::new([SIGHUP])?;
    let upgrader = Upgrader::builder().start()?;
    for address in listeners.addresses() {
        // The upgrader keeps one of its own.
        drop(upgrader.fds().bind::<UnixListener>(address)?);
    }
    upgrader.ready()?;
    tell::ready();

    for _ in hangups.forever() {
        let asked = Instant::now();
        match upgrader.upgrade() {
            Ok(_) => {
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
    let upgrader = Upgrader::builder().start_async().await?;
    let listener: TcpListener = upgrader.fds().bind(address)?;
    let upgrades = upgrade_on_hangup(upgrader.clone())?;
    upgrader.ready().await?;
    tell::ready();

    let (mut exit, drain) = (upgrader.exit(), upgrader.drain());
    loop {
        tokio::select! {
            () = &mut exit => break,
            accepted = listener.accept() => match accepted {
                Ok((client, _)) => {
                    let told = drain.clone();
                    drop(tokio::spawn(drain.run(http::serve(client, move || told.is_told()))));
                }
                Err(_) => sleep(Duration::from_millis(10)).await, // out of descriptors: it passes
            },
        }
    }
    drop(listener); // the successor's copy lives on
    drain.drained(Duration::ZERO, DRAIN_LIMIT).await?;
    upgrades.await?;
    upgrader.end().await;
    Ok(())
}

/// As `upgrade_on` does it, with the outcome told to the runner.
fn upgrade_on_hangup(
    upgrader: AsyncUpgrader,
) -> Result<tokio::task::JoinHandle<()>, Box<dyn Error>> {
    let mut hangups = signal(SignalKind::hangup())?;
    Ok(tokio::spawn(async move {
        while hangups.recv().await.is_some() {
            let asked = Instant::now();
            match upgrader.upgrade().await {
                Ok(_) => return tell::upgraded(asked.elapsed()),
                Err(error) => tell::failed(error),
            }
        }
    }))
}
