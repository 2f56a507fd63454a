//! The role of a real process: a service with something of every sort to hand over.
//!
//! | setting | |
//! |---|---|
//! | the library's, `DRAIN`, `PROGRESS` | as of [`serve`](crate::support::serve) |
//! | `PREPARE` | `manual`: ready only when told |
//! | `UNIX`, `FILE` | address of the Unix listener, path of the file |
//! | `MANY` | how many descriptors more a first generation has |
//! | `MODE` | `blocking`: what its listeners are |
//! | `LEAVE` | `unix`: what is not claimed |
//! | `STATE`, `WORDS` | as of [`keep`](crate::keep) |
//!
//! Events beside those of `serve`: `bound <service> <holding>`, `holds`, `kept`, `read <name> <text>`,
//! `greeted`. Orders beside those: `keep` (accepts a client and reads nothing of it), `list` (writes
//! what it holds into the family's folder), `read` (from the connection and the file), `answer
//! <text>` (to the connection), `greet` (accepts a client of the Unix listener and answers it).

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::linux::fs::MetadataExt;
use std::os::unix::net::UnixListener;
use std::thread::{self, JoinHandle};

use heirloom::{Error, Exit, Fds, Kind, Upgrader};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use socket2::SockRef;

use crate::keep::Kept;
use crate::support::role::{Role, emit, emit_failed};
use crate::support::serve::{answer, ready, upgrade, watch_exit};
use crate::support::sys::wait_readable;

/// How much of the file a first generation reads, and how much is read when it is told.
pub(crate) const READ: usize = 4;

pub(crate) fn run(role: &Role) {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
    let Some(upgrader) = role.start() else {
        return;
    };
    match Estate::take(role, &upgrader) {
        Ok(estate) => {
            estate.follow_orders();
            drop(upgrader);
            emit("gone", "");
        }
        // What was inherited is gone as soon as the handoff has failed: `ready` tells why.
        Err(error) => emit_failed("ready", &upgrader.ready().err().unwrap_or(error)),
    }
}

struct Estate<'a> {
    role: &'a Role,
    upgrader: &'a Upgrader,
    /// Everything that is handed over, by name.
    held: BTreeMap<String, OwnedFd>,
    kept: Kept,
    threads: Vec<JoinHandle<()>>,
}

impl<'a> Estate<'a> {
    fn take(role: &'a Role, upgrader: &'a Upgrader) -> Result<Self, Error> {
        let (fds, mut held) = (upgrader.fds(), BTreeMap::new());
        let listeners = if role.is("MODE", "blocking") { fds.clone() } else { fds.nonblocking() };
        let mut bound = Vec::new();
        for name in ["service", "holding"] {
            let listener: TcpListener = listeners.bind_as(name, "127.0.0.1:0")?;
            bound.push(listener.local_addr().unwrap().to_string());
            held.insert(name.into(), listener.into());
        }
        if !role.is("LEAVE", "unix") {
            let unix: UnixListener = listeners.bind(role.get("UNIX").unwrap())?;
            held.insert("unix".into(), unix.into());
        }
        let fds = upgrader.fds();
        held.insert("file".into(), take_file(role, &fds)?.into());
        // A connection that was claimed is handed on only if it is added again.
        if let Some(kept) = fds.claim::<TcpStream>("kept")? {
            fds.add("kept", &kept)?.keep();
            held.insert("kept".into(), kept.into());
        }
        if upgrader.predecessor().is_none() {
            make_many(role, &fds, &mut held)?;
        }
        take_many(&fds, &mut held)?;
        let kept = Kept::take(role, upgrader)?;
        emit("bound", &bound.join(" "));
        watch_exit(role, upgrader.exit());
        if let Some(text) = role.get("PROGRESS") {
            upgrader.progress(text);
        }
        emit("prepared", "");
        let threads = match role.is("PREPARE", "manual") {
            true => Vec::new(),
            false => vec![ready(role, upgrader)],
        };
        Ok(Self { role, upgrader, held, kept, threads })
    }

    fn follow_orders(mut self) {
        while self.follow(&self.role.next_order()) {}
        self.threads.into_iter().for_each(|thread| thread.join().unwrap());
        emit("drained", "");
    }

    /// Does what an order says. Tells whether there is more to do.
    fn follow(&mut self, order: &str) -> bool {
        match order.split_once(' ').unwrap_or((order, "")) {
            ("ready", _) => self.threads.push(ready(self.role, self.upgrader)),
            ("owned", _) => self.open(),
            ("upgrade", _) => self.threads.push(upgrade(self.upgrader)),
            ("progress", text) => self.upgrader.progress(text),
            ("keep", _) => self.keep(),
            ("list", _) => self.list(),
            ("read", _) => self.read(),
            ("answer", text) => self.kept().write_all(text.as_bytes()).unwrap(),
            ("greet", _) => self.greet(),
            ("exit-fired", _) => {
                emit("exit", "");
                return self.role.is("DRAIN", "manual");
            }
            ("drain" | "end", _) => return false,
            (other, _) => panic!("unknown order `{other}`"),
        }
        true
    }

