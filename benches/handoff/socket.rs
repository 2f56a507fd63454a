//! A sequential-packet socket, as bare as it comes.

use std::io::{self, IoSliceMut};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;

use nix::sys::socket::{
    AddressFamily, Backlog, ControlMessageOwned, MsgFlags, SockFlag, SockType, UnixAddr, accept4,
    bind, connect, listen, recvmsg, socket,
};

/// Descriptors in one message, as heirloom sends them.
pub(crate) const BATCH: usize = 250;

pub(crate) fn listen_on(name: &str) -> io::Result<OwnedFd> {
    let listener = new()?;
    bind(listener.as_raw_fd(), &address(name)?)?;
    listen(&listener, Backlog::new(1)?)?;
    Ok(listener)
}

/// Accepts one connection. The standard library's type may hold a sequential-packet socket too.
pub(crate) fn accept(listener: &OwnedFd) -> io::Result<UnixStream> {
    let number = accept4(listener.as_raw_fd(), SockFlag::SOCK_CLOEXEC)?;
    // SAFETY: the kernel has just made this descriptor for this process.
    Ok(UnixStream::from(unsafe { OwnedFd::from_raw_fd(number) }))
}

pub(crate) fn connect_to(name: &str) -> io::Result<UnixStream> {
    let socket = new()?;
    connect(socket.as_raw_fd(), &address(name)?)?;
    Ok(UnixStream::from(socket))
}

/// Receives so many descriptors, in messages of one byte.
pub(crate) fn receive_descriptors(socket: &UnixStream, count: usize) -> io::Result<Vec<OwnedFd>> {
    let mut received = Vec::with_capacity(count);
    let mut control = nix::cmsg_space!([RawFd; BATCH]);
    while received.len() < count {
        let mut byte = [0; 1];
        let mut slices = [IoSliceMut::new(&mut byte)];
        let flags = MsgFlags::MSG_CMSG_CLOEXEC;
        let message = recvmsg::<()>(socket.as_raw_fd(), &mut slices, Some(&mut control), flags)?;
        for control in message.cmsgs()? {
            if let ControlMessageOwned::ScmRights(numbers) = control {
                // SAFETY: the kernel has just installed these descriptors for this process.
                let owned = |number| unsafe { OwnedFd::from_raw_fd(number) };
                received.extend(numbers.into_iter().map(owned));
            }
        }
    }
    Ok(received)
}

fn new() -> io::Result<OwnedFd> {
    Ok(socket(AddressFamily::Unix, SockType::SeqPacket, SockFlag::SOCK_CLOEXEC, None)?)
}

fn address(name: &str) -> io::Result<UnixAddr> {
    Ok(UnixAddr::new_abstract(name.as_bytes())?)
}
