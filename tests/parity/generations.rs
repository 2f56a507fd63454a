//! Generations of services that only one test knows.

use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use heirloom::{Builder, Error, Takeover, Upgrader, testing};
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use socket2::SockRef;

/// How long anything in a test may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// The first generation of a service, not ready.
pub(super) fn first() -> Upgrader {
    testing::first().unwrap()
}

/// The next generation after `predecessor`, which must be ready; not ready itself.
pub(super) fn next(predecessor: &Upgrader) -> Upgrader {
    testing::successor_of(predecessor).unwrap()
}

/// Settings for the next generation after `predecessor`.
pub(super) fn next_builder(predecessor: &Upgrader) -> Builder {
    Upgrader::builder().handoff_socket(predecessor.handoff_socket()).takeover(Takeover::Require)
}

/// Settings for a first generation.
pub(super) fn first_builder() -> Builder {
    Upgrader::builder().handoff_socket(fresh_name()).takeover(Takeover::Never)
}

/// Hands the service over to a new generation, which becomes ready once `prepare` has run.
pub(super) fn hand_over<T>(
    predecessor: &Upgrader,
    prepare: impl FnOnce(&Upgrader) -> Result<T, Error>,
) -> (Upgrader, T) {
    let successor = next(predecessor);
    let prepared = prepare(&successor).unwrap();
    successor.ready().unwrap();
    (successor, prepared)
}

/// An abstract name that nobody else uses.
pub(super) fn fresh_name() -> String {
    static LATEST: AtomicU64 = AtomicU64::new(0);
    let number = LATEST.fetch_add(1, Ordering::Relaxed);
    format!("@heirloom-parity-{}-{number}", std::process::id())
}

/// What the kernel numbers a socket with: equal for two descriptors of one socket, never for a
/// socket that was bound again.
pub(super) fn cookie(socket: &impl AsFd) -> u64 {
    SockRef::from(socket).cookie().unwrap()
}

pub(super) fn is_nonblocking(descriptor: &impl AsFd) -> bool {
    let flags = fcntl(descriptor, FcntlArg::F_GETFL).unwrap();
    OFlag::from_bits_retain(flags).contains(OFlag::O_NONBLOCK)
}

/// What `work` returns, if it does so in time.
pub(super) fn within_patience<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = mpsc::sync_channel(1);
    std::thread::spawn(move || sender.send(work()));
    receiver.recv_timeout(PATIENCE).expect("it did not return in time")
}
