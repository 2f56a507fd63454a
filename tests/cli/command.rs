//! One run of the binary.

use std::io::{BufRead, BufReader, Read, Write, pipe};
use std::iter;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;

use heirloom::Phase;
use heirloom::tool::Tool;
use serde_json::Value;

use super::support::family::ROLE;
use super::support::{DEADLINE, Family, sys, wait_until};

/// How a run has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) output: String,
    pub(crate) errors: String,
}

impl Ended {
    /// Its output as JSON, one object a line.
    pub(crate) fn objects(&self) -> Vec<Value> {
        self.output.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Checks the code; tells what was said.
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        self
    }
}

/// A command of the binary.
pub(crate) fn heirloom(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_heirloom"));
    command.args(arguments).stdin(Stdio::null()).env_remove("NO_COLOR");
    command
}

/// Runs the binary to its end.
pub(crate) fn run(arguments: &[&str]) -> Ended {
    let output = heirloom(arguments).output().unwrap();
    Ended {
        code: output.status.code().unwrap(),
        output: String::from_utf8(output.stdout).unwrap(),
        errors: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Waits until the service's owner is in no handoff.
pub(crate) fn wait_until_serving(family: &Family) {
    let socket = family.setting("HANDOFF");
    let status = || Tool::connect(socket).and_then(|mut tool| tool.status()).unwrap();
    wait_until(|| status().phase == Phase::Serving, || format!("{:?}", status()));
}

/// A run that goes on. Dropping it ends it, and the role that it has started.
pub(crate) struct Running {
    child: Child,
    /// Never written to: a role ends with it.
    _input: ChildStdin,
    lines: Receiver<String>,
    seen: Vec<String>,
    errors: Receiver<String>,
}

impl Running {
    /// Starts the binary. What a role that it starts tells goes to `family`.
    pub(crate) fn start(family: &Family, arguments: &[&str]) -> Self {
        let (output, writer) = pipe().unwrap();
        let mut command = heirloom(arguments);
        command.envs(family.role()).stdin(Stdio::piped()).stdout(writer);
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        drop(command); // and its end of the pipe
        let errors = sort(family, child.stderr.take().unwrap());
        let lines = sort(family, output);
        let input = child.stdin.take().unwrap();
        Self { child, _input: input, lines, seen: Vec::new(), errors }
    }

    /// Starts a successor of the family's service by `launch`.
    pub(crate) fn launch(family: &Family, options: &[&str]) -> Self {
        let program = std::env::current_exe().unwrap();
        let program = [program.to_str().unwrap()];
        let start = ["launch", family.setting("HANDOFF")];
        let words = [&start, options, &["--"], &program, &ROLE].concat();
        Self::start(family, &words)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a line with this text in it.
    pub(crate) fn expect_line(&mut self, text: &str) -> String {
        loop {
            match self.lines.recv_timeout(DEADLINE) {
                Ok(line) => {
                    self.seen.push(line.clone());
                    if line.contains(text) {
                        return line;
                    }
                }
                Err(_) => panic!("no `{text}` after {:#?}", self.seen),
            }
        }
    }

    /// Waits for a line on its standard error with this text in it.
    pub(crate) fn expect_error(&self, text: &str) -> String {
        let mut lines = iter::from_fn(|| self.errors.recv_timeout(DEADLINE).ok());
        lines.find(|line| line.contains(text)).unwrap_or_else(|| panic!("no `{text}`"))
    }

    /// Waits for its end. The role that it has started may go on.
    pub(crate) fn expect_code(&mut self, code: i32) {
        let status = wait(&mut self.child);
        assert_eq!(status.code(), Some(code), "{status} after {:#?}", self.seen);
    }

    /// Waits for its end and that of whatever it has started.
    pub(crate) fn end_of_all(mut self) -> Ended {
        let code = wait(&mut self.child).code().unwrap_or(-1);
        self.seen.extend(until_end(&self.lines));
        let errors: Vec<_> = until_end(&self.errors).collect();
        Ended { code, output: self.seen.join("\n"), errors: errors.join("\n") }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for the end of a run.
pub(crate) fn wait(child: &mut Child) -> ExitStatus {
    assert!(sys::wait_for_end(child.id()), "process {} has not ended", child.id());
    child.wait().unwrap()
}

/// Every line up to the end, which comes when nobody is left who could write one.
fn until_end(lines: &Receiver<String>) -> impl Iterator<Item = String> {
    iter::from_fn(|| match lines.recv_timeout(DEADLINE) {
        Ok(line) => Some(line),
        Err(RecvTimeoutError::Disconnected) => None,
        Err(RecvTimeoutError::Timeout) => panic!("whoever was started has not ended"),
    })
}

/// Lines of roles go to the family, all others are the binary's own.
fn sort(family: &Family, output: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = channel();
    let (roles, mut writer) = pipe().unwrap();
    family.hear(roles);
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            // Whoever listens to one of them may have gone before the other.
            match line.contains("event: ") {
                true => drop(writeln!(writer, "{line}")),
                false => drop(sender.send(line)),
            }
        }
    });
    lines
}
