//! The floor: a process is spawned, the listeners are passed, three bytes are exchanged. Nobody checks
//! anything, and a fault in the middle is nobody's business.

use std::env;
use std::error::Error;
use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::process::{Command, ExitCode};
use std::time::Instant;

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, recvmsg,
    sendmsg, socketpair,
};
use nix::unistd::{read, write};
use service::role::Role;
use service::{leash, tell};
use signal_hook::consts::SIGHUP;
use signal_hook::iterator::Signals;

fn main() -> ExitCode {
    tell::end(run())
}

fn run() -> Result<(), Box<dyn Error>> {
    leash::hold()?;
    let Role::Hold(listeners) = Role::of_this_process()? else {
        return Err("it serves nobody".into());
    };
    let mut hangups = Signals::new([SIGHUP])?;
    let held = match env::var(SOCKET) {
        Ok(number) => inherit(number.parse()?, listeners.count())?,
        Err(_) => listeners.bind()?,
    };
    tell::ready();

    if hangups.forever().next().is_some() {
        let asked = Instant::now();
        upgrade(&held)?;
        tell::upgraded(asked.elapsed());
    }
    Ok(())
}

fn upgrade(held: &[OwnedFd]) -> Result<(), Box<dyn Error>> {
    let (ours, theirs) =
        socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?;
    fcntl(&theirs, FcntlArg::F_SETFD(FdFlag::empty()))?;
    Command::new(env::args().next().ok_or("no program")?)
        .args(env::args().skip(1))
        .env(SOCKET, theirs.as_raw_fd().to_string())
        .spawn()?;
    drop(theirs);
    for batch in held.chunks(BATCH) {
        let numbers: Vec<_> = batch.iter().map(AsRawFd::as_raw_fd).collect();
        let rights = [ControlMessage::ScmRights(&numbers)];
        let byte = [IoSlice::new(&[0])];
        sendmsg::<()>(ours.as_raw_fd(), &byte, &rights, MsgFlags::empty(), None)?;
    }
    hear(&ours)?; // ready
    say(&ours)?; // commit
    hear(&ours)?; // owned
    Ok(())
}

fn inherit(number: RawFd, count: usize) -> Result<Vec<OwnedFd>, Box<dyn Error>> {
    // SAFETY: the predecessor has made it for this process, and named it to nobody else.
    let predecessor = unsafe { owned(number) };
    let mut held = Vec::with_capacity(count);
    while held.len() < count {
        held.extend(receive(&predecessor)?);
    }
    say(&predecessor)?; // ready
    hear(&predecessor)?; // commit
    say(&predecessor)?; // owned
    Ok(held)
}

fn receive(from: &OwnedFd) -> Result<Vec<OwnedFd>, Box<dyn Error>> {
    let mut byte = [0];
    let mut slices = [IoSliceMut::new(&mut byte)];
    let mut space = nix::cmsg_space!([RawFd; BATCH]);
    let flags = MsgFlags::MSG_CMSG_CLOEXEC;
    let message = recvmsg::<()>(from.as_raw_fd(), &mut slices, Some(&mut space), flags)?;
    if message.bytes == 0 {
        return Err("the predecessor is gone".into());
    }
    let numbers = message.cmsgs()?.filter_map(|message| match message {
        ControlMessageOwned::ScmRights(numbers) => Some(numbers),
        _ => None,
    });
    // SAFETY: the kernel has just made them for this process.
    Ok(numbers.flatten().map(|number| unsafe { owned(number) }).collect())
}

/// # Safety
///
/// The descriptor is open and nobody else's.
#[expect(clippy::disallowed_methods, reason = "the floor goes without the library that does it")]
unsafe fn owned(number: RawFd) -> OwnedFd {
    // SAFETY: the caller's promise.
    unsafe { OwnedFd::from_raw_fd(number) }
}

fn say(to: impl AsFd) -> nix::Result<usize> {
    write(to, &[0])
}

fn hear(from: impl AsFd) -> Result<(), Box<dyn Error>> {
    match read(from, &mut [0])? {
        0 => Err("the other process is gone".into()),
        _ => Ok(()),
    }
}

/// Names the descriptor on which a successor is given everything.
const SOCKET: &str = "PEERS_BARE_SOCKET";

/// Descriptors in a message: as many as heirloom sends. Linux takes 253 (`SCM_MAX_FD`).
const BATCH: usize = 250;
