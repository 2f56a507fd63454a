//! The least that has to be done to pass descriptors on: they are sent and received.

use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

use sendfd::SendWithFd;
use socket2::SockRef;

use crate::descriptors::listener;
use crate::process::{Process, tell};
use crate::socket::{BATCH, accept, connect_to, listen_on, receive_descriptors};

/// The side that has the descriptors.
pub(crate) struct Sender {
    name: String,
    socket: OwnedFd,
    passed: Vec<UnixListener>,
}

impl Sender {
    pub(crate) fn new(name: &str, count: usize) -> Self {
        let passed = (0..count).map(|number| listener(number).unwrap()).collect();
        Self { name: name.into(), socket: listen_on(name).unwrap(), passed }
    }

    /// Passes them to a new process. Tells how long that took, from before it connected.
    pub(crate) fn pass_to(&self, role: &str) -> Duration {
        let count = self.passed.len().to_string();
        let mut receiver = Process::start(&[role, &self.name, &count]);
        let connection = accept(&self.socket).unwrap();
        let numbers: Vec<RawFd> = self.passed.iter().map(AsRawFd::as_raw_fd).collect();
        for batch in numbers.chunks(BATCH) {
            connection.send_with_fd(&[0], batch).unwrap();
        }
        receiver.told()
    }
}

/// The side that gets them.
pub(crate) fn receive(name: &str, count: usize, asks: bool) {
    let began = Instant::now();
    let connection = connect_to(name).unwrap();
    let received = receive_descriptors(&connection, count).unwrap();
    let number = |socket: &OwnedFd| SockRef::from(socket).cookie().unwrap();
    let numbers = if asks { received.iter().map(number).sum() } else { 1 };
    tell(began.elapsed());
    assert!(received.len() == count && numbers > 0);
}
