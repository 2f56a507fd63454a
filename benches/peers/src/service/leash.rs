//! No service outlives its runner.

use std::io;
use std::process;
use std::thread;

/// Ends this process when its standard input does. The runner holds the other end, and all generations
/// inherit this one: however the runner ends, no process is left.
///
/// # Errors
///
/// If the thread that waits for it cannot be started.
#[expect(clippy::exit, clippy::disallowed_methods, reason = "whoever wanted this process is gone")]
pub fn hold() -> io::Result<()> {
    let wait = || {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        process::exit(1)
    };
    thread::Builder::new().name("leash".into()).spawn(wait).map(drop)
}
