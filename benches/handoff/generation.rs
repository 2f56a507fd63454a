//! The processes that hand over with heirloom.

use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

use heirloom::{Strays, Takeover, Upgrader};

use crate::descriptors::listener;
use crate::process::{tell, tell_all};

/// The first generation, which opens what is passed on from then on.
pub(crate) fn own(name: &str, count: usize) {
    let upgrader = generation(name, Takeover::Never);
    for number in 0..count {
        let passed = listener(number).unwrap();
        upgrader.fds().add(&format!("listener {number}"), &passed).unwrap().keep();
    }
    upgrader.ready().unwrap();
    tell(Duration::ZERO);
    upgrader.exit().wait();
}

/// Each later one: from before it connects until it owns the service.
pub(crate) fn succeed(name: &str, claims: bool) {
    let began = Instant::now();
    let upgrader = generation(name, Takeover::Require);
    let claimed = if claims { claim_all(&upgrader) } else { Vec::new() };
    upgrader.ready().unwrap();
    tell_all(&[began.elapsed()]);
    upgrader.exit().wait();
    drop(claimed);
}

/// Claims every entry, as a service does that knows what it listens on.
pub(crate) fn claim_all(upgrader: &Upgrader) -> Vec<UnixListener> {
    let fds = upgrader.fds();
    fds.inherited().map(|entry| fds.claim(&entry.name).unwrap().unwrap()).collect()
}

/// A generation, whose entries go on whether they are claimed or not.
pub(crate) fn generation(name: &str, takeover: Takeover) -> Upgrader {
    Upgrader::builder()
        .handoff_socket(format!("@{name}"))
        .takeover(takeover)
        .strays(Strays::Keep)
        .start()
        .unwrap()
}
