//! A process that is watched.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

/// Killed when it is dropped.
pub(crate) struct Process {
    child: Child,
    pub(crate) pid: u32,
    lines: Receiver<String>,
}

impl Process {
    /// Starts the service and waits until it is ready.
    pub(crate) fn start(program: &Path, handoff_socket: Option<&str>) -> Self {
        let mut child = Command::new(program)
            .args(handoff_socket)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        thread::spawn(move || {
            output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        assert_eq!(lines.recv().unwrap(), "ready");
        Self { pid: child.id(), child, lines }
    }

    /// Waits until it ends by itself.
    pub(crate) fn expect_end(mut self) {
        assert!(self.child.wait().unwrap().success());
    }

    /// Lets this time pass, in which it neither tells anything nor ends.
    pub(crate) fn expect_nothing(&self, time: Duration) {
        assert_eq!(self.lines.recv_timeout(time), Err(RecvTimeoutError::Timeout));
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
