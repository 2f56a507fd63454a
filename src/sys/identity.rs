//! How the kernel knows a descriptor.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use heirloom_proto::{FileId, Identity, Socket};
use nix::libc;
use nix::sys::stat::{FileStat, fstat};
use socket2::SockRef;

/// What the kernel tells of a descriptor: see `socket(7)` and `fstat(2)`.
pub(crate) fn identity(descriptor: BorrowedFd<'_>) -> io::Result<Identity> {
    match socket(descriptor) {
        Err(error) if error.raw_os_error() == Some(libc::ENOTSOCK) => file(descriptor),
        identity => identity,
    }
}

/// What a socket is, and whether it listens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SocketType {
    /// `AF_...`: see `socket(2)`.
    pub(crate) domain: libc::c_int,
    /// `SOCK_...`.
    pub(crate) kind: libc::c_int,
    pub(crate) listening: bool,
}

impl SocketType {
    /// What the kernel tells of a descriptor; `None` if it is no socket.
    pub(crate) fn of(descriptor: BorrowedFd<'_>) -> io::Result<Option<Self>> {
        let domain = match integer(descriptor, libc::SO_DOMAIN) {
            Err(error) if error.raw_os_error() == Some(libc::ENOTSOCK) => return Ok(None),
            domain => domain?,
        };
        let kind = integer(descriptor, libc::SO_TYPE)?;
        let listening = integer(descriptor, libc::SO_ACCEPTCONN)? != 0;
        Ok(Some(Self { domain, kind, listening }))
    }
}

/// Whether a descriptor is the very socket or file that was identified elsewhere: the kernel gives no two
/// of them one number. One system call, where [`identity`] takes six for a socket.
pub(crate) fn is_numbered(identified: &Identity, descriptor: BorrowedFd<'_>) -> io::Result<bool> {
    match identified {
        Identity::Socket(socket) => Ok(cookie(descriptor)? == socket.cookie),
        Identity::File(_) => Ok(file(descriptor)? == *identified),
    }
}

fn socket(descriptor: BorrowedFd<'_>) -> io::Result<Identity> {
    Ok(Identity::Socket(Socket {
        domain: integer(descriptor, libc::SO_DOMAIN)?,
        kind: integer(descriptor, libc::SO_TYPE)?,
        protocol: integer(descriptor, libc::SO_PROTOCOL)?,
        listening: integer(descriptor, libc::SO_ACCEPTCONN)? != 0,
        local: local_address(descriptor)?.try_into().map_err(io::Error::other)?,
        cookie: cookie(descriptor)?,
    }))
}

/// The number of a socket, which no other has until the machine starts again: see `SO_COOKIE`, Linux 4.6.
fn cookie(descriptor: BorrowedFd<'_>) -> io::Result<u64> {
    option(descriptor, libc::SO_COOKIE).map(u64::from_ne_bytes)
}

fn file(descriptor: BorrowedFd<'_>) -> io::Result<Identity> {
    Ok(Identity::File(file_id(&fstat(descriptor)?)))
}

/// Device and inode number of a file that was looked up.
pub(crate) fn file_id(stat: &FileStat) -> FileId {
    FileId { device: stat.st_dev, inode: stat.st_ino }
}

/// Turns an option on or off on the socket alone, if the kernel knows it. See `unix(7)`.
pub(crate) fn refuse_descriptors(socket: BorrowedFd<'_>) {
    /// `SO_PASSRIGHTS`, Linux 6.16.
    const SO_PASSRIGHTS: libc::c_int = 83;
    let off: libc::c_int = 0;
    let length = size_of::<libc::c_int>() as libc::socklen_t;
    let value = (&raw const off).cast();
    // SAFETY: `value` points to a live integer of `length` bytes. A kernel that does not know the
    // option changes nothing; nothing here depends on it.
    unsafe { libc::setsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, SO_PASSRIGHTS, value, length) };
}

/// The bytes of an option of a socket.
fn option<const N: usize>(socket: BorrowedFd<'_>, name: libc::c_int) -> io::Result<[u8; N]> {
    let mut value = [0; N];
    let mut length = libc::socklen_t::try_from(N).map_err(io::Error::other)?;
    let pointer = value.as_mut_ptr().cast();
    // SAFETY: `pointer` and `length` describe live bytes, which may hold anything.
    match unsafe {
        libc::getsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, name, pointer, &raw mut length)
    } {
        0 => Ok(value),
        _ => Err(io::Error::last_os_error()),
    }
}

/// An integer option of a socket.
fn integer(socket: BorrowedFd<'_>, name: libc::c_int) -> io::Result<libc::c_int> {
    option(socket, name).map(libc::c_int::from_ne_bytes)
}

/// The bytes of the address that a socket is bound to.
fn local_address(socket: BorrowedFd<'_>) -> io::Result<Vec<u8>> {
    let address = SockRef::from(&socket).local_addr()?;
    // SAFETY: `socket2` keeps `len()` initialised bytes behind `as_ptr()` as long as `address` lives.
    let bytes = unsafe {
        std::slice::from_raw_parts(address.as_ptr().cast::<u8>(), address.len() as usize)
    };
    Ok(bytes.to_vec())
}
