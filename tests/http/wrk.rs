//! The load generator `wrk`, where it is installed.

use std::env;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use crate::{CLIENTS, Connection};

/// One run of it.
pub(crate) struct Wrk(Option<Child>);

impl Wrk {
    /// Runs for longer than all upgrades take. `None` where it is not installed, unless it is required.
    pub(crate) fn start(address: SocketAddr, connection: Connection) -> Option<Self> {
        let clients = format!("-c{CLIENTS}");
        let mut command = Command::new("wrk");
        command.args(["-t1", &clients, "-d8s", &format!("http://{address}/")]);
        if connection == Connection::Close {
            command.args(["-H", "Connection: close"]);
        }
        match command.stdout(Stdio::piped()).spawn() {
            Ok(child) => Some(Self(Some(child))),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let required = env::var_os("HEIRLOOM_TESTS").is_some_and(|tests| tests == "all");
                assert!(!required, "wrk is not installed");
                eprintln!("wrk is not installed: this test has tested nothing");
                None
            }
            Err(error) => panic!("wrk cannot be run: {error}"),
        }
    }

    /// What it has to say, if it has run until now.
    pub(crate) fn wait(mut self) -> String {
        let mut child = self.0.take().unwrap();
        assert!(child.try_wait().unwrap().is_none(), "the upgrades took longer than the load");
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Wrk {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// How many requests were answered.
pub(crate) fn requests(told: &str) -> u64 {
    let line = told.lines().find(|line| line.contains(" requests in "));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
