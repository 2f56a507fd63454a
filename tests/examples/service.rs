//! An example that runs: its processes, and what they tell on standard error.

use std::env;
use std::io::{self, BufRead, BufReader, PipeWriter};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;
use serde_json::Value;

use super::support::{DEADLINE, Way, sys};

/// An example that runs. Dropping it kills all its processes.
pub(crate) struct Service {
    program: PathBuf,
    arguments: Vec<String>,
    /// Leads the process group that all of them are in, and kills it when this process ends, however.
    leash: Child,
    errors: PipeWriter,
    lines: Receiver<String>,
    /// The processes that run, oldest first.
    running: Vec<u32>,
    generation: u64,
    pub(crate) address: SocketAddr,
}

impl Service {
    /// Starts generation 1 on a free port. It is called with an address, a handoff socket that nobody
    /// else has, and `more`.
    pub(crate) fn start(example: &str, more: &[&str]) -> Self {
        sys::adopt_orphans();
        let leash = Command::new("sh")
            .args(["-c", "read -r never; kill -KILL 0"])
            .process_group(0)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let handoff_socket = format!("@heirloom-{example}-{}", leash.id());
        let arguments = ["127.0.0.1:0", &handoff_socket].into_iter().chain(more.iter().copied());
        let (errors, writer) = io::pipe().unwrap();
        let (sender, lines) = channel();
        thread::spawn(move || read_lines(errors, &sender));
        let mut service = Self {
            program: build(example),
            arguments: arguments.map(str::to_owned).collect(),
            leash,
            errors: writer,
            lines,
            running: Vec::new(),
            generation: 0,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
        };
        service.spawn();
        service.address = service.expect_next_generation();
        service
    }

    /// Has the next generation take over, and waits until it owns the service.
    pub(crate) fn upgrade(&mut self, way: Way) {
        match way {
            Way::Spawned => kill(pid(*self.running.last().unwrap()), Signal::SIGHUP).unwrap(),
            Way::External => self.spawn(),
        }
        assert_eq!(self.expect_next_generation(), self.address);
    }

    /// As a deploy script does it.
    #[cfg(feature = "cli")]
    pub(crate) fn launch(&mut self) {
        let mut launch = Command::new(env!("CARGO_BIN_EXE_heirloom"));
        launch.args(["launch", &self.arguments[1], "--"]).arg(&self.program).args(&self.arguments);
        launch.stdin(Stdio::null()).stdout(Stdio::null()).stderr(self.errors.try_clone().unwrap());
        let mut launched = launch.spawn().unwrap();
        assert_eq!(launched.wait().unwrap().code(), Some(0));
        assert_eq!(self.expect_next_generation(), self.address);
    }

    /// Waits until no process but the owner is left, and all the others have ended well.
    pub(crate) fn expect_drained(&mut self) {
        while self.running.len() > 1 {
            // The eldest first: who was spawned is this process's child once its parent has ended.
            let eldest = self.running.remove(0);
            assert!(sys::wait_for_end(eldest), "process {eldest} has not ended in time");
            assert_eq!(waitpid(pid(eldest), None), Ok(WaitStatus::Exited(pid(eldest), 0)));
        }
    }

    fn spawn(&self) {
        let child = Command::new(&self.program)
            .args(&self.arguments)
            .env_remove("HEIRLOOM_SOCKET")
            .env_remove("HEIRLOOM_SECRET")
            .process_group(self.leash.id().cast_signed())
            .stdin(Stdio::null())
            .stderr(self.errors.try_clone().unwrap())
            .spawn();
        // Waited for like those that this process has not spawned: see `expect_drained`.
        drop(child.unwrap());
    }

    /// Waits until it has told `process <pid> is generation <number> on <address>`.
    fn expect_next_generation(&mut self) -> SocketAddr {
        self.generation += 1;
        let told = self.expect(&format!("is generation {} on", self.generation));
        let words: Vec<&str> = told.split(' ').collect();
        self.running.push(words[1].parse().unwrap());
        words.last().unwrap().parse().unwrap()
    }

    /// Waits for a line that has this in it.
    fn expect(&self, text: &str) -> String {
        let mut told = Vec::new();
        loop {
            match self.lines.recv_timeout(DEADLINE) {
                Ok(line) if line.contains(text) => return line,
                Ok(line) => told.push(line),
                Err(error) => panic!("{error}: nobody tells `{text}`, but {told:#?}"),
            }
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if thread::panicking() {
            self.lines.try_iter().for_each(|line| eprintln!("the example tells: {line}"));
        }
        // Neither has been waited for, so their numbers are nobody else's. What was launched has a group of
        // its own.
        for one in &self.running {
            let _ = kill(pid(*one), Signal::SIGKILL);
        }
        let _ = killpg(pid(self.leash.id()), Signal::SIGKILL);
        sys::reap(self.leash.id());
    }
}

/// Builds an example; tells where its binary is.
fn build(example: &str) -> PathBuf {
    let output = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--all-features", "--message-format", "json-render-diagnostics"])
        .args(["--example", example])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    let told = String::from_utf8(output.stdout).unwrap();
    let mut built = told.lines().filter_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        let is_meant = message["target"]["name"] == example;
        message["executable"].as_str().filter(|_| is_meant).map(PathBuf::from)
    });
    built.next().unwrap_or_else(|| panic!("{example} was not built: {errors}"))
}

fn read_lines(from: impl io::Read, to: &Sender<String>) {
    for line in BufReader::new(from).lines().map_while(Result::ok) {
        let _ = to.send(line);
    }
}

fn pid(number: u32) -> Pid {
    Pid::from_raw(number.cast_signed())
}
