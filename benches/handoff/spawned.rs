//! A process that spawns its successor, and one that does no more than it must.

use std::env;
use std::io::{Read, Write};
use std::process::Command;
use std::time::{Duration, Instant};

use heirloom::Upgrader;

use crate::process::{is_asked, tell};
use crate::socket::{accept, connect_to, listen_on};

/// A service with one listener. Upgrades itself when it is asked to; its successor does so then.
pub(crate) fn serve(name: &str) {
    let upgrader = Upgrader::builder().start().unwrap();
    let address = format!("@{name}-listener");
    let _listener: std::os::unix::net::UnixListener = upgrader.fds().bind(&address).unwrap();
    upgrader.ready().unwrap();
    if upgrader.predecessor().is_none() {
        tell(Duration::ZERO);
    }
    if is_asked() {
        let began = Instant::now();
        upgrader.upgrade().unwrap();
        tell(began.elapsed());
    }
}

/// Spawns a child when it is asked to, which connects; then each says one byte, and the child another.
pub(crate) fn serve_bare(name: &str) {
    let listener = listen_on(name).unwrap();
    tell(Duration::ZERO);
    while is_asked() {
        let began = Instant::now();
        let program = env::current_exe().unwrap();
        let mut child = Command::new(program).args(["bare-child", name]).spawn().unwrap();
        let mut connection = accept(&listener).unwrap();
        connection.read_exact(&mut [0]).unwrap();
        connection.write_all(&[0]).unwrap();
        connection.read_exact(&mut [0]).unwrap();
        tell(began.elapsed());
        child.wait().unwrap();
    }
}

/// The child.
pub(crate) fn answer(name: &str) {
    let mut connection = connect_to(name).unwrap();
    connection.write_all(&[0]).unwrap();
    connection.read_exact(&mut [0]).unwrap();
    connection.write_all(&[0]).unwrap();
}
