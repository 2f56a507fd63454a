//! From `connect` to `owned`, beside the bare passing of the same descriptors in the same batches.
//!
//! Every round is a process of its own, which connects to the one before it, receives, and tells
//! how long that took. What it has opened and closed otherwise is off the clock.
//!
//! The library that is measured has fault points, and so has that of the examples: the tests of this
//! package need them, and cargo builds it once for all. Nobody listens to them here. Each is then a call,
//! a look at one atomic number and a comparison, under 10 ns as measured in a loop; there are some 60 in a
//! handoff, on both sides together, which takes a thousand times as long.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a benchmark fails loudly, and owns the descriptors that its floor receives"
)]

use std::env;
use std::fs::File;
use std::io::{BufRead, BufReader, IoSliceMut};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion};
use heirloom::{Strays, Takeover, Upgrader};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::socket::{
    AddressFamily, Backlog, ControlMessageOwned, MsgFlags, SockFlag, SockType, UnixAddr, accept4,
    bind, connect, listen, recvmsg, socket,
};
use sendfd::SendWithFd;

const COUNTS: [usize; 4] = [1, 100, 1_000, 10_000];
const BATCH: usize = 250;

/// What a process of the benchmark is to do: `owner`, `successor` or `receiver`.
const ROLE: &str = "HEIRLOOM_BENCH_ROLE";
const NAME: &str = "HEIRLOOM_BENCH_NAME";
const COUNT: &str = "HEIRLOOM_BENCH_COUNT";

fn main() {
    raise_limit();
    let setting = |name| env::var(name).unwrap_or_default();
    match setting(ROLE).as_str() {
        "owner" => own(&setting(NAME), setting(COUNT).parse().unwrap()),
        "successor" => succeed(&setting(NAME)),
        "receiver" => receive_all(&setting(NAME), setting(COUNT).parse().unwrap()),
        _ => {
            let mut criterion = Criterion::default().configure_from_args();
            compare(&mut criterion);
            criterion.final_summary();
        }
    }
}

fn compare(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("handoff");
    group.sample_size(20);
    for count in COUNTS {
        let name = format!("heirloom-bench-{}-{count}", std::process::id());
        group.bench_function(BenchmarkId::new("floor", count), |bencher| {
            let sender = Sender::new(&format!("{name}-floor"), count);
            bencher.iter_custom(|rounds| (0..rounds).map(|_| sender.pass()).sum());
        });
        group.bench_function(BenchmarkId::new("connect to owned", count), |bencher| {
            let mut owner = Process::start("owner", &name, count);
            owner.told();
            bencher.iter_custom(|rounds| {
                let round = |_| {
                    let mut successor = Process::start("successor", &name, count);
                    let took = successor.told();
                    owner = successor_of(&mut owner, successor);
                    took
                };
                (0..rounds).map(round).sum()
            });
        });
    }
    group.finish();
}

/// Waits for the old owner, which ends by itself.
fn successor_of(owner: &mut Process, successor: Process) -> Process {
    owner.child.wait().unwrap();
    successor
}

/// A process of the benchmark, ended when it is dropped.
struct Process {
    child: Child,
    lines: BufReader<std::process::ChildStdout>,
}

impl Process {
    fn start(role: &str, name: &str, count: usize) -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .env(ROLE, role)
            .env(NAME, name)
            .env(COUNT, count.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    /// The nanoseconds that it tells.
    fn told(&mut self) -> Duration {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        Duration::from_nanos(line.trim().parse().unwrap())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The first generation, which opens what is passed on from then on.
fn own(name: &str, count: usize) {
    let upgrader = generation(name, Takeover::Never);
    let file = File::open("/dev/null").unwrap();
    for number in 0..count {
        upgrader.fds().add(&format!("file {number}"), &file).unwrap().keep();
    }
    upgrader.ready().unwrap();
    println!("0");
    upgrader.exit().wait();
}

fn succeed(name: &str) {
    let began = Instant::now();
    let upgrader = generation(name, Takeover::Require);
    upgrader.ready().unwrap();
    println!("{}", began.elapsed().as_nanos());
    upgrader.exit().wait();
}

fn generation(name: &str, takeover: Takeover) -> Upgrader {
    Upgrader::builder()
        .handoff_socket(format!("@{name}"))
        .takeover(takeover)
        .strays(Strays::Keep)
        .start()
        .unwrap()
}

/// The least that has to be done: the descriptors are sent and received.
struct Sender {
    name: String,
    count: usize,
    listener: OwnedFd,
    file: File,
}

impl Sender {
    fn new(name: &str, count: usize) -> Self {
        let listener = unix_socket();
        let address = UnixAddr::new_abstract(name.as_bytes()).unwrap();
        bind(listener.as_raw_fd(), &address).unwrap();
        listen(&listener, Backlog::new(1).unwrap()).unwrap();
        let file = File::open("/dev/null").unwrap();
        Self { name: name.into(), count, listener, file }
    }

    fn pass(&self) -> Duration {
        let mut receiver = Process::start("receiver", &self.name, self.count);
        let accepted = accept4(self.listener.as_raw_fd(), SockFlag::SOCK_CLOEXEC).unwrap();
        // SAFETY: the kernel has just made this descriptor for this process.
        let connection = UnixStream::from(unsafe { OwnedFd::from_raw_fd(accepted) });
        let mut left = self.count;
        while left > 0 {
            let batch = left.min(BATCH);
            connection.send_with_fd(&[0], &vec![self.file.as_raw_fd(); batch]).unwrap();
            left -= batch;
        }
        receiver.told()
    }
}

fn receive_all(name: &str, count: usize) {
    let began = Instant::now();
    let receiver = unix_socket();
    let address = UnixAddr::new_abstract(name.as_bytes()).unwrap();
    connect(receiver.as_raw_fd(), &address).unwrap();
    let received = receive_bare(&receiver, count);
    let took = began.elapsed();
    assert_eq!(received.len(), count);
    println!("{}", took.as_nanos());
}

fn unix_socket() -> OwnedFd {
    socket(AddressFamily::Unix, SockType::SeqPacket, SockFlag::SOCK_CLOEXEC, None).unwrap()
}

/// Every process of the benchmark needs room for the largest count and its own.
fn raise_limit() {
    const WANTED: u64 = 11_000;
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard.min(WANTED), hard).unwrap();
}

fn receive_bare(receiver: &OwnedFd, count: usize) -> Vec<OwnedFd> {
    let mut received = Vec::new();
    let mut control = nix::cmsg_space!([RawFd; BATCH]);
    while received.len() < count {
        let mut byte = [0; 1];
        let mut slices = [IoSliceMut::new(&mut byte)];
        let flags = MsgFlags::MSG_CMSG_CLOEXEC;
        let message =
            recvmsg::<()>(receiver.as_raw_fd(), &mut slices, Some(&mut control), flags).unwrap();
        for control in message.cmsgs().unwrap() {
            if let ControlMessageOwned::ScmRights(numbers) = control {
                // SAFETY: the kernel has just installed these descriptors for this process.
                let owned = |number| unsafe { OwnedFd::from_raw_fd(number) };
                received.extend(numbers.into_iter().map(owned));
            }
        }
    }
    received
}
