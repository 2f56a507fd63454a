//! A process of the benchmark, which tells how long things took.

use std::env;
use std::io::{BufRead, BufReader, Read, Write, stdin};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

/// A process of the benchmark, ended when it is dropped, as whatever it has spawned: that ends with its
/// standard input.
pub(crate) struct Process {
    child: Child,
    input: Option<ChildStdin>,
    lines: BufReader<ChildStdout>,
}

impl Process {
    pub(crate) fn start(words: &[&str]) -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, input, lines }
    }

    /// Has it do once more what it does.
    pub(crate) fn ask(&mut self) {
        self.input.as_mut().unwrap().write_all(&[0]).unwrap();
    }

    /// The time that it tells.
    pub(crate) fn told(&mut self) -> Duration {
        self.told_all().remove(0)
    }

    /// The times of a line.
    pub(crate) fn told_all(&mut self) -> Vec<Duration> {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        let nanoseconds = line.split_whitespace().map(|word| word.parse().unwrap());
        nanoseconds.map(Duration::from_nanos).collect()
    }

    /// Waits for its end.
    pub(crate) fn ended(mut self) {
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Tells a time.
pub(crate) fn tell(took: Duration) {
    tell_all(&[took]);
}

/// Tells several, in one line.
pub(crate) fn tell_all(took: &[Duration]) {
    let words: Vec<String> = took.iter().map(|took| took.as_nanos().to_string()).collect();
    println!("{}", words.join(" "));
}

/// Waits until it is asked again. Tells whether it was; it is to end otherwise.
pub(crate) fn is_asked() -> bool {
    stdin().read_exact(&mut [0]).is_ok()
}