    /// Serves from now on.
    fn open(&mut self) {
        self.kept.hear();
        let (exit, generation) = (self.upgrader.exit(), self.upgrader.generation());
        let listener = TcpListener::from(self.copy("service"));
        self.threads.push(thread::spawn(move || serve_until(&listener, &exit, generation)));
        emit("ready", "");
    }

    fn keep(&mut self) {
        let holding = TcpListener::from(self.copy("holding"));
        assert!(wait_readable(&holding), "nobody to keep");
        let (client, _) = holding.accept().unwrap();
        self.upgrader.fds().add("kept", &client).unwrap().keep();
        self.held.insert("kept".into(), client.into());
        emit("kept", "");
    }

    /// Writes a line for each: its name, what the kernel knows it by, where its number leads to.
    fn list(&self) {
        let line = |(name, descriptor): (&String, &OwnedFd)| {
            let link = format!("/proc/self/fd/{}", descriptor.as_raw_fd());
            let link = fs::read_link(link).unwrap();
            format!("{name}\t{}\t{}\n", identity(descriptor), link.display())
        };
        let lines: String = self.held.iter().map(line).collect();
        fs::write(self.role.path(&format!("holds.{}", std::process::id())), lines).unwrap();
        emit("holds", &self.held.len().to_string());
    }

    fn read(&self) {
        let mut buffer = [0; 4_096];
        let length = self.kept().read(&mut buffer).unwrap();
        emit("read", &format!("kept {}", String::from_utf8_lossy(&buffer[..length])));
        File::from(self.copy("file")).read_exact(&mut buffer[..READ]).unwrap();
        emit("read", &format!("file {}", String::from_utf8_lossy(&buffer[..READ])));
    }

    fn greet(&self) {
        let (mut client, _) = UnixListener::from(self.copy("unix")).accept().unwrap();
        let line = format!("{} {}\n", std::process::id(), self.upgrader.generation());
        client.write_all(line.as_bytes()).unwrap();
        emit("greeted", "");
    }

    fn kept(&self) -> TcpStream {
        self.copy("kept").into()
    }

    fn copy(&self, name: &str) -> OwnedFd {
        self.held[name].try_clone().unwrap()
    }
}

fn take_file(role: &Role, fds: &Fds) -> Result<File, Error> {
    if let Some(file) = fds.claim("file")? {
        return Ok(file);
    }
    let mut file = File::open(role.get("FILE").unwrap()).unwrap();
    file.read_exact(&mut [0; READ]).unwrap();
    fds.add("file", &file)?.keep();
    Ok(file)
}

/// Registers as many descriptors as it is told, no two of them the same thing.
fn make_many(role: &Role, fds: &Fds, held: &mut BTreeMap<String, OwnedFd>) -> Result<(), Error> {
    let many = role.path(&format!("many.{}", std::process::id()));
    fs::create_dir(&many).unwrap();
    for number in 0..role.number("MANY").unwrap_or(0) {
        let name = format!("many {number}");
        let made: OwnedFd = if number % 2 == 0 {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            fds.add(&name, &socket)?.keep();
            socket.into()
        } else {
            let file = File::create(many.join(&name)).unwrap();
            fds.add(&name, &file)?.keep();
            file.into()
        };
        held.insert(name, made);
    }
    // The descriptors are all that is left of the files.
    fs::remove_dir_all(many).unwrap();
    Ok(())
}

fn take_many(fds: &Fds, held: &mut BTreeMap<String, OwnedFd>) -> Result<(), Error> {
    for entry in fds.inherited().filter(|entry| entry.name.starts_with("many ")) {
        let claimed = match entry.kind {
            Kind::UdpSocket => fds.claim::<UdpSocket>(&entry.name)?.map(OwnedFd::from),
            Kind::File => fds.claim::<File>(&entry.name)?.map(OwnedFd::from),
            other => panic!("{} is a {other}", entry.name),
        };
        if let Some(claimed) = claimed {
            held.insert(entry.name, claimed);
        }
    }
    Ok(())
}

/// A socket's cookie, or device and inode.
fn identity(descriptor: &impl AsFd) -> String {
    match SockRef::from(descriptor).cookie() {
        Ok(cookie) => format!("cookie:{cookie}"),
        Err(_) => {
            let number = descriptor.as_fd().as_raw_fd();
            let found = fs::metadata(format!("/proc/self/fd/{number}")).unwrap();
            format!("file:{}:{}", found.st_dev(), found.st_ino())
        }
    }
}

/// Answers every line of every connection until this process is to end; then what has begun. The
/// listener may be in either mode: what is accepted was there.
fn serve_until(listener: &TcpListener, exit: &Exit, generation: u64) {
    let mut connections: Vec<JoinHandle<()>> = Vec::new();
    while !exit.is_fired() {
        let watch = |descriptor| PollFd::new(descriptor, PollFlags::POLLIN);
        let mut polled = [watch(listener.as_fd()), watch(exit.as_fd())];
        match poll(&mut polled, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => panic!("{errno}"),
        }
        let waiting = polled[0].any() == Some(true) && !exit.is_fired();
        if waiting && let Ok((client, _)) = listener.accept() {
            connections.push(thread::spawn(move || answer(&client, generation)));
        }
        connections.retain(|connection| !connection.is_finished());
    }
    connections.into_iter().for_each(|connection| connection.join().unwrap());
}
