//! A process that means ill: it connects, and does there what it is told.
//!
//! | order | what it does, so often as told |
//! |---|---|
//! | `flood <n>` | connects and says nothing; lets the connections before go |
//! | `decoy <n>` | does the same to a listener of its own: what that costs is no fault of the service |
//! | `garbage <n>` | says what is no frame |
//! | `descriptors <n>` | sends descriptors |
//! | `guess <n>` | claims to be spawned, with a secret that it makes up |
//! | `claim <secret>` | claims to be spawned |
//! | `squat <n>` | tries to take the address; `squatted` when it has it, and listens there |
//! | `accept` | as a squatter, takes the next visitor and counts what it says |
//! | `listen` | waits until each of its connections has ended, and counts what it was told |
//! | `read <path>` | reads a file |
//!
//! Each is begun with an event `attacking` and ended with `attacked <result>`. `flood`, `garbage` and
//! `descriptors` tell how many connections were made, `squat` the error, `guess` and `claim` the answers.

use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use heirloom_proto::limits::VERSION;
use heirloom_proto::{Hello, Message, Secret};
use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::socket::{
    AddressFamily, Backlog, ControlMessage, MsgFlags, SockFlag, SockType, UnixAddr, accept4, bind,
    connect, listen, recv, sendmsg, socket,
};
use nix::sys::utsname::uname;
use nix::unistd::{Gid, Uid, setgid, setgroups, setuid};

use crate::support::Family;
use crate::support::role::{Role, emit};
use crate::support::sys::wait_readable;

/// Nobody of importance: what most systems call `nobody`.
pub(crate) const FOREIGN: u32 = 65_534;

/// Whether this test can have processes of another user. Says so if not.
pub(crate) fn can_be_foreign() -> bool {
    let can = Uid::effective().is_root();
    if !can {
        eprintln!("SKIPPED: only root can be another user too");
    }
    can
}

/// Starts an attacker: a process of another user, or of this one.
pub(crate) fn start(family: &mut Family, user: Option<u32>) -> u32 {
    let user = user.map(|user| user.to_string()).unwrap_or_default();
    family.set("ROLE", "attack").set("AS", &user);
    let attacker = family.start();
    family.set("ROLE", "serve").unset("AS");
    family.expect(attacker, "armed");
    attacker
}

/// Has an attacker do something, and waits until it is done. Tells what came of it.
pub(crate) fn attack(family: &mut Family, attacker: u32, order: &str) -> String {
    family.tell(attacker, order);
    family.expect(attacker, "attacking");
    family.expect(attacker, "attacked").details
}

/// The role.
pub(crate) fn run(role: &Role) {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, most, most).unwrap();
    if let Some(user) = role.number("AS") {
        setgroups(&[]).unwrap();
        setgid(Gid::from_raw(user)).unwrap();
        setuid(Uid::from_raw(user)).unwrap();
    }
    emit("armed", "");
    let mut attacker = Attacker { target: role.get("HANDOFF").unwrap().into(), held: Vec::new() };
    loop {
        let order = role.next_order();
        emit("attacking", "");
        let (what, rest) = order.split_once(' ').unwrap_or((&order, ""));
        emit("attacked", &attacker.follow(what, rest));
    }
}

struct Attacker {
    target: String,
    /// Connections, and a listener if it has become one.
    held: Vec<OwnedFd>,
}

impl Attacker {
    fn follow(&mut self, what: &str, rest: &str) -> String {
        let times = rest.parse().unwrap_or(1);
        match what {
            "flood" => self.connect_often(times, |_| {}),
            "decoy" => self.connect_to_decoy(times),
            "garbage" => self.connect_often(times, |peer| {
                let _ = send(peer, b"GET / HTTP/1.1\r\n\r\n", &[]);
            }),
            "descriptors" => self.connect_often(times, send_descriptors),
            "guess" => self.claim_often(times, Secret([7; 32])),
            "claim" => self.claim_often(1, secret(rest)),
            "squat" => self.squat(times),
            "accept" => self.accept(),
            "listen" => self.listen(),
            "read" => fs::read(rest).map_or_else(tell, |bytes| format!("{} bytes", bytes.len())),
            other => panic!("unknown order `{other}`"),
        }
    }

    /// Tells how many connections were made, and why no more.
    fn connect_often(&mut self, times: usize, then: impl Fn(&OwnedFd)) -> String {
        self.held.clear();
        for _ in 0..times {
            match self.connect() {
                Ok(peer) => {
                    then(&peer);
                    self.held.push(peer);
                }
                Err(errno) => return format!("{} {errno:?}", self.held.len()),
            }
        }
        self.held.len().to_string()
    }

    /// Has room for all of them, and takes none.
    fn connect_to_decoy(&mut self, times: usize) -> String {
        let (decoy, name) = (new_socket(), format!("@heirloom-decoy-{}", std::process::id()));
        bind(decoy.as_raw_fd(), &to_nix(&name)).unwrap();
        listen(&decoy, Backlog::MAXALLOWABLE).unwrap();
        let target = std::mem::replace(&mut self.target, name);
        let made = self.connect_often(times, |_| {});
        self.target = target;
        made
    }

