//! A process that cannot be mistaken for another: see `pidfd_open(2)`.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{MsgFlags, UnixCredentials, getsockopt, recv, sockopt::PeerCredentials};

/// `SO_PEERPIDFD`, Linux 6.5.
const SO_PEERPIDFD: libc::c_int = 77;

/// Becomes readable when the process has ended.
#[derive(Debug)]
pub(crate) struct PidFd(OwnedFd);

impl PidFd {
    /// The process at the other end of a connected Unix socket, and what the kernel recorded of it
    /// when the connection was made (or, for a listener, when it began to listen).
    pub(crate) fn of_peer(socket: BorrowedFd<'_>) -> io::Result<(Self, UnixCredentials)> {
        let credentials = peer_credentials(socket)?;
        Ok((Self::of_known_peer(socket, &credentials)?, credentials))
    }

    /// As [`of_peer`](Self::of_peer), where the kernel was asked for the other half already.
    pub(crate) fn of_known_peer(
        socket: BorrowedFd<'_>,
        credentials: &UnixCredentials,
    ) -> io::Result<Self> {
        match peer_pidfd(socket) {
            Err(error) if error.raw_os_error() == Some(libc::ENOPROTOOPT) => {
                let process = Self::open(credentials.pid())?;
                // A peer that is still there has not given its process id to another.
                match has_closed(socket)? {
                    true => Err(io::ErrorKind::NotConnected.into()),
                    false => Ok(process),
                }
            }
            pidfd => pidfd,
        }
    }

    /// A child of this process that has not been waited for, or any process whose id is known to
    /// be still in use.
    pub(crate) fn open(pid: libc::pid_t) -> io::Result<Self> {
        // SAFETY: pidfd_open takes integers and returns a new descriptor or -1.
        let number = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
        let number = RawFd::try_from(number).unwrap_or(-1);
        if number < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel has just made this descriptor (close-on-exec) for the caller.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(number) }))
    }

    /// Whether the process has ended.
    pub(crate) fn has_ended(&self) -> bool {
        let mut set = [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)];
        poll(&mut set, PollTimeout::ZERO) == Ok(1)
    }

    /// Waits until the process has ended, for at most so long. Tells whether it has.
    pub(crate) fn ends_within(&self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        let mut set = [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)];
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match poll(&mut set, PollTimeout::try_from(left).unwrap_or(PollTimeout::ZERO)) {
                Err(Errno::EINTR) => {}
                ended => return ended == Ok(1),
            }
        }
    }

    /// Ends the process with `SIGKILL`.
    pub(crate) fn kill(&self) -> io::Result<()> {
        self.send(libc::SIGKILL)
    }

    /// Whether this process may send signals to it: then it is alive, and of the same user as the
    /// kernel knows it, unless this process may send them to others too. Sends none.
    pub(crate) fn takes_signals(&self) -> bool {
        self.send(0).is_ok()
    }

    /// See `pidfd_send_signal(2)`.
    fn send(&self, signal: libc::c_int) -> io::Result<()> {
        let number = self.0.as_raw_fd();
        let none = std::ptr::null::<libc::siginfo_t>();
        // SAFETY: the descriptor is open, and a null `siginfo_t` means the kernel's own.
        match unsafe { libc::syscall(libc::SYS_pidfd_send_signal, number, signal, none, 0) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

impl AsFd for PidFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Who is at the other end of a connected Unix socket, as the kernel recorded it. See `unix(7)`.
pub(crate) fn peer_credentials(socket: BorrowedFd<'_>) -> io::Result<UnixCredentials> {
    Ok(getsockopt(&socket, PeerCredentials)?)
}

fn has_closed(socket: BorrowedFd<'_>) -> io::Result<bool> {
    match recv(socket.as_raw_fd(), &mut [0], MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT) {
        Ok(length) => Ok(length == 0),
        Err(Errno::EAGAIN) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
}

fn peer_pidfd(socket: BorrowedFd<'_>) -> io::Result<PidFd> {
    let mut number: RawFd = -1;
    let mut length = size_of::<RawFd>() as libc::socklen_t;
    let value = (&raw mut number).cast();
    // SAFETY: `value` and `length` describe a live integer that the kernel may write.
    match unsafe {
        libc::getsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, SO_PEERPIDFD, value, &raw mut length)
    } {
        // SAFETY: the kernel has just made this descriptor (close-on-exec) for the caller.
        0 => Ok(PidFd(unsafe { OwnedFd::from_raw_fd(number) })),
        _ => Err(io::Error::last_os_error()),
    }
}
