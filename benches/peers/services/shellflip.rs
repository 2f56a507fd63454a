//! shellflip, as its README, its API documentation and `examples/restarter.rs` have it.
//!
//! It "does not provide for socket inheritance or rebinding". What it does provide for is a service whose
//! sockets come from systemd: it sets `LISTEN_PID` right for the new process (`fixup_systemd_env`), which
//! inherits them as long as nobody sets `FD_CLOEXEC`. So that is how it is measured.

use std::error::Error;
use std::net::TcpListener as StdTcpListener;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, raise};
use service::http::{self, DRAIN_LIMIT};
use service::role::Role;
use service::{activation, leash, tell};
use shellflip::{
    RestartConfig, ShutdownCoordinator, ShutdownHandle, ShutdownSignal, fixup_systemd_env,
    startup_complete,
};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::sleep;

fn main() -> ExitCode {
    tell::end(run())
}

fn run() -> Result<(), Box<dyn Error>> {
    let role = Role::of_this_process()?;
    fixup_systemd_env();
    if !activation::is_activated() {
        return Err(activation::activate(&role).into());
    }
    leash::hold()?;
    match role {
        Role::Hold(listeners) => hold(listeners.count()),
        Role::Serve(_) => serve(),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn hold(count: usize) -> Result<(), Box<dyn Error>> {
    let mut hangups = signal(SignalKind::hangup())?;
    activation::listeners(count)?;
    let restarted = RestartConfig::default().try_into_restart_task()?;
    startup_complete()?;
    tell::ready();

    hangups.recv().await;
    let asked = Instant::now();
    raise(Signal::SIGUSR1)?;
    match restarted.await {
        Ok(_) => tell::upgraded(asked.elapsed()),
        Err(error) => tell::failed(error),
    }
    Ok(())
}

#[tokio::main]
async fn serve() -> Result<(), Box<dyn Error>> {
    let mut hangups = signal(SignalKind::hangup())?;
    let listener = listener()?;
    let restarted = RestartConfig::default().try_into_restart_task()?;
    let shutdown = ShutdownCoordinator::new();
    startup_complete()?;
    tell::ready();

    let mut asked = Instant::now();
    tokio::pin!(restarted);
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((client, _)) => drop(tokio::spawn(answer(client, shutdown.handle()))),
                Err(_) => sleep(Duration::from_millis(10)).await, // out of descriptors: it passes
            },
            _ = hangups.recv() => {
                asked = Instant::now();
                raise(Signal::SIGUSR1)?;
            }
            outcome = &mut restarted => {
                match outcome {
                    Ok(_) => tell::upgraded(asked.elapsed()),
                    Err(error) => tell::failed(error),
                }
                break;
            }
        }
    }
    drop(listener);
    shutdown.shutdown_with_timeout(DRAIN_LIMIT.as_secs()).await;
    Ok(())
}

/// A copy of the one that was passed, which the next process inherits.
fn listener() -> Result<TcpListener, Box<dyn Error>> {
    let passed = activation::listeners(1)?;
    let passed = passed.first().ok_or("no listener was passed")?;
    Ok(TcpListener::from_std(StdTcpListener::from(passed.try_clone_to_owned()?))?)
}

/// Serves a client, which is told when this process is to end.
async fn answer(client: TcpStream, handle: Arc<ShutdownHandle>) {
    let told = AtomicBool::new(false);
    let serving = http::serve(client, || told.load(Ordering::Relaxed));
    let mut signal = ShutdownSignal::from(&*handle);
    tokio::pin!(serving);
    tokio::select! {
        () = &mut serving => return,
        () = signal.on_shutdown() => told.store(true, Ordering::Relaxed),
    }
    serving.await;
}