    fn connect(&self) -> Result<OwnedFd, Errno> {
        let peer = new_socket();
        connect(peer.as_raw_fd(), &to_nix(&self.target)).map(|()| peer)
    }

    /// Tells each sort of answer once.
    fn claim_often(&self, times: usize, secret: Secret) -> String {
        let mut answers: Vec<_> = (0..times).map(|_| self.claim(secret)).collect();
        answers.dedup();
        answers.join(", ")
    }

    fn claim(&self, secret: Secret) -> String {
        let Ok(peer) = self.connect() else {
            return "no connection".into();
        };
        let _ = send(&peer, &Message::Hello(hello(secret)).encode().unwrap(), &[]);
        match hear(&peer) {
            None => "nothing".into(),
            Some(frame) => match Message::decode(&frame).unwrap() {
                Message::Refuse(refuse) => format!("{:?}", refuse.reason),
                other => format!("{other:?}"),
            },
        }
    }

    fn squat(&mut self, times: usize) -> String {
        let squatter = new_socket();
        for _ in 0..times {
            match bind(squatter.as_raw_fd(), &to_nix(&self.target)) {
                Err(errno) if times == 1 => return format!("{errno:?}"),
                Err(_) => {}
                Ok(()) => {
                    listen(&squatter, Backlog::new(8).unwrap()).unwrap();
                    self.held.push(squatter);
                    return "squatted".into();
                }
            }
        }
        "kept out".into()
    }

    /// Tells how many bytes the visitor has said before it closed.
    fn accept(&self) -> String {
        let number = accept4(self.held[0].as_raw_fd(), SockFlag::SOCK_CLOEXEC).unwrap();
        let mut frame = vec![0; 1 << 17];
        recv(number, &mut frame, MsgFlags::empty()).unwrap().to_string()
    }

    /// Tells how many bytes were heard.
    fn listen(&self) -> String {
        let heard = self.held.iter().map(|peer| hear(peer).map_or(0, |frame| frame.len()));
        heard.sum::<usize>().to_string()
    }
}

fn tell(error: io::Error) -> String {
    format!("{:?}", error.kind())
}

fn secret(digits: &str) -> Secret {
    let byte = |index| u8::from_str_radix(&digits[2 * index..2 * index + 2], 16).unwrap();
    Secret(std::array::from_fn(byte))
}

fn hello(secret: Secret) -> Hello {
    Hello {
        lowest: VERSION,
        highest: VERSION,
        features: 0,
        free_slots: 1_000,
        pid: 1,
        service: label(),
        build: String::new(),
        secret: Some(secret),
    }
}

/// The label that a service has by itself: its program's name.
fn label() -> String {
    let program = std::env::current_exe().unwrap();
    program.file_name().unwrap().to_str().unwrap().into()
}

/// Waits for the next frame. `None` when the other end has closed.
fn hear(peer: &OwnedFd) -> Option<Vec<u8>> {
    assert!(wait_readable(peer), "the other end neither speaks nor closes");
    let mut frame = vec![0; 1 << 17];
    match recv(peer.as_raw_fd(), &mut frame, MsgFlags::empty()) {
        Ok(0) | Err(Errno::ECONNRESET) => None,
        length => {
            frame.truncate(length.unwrap());
            Some(frame)
        }
    }
}

/// Sends descriptors, and waits until nobody holds them any more.
fn send_descriptors(peer: &OwnedFd) {
    let (reader, writer) = io::pipe().unwrap();
    let frame = Message::Status.encode().unwrap();
    match send(peer, &frame, &[writer.as_raw_fd(); 250]) {
        Err(Errno::EPERM) => {}
        // The owner may have closed already.
        Err(Errno::EPIPE | Errno::ECONNRESET) => {}
        Ok(_) if !kernel_refuses_descriptors() => {}
        result => panic!("descriptors were sent to the owner: {result:?}"),
    }
    drop(writer);
    assert!(wait_readable(&reader), "descriptors were kept");
}

/// Whether the kernel refuses descriptors on behalf of whoever wants none, as the owner does:
/// `SO_PASSRIGHTS`, Linux 6.16.
fn kernel_refuses_descriptors() -> bool {
    let machine = uname().unwrap();
    let release = machine.release().to_str().unwrap();
    let mut numbers = release.split(['.', '-']).map_while(|number| number.parse::<u32>().ok());
    (numbers.next(), numbers.next()) >= (Some(6), Some(16))
}

fn send(peer: &OwnedFd, frame: &[u8], numbers: &[i32]) -> Result<usize, Errno> {
    let rights = [ControlMessage::ScmRights(numbers)];
    let control = if numbers.is_empty() { &[] } else { &rights[..] };
    let frame = [io::IoSlice::new(frame)];
    sendmsg::<()>(peer.as_fd().as_raw_fd(), &frame, control, MsgFlags::MSG_NOSIGNAL, None)
}

pub(crate) fn new_socket() -> OwnedFd {
    let flags = SockFlag::SOCK_CLOEXEC;
    socket(AddressFamily::Unix, SockType::SeqPacket, flags, None).unwrap()
}

fn to_nix(address: &str) -> UnixAddr {
    match address.strip_prefix('@') {
        Some(name) => UnixAddr::new_abstract(name.as_bytes()).unwrap(),
        None => UnixAddr::new(address).unwrap(),
    }
}
