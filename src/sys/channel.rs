//! A sequential-packet connection: a frame and its descriptors stay together.

use std::io;
use std::mem;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;

use heirloom_proto::limits::MAX_FRAME;
use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{MsgFlags, SockFlag, accept4};
use sendfd::SendWithFd;

/// A connected `SOCK_SEQPACKET` socket of this process's own: never blocking, close-on-exec.
#[derive(Debug)]
pub(crate) struct Channel(UnixStream);

impl Channel {
    /// Takes a connected sequential-packet socket, which the standard library's type may hold too:
    /// nothing is read or written through it that depends on its type.
    pub(crate) fn new(socket: OwnedFd) -> io::Result<Self> {
        let stream = UnixStream::from(socket);
        stream.set_nonblocking(true)?;
        Ok(Self(stream))
    }

    /// Accepts the next connection of a sequential-packet listener.
    pub(crate) fn accept(listener: BorrowedFd<'_>) -> io::Result<Self> {
        Ok(Self(UnixStream::from(accept(listener, SockFlag::SOCK_NONBLOCK)?)))
    }

    /// Sends one frame with its descriptors, both or neither. See `sendmsg(2)`, `unix(7)`.
    pub(crate) fn send(&self, frame: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        let raw: Vec<RawFd> = descriptors.iter().map(AsRawFd::as_raw_fd).collect();
        let sent = loop {
            match self.0.send_with_fd(frame, &raw) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                sent => break sent?,
            }
        };
        match sent == frame.len() {
            true => Ok(()),
            false => Err(io::Error::new(io::ErrorKind::WriteZero, "a frame was cut by the kernel")),
        }
    }

    /// Receives one frame. Its descriptors are owned and close-on-exec before anything else is
    /// looked at; those of a frame that is refused are closed. See `recvmsg(2)`.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when nothing is queued, `UnexpectedEof` when the peer has closed.
    pub(crate) fn receive<'a>(&self, buffer: &'a mut FrameBuffer) -> Result<Received<'a>, Fault> {
        let flags = loop {
            match buffer.fill(self.as_fd()) {
                // The peer has closed without reading everything, which the kernel tells once and
                // before what is queued: that comes next, and the end of file after it.
                Err(Errno::EINTR | Errno::ECONNRESET) => {}
                Err(errno) => return Err(Fault::System(errno.into())),
                Ok(flags) => break flags,
            }
        };
        let descriptors = take_descriptors(&buffer.control);
        if flags.contains(MsgFlags::MSG_CTRUNC) {
            return Err(Fault::Truncated { kept: descriptors.len() });
        }
        match buffer.frame.len() {
            _ if flags.contains(MsgFlags::MSG_TRUNC) => Err(Fault::TooLong),
            length if length > MAX_FRAME => Err(Fault::TooLong),
            0 => Err(Fault::System(io::ErrorKind::UnexpectedEof.into())),
            _ => Ok(Received { frame: &buffer.frame, descriptors }),
        }
    }
}

#[cfg(feature = "fault-points")]
impl Channel {
    /// The start of the next frame, which stays queued; `None` at the end of file. See `recv(2)`.
    pub(crate) fn peek(&self) -> io::Result<Option<[u8; 8]>> {
        let mut start = [0; 8];
        let flags = MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT;
        loop {
            match nix::sys::socket::recv(self.0.as_raw_fd(), &mut start, flags) {
                // As when it is received.
                Err(Errno::EINTR | Errno::ECONNRESET) => {}
                peeked => return Ok((peeked? > 0).then_some(start)),
            }
        }
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Accepts the next connection of a Unix listener, which blocks unless told. See `accept4(2)`.
pub(crate) fn accept(listener: BorrowedFd<'_>, flags: SockFlag) -> io::Result<OwnedFd> {
    let number = accept4(listener.as_raw_fd(), SockFlag::SOCK_CLOEXEC | flags)?;
    // SAFETY: the kernel has just made this descriptor (close-on-exec) for the caller.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Room for one frame and, on the successor's side, its descriptors.
pub(crate) struct FrameBuffer {
    /// Has room for one byte more than a frame may have, to tell when it has more. Only what frames have
    /// filled of it is ever resident: most are short, and a process that never hands over sees none.
    frame: Vec<u8>,
    /// Empty where no descriptor is taken: the kernel closes what is sent all the same.
    control: Vec<u8>,
}

impl FrameBuffer {
    /// Takes frames with as many descriptors as the kernel lets anybody send: a peer that sends more
    /// than [`MAX_DESCRIPTORS`](heirloom_proto::limits::MAX_DESCRIPTORS) is told from a limit of this
    /// process that cuts them off.
    pub(crate) fn with_descriptors() -> Self {
        /// `SCM_MAX_FD` of the kernel: see `unix(7)`.
        const MOST: usize = 253;
        let length = u32::try_from(MOST * size_of::<RawFd>()).unwrap_or(u32::MAX);
        // SAFETY: CMSG_SPACE only computes.
        let space = unsafe { libc::CMSG_SPACE(length) };
        Self { control: vec![0; space as usize], ..Self::without_descriptors() }
    }

    /// Takes frames alone.
    pub(crate) fn without_descriptors() -> Self {
        Self { frame: Vec::with_capacity(MAX_FRAME + 1), control: Vec::new() }
    }

    /// Takes frames alone from now on.
    pub(crate) fn refuse_descriptors(&mut self) {
        self.control = Vec::new();
    }

    /// Receives into it, without waiting. See `recvmsg(2)`.
    fn fill(&mut self, socket: BorrowedFd<'_>) -> Result<MsgFlags, Errno> {
        self.frame.clear();
        self.control.fill(0);
        let room = self.frame.spare_capacity_mut();
        let mut slice = libc::iovec { iov_base: room.as_mut_ptr().cast(), iov_len: room.len() };
        // SAFETY: a message header is integers and pointers, all of which may be 0.
        let mut message: libc::msghdr = unsafe { mem::zeroed() };
        (message.msg_iov, message.msg_iovlen) = (&raw mut slice, 1);
        if !self.control.is_empty() {
            message.msg_control = self.control.as_mut_ptr().cast();
            message.msg_controllen = self.control.len() as _;
        }
        let flags = libc::MSG_CMSG_CLOEXEC | libc::MSG_DONTWAIT;
        // SAFETY: the header describes live bytes of `frame` and `control`, which may hold anything.
        let length = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, flags) };
        let length = usize::try_from(length).map_err(|_| Errno::last())?;
        // SAFETY: the kernel has filled so many bytes, and tells no more than there is room for.
        unsafe { self.frame.set_len(length) };
        Ok(MsgFlags::from_bits_retain(message.msg_flags))
    }
}

/// A frame and what came with it.
#[derive(Debug)]
pub(crate) struct Received<'a> {
    pub(crate) frame: &'a [u8],
    pub(crate) descriptors: Vec<OwnedFd>,
}

/// Why no frame was received.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// The kernel's answer.
    #[error(transparent)]
    System(io::Error),
    /// More bytes than a frame may have.
    #[error("a frame is longer than {MAX_FRAME} bytes")]
    TooLong,
    /// `MSG_CTRUNC`: some descriptors were not delivered. Those that were are closed.
    #[error(
        "the kernel delivered only {kept} descriptors of a frame: this process's descriptor limit \
         is too low (raise LimitNOFILE), or a security module forbids the others"
    )]
    Truncated {
        /// How many came.
        kept: usize,
    },
}

impl Fault {
    /// Nothing is queued.
    pub(crate) fn would_block(&self) -> bool {
        matches!(self, Self::System(error) if error.kind() == io::ErrorKind::WouldBlock)
    }
}

/// Owns every descriptor that the kernel has written into a control buffer, which was zeroed before:
/// the header after the last message has length 0. See `cmsg(3)`.
///
/// Walked by hand, since the wrapper in `nix` gives up on `MSG_CTRUNC` and would leak the
/// descriptors that were delivered.
fn take_descriptors(control: &[u8]) -> Vec<OwnedFd> {
    let mut descriptors = Vec::new();
    let mut rest = control;
    while let Some((header, length)) = read_header(rest) {
        // SAFETY: CMSG_LEN only computes.
        let data = unsafe { libc::CMSG_LEN(0) } as usize;
        if (header.cmsg_level, header.cmsg_type) == (libc::SOL_SOCKET, libc::SCM_RIGHTS) {
            let (numbers, _) = rest.get(data..length).unwrap_or_default().as_chunks::<4>();
            for number in numbers {
                // SAFETY: the kernel has installed this descriptor for this message, and nothing
                // else knows its number yet.
                descriptors.push(unsafe { OwnedFd::from_raw_fd(RawFd::from_ne_bytes(*number)) });
            }
        }
        let padding = u32::try_from(length.saturating_sub(data)).unwrap_or(u32::MAX);
        // SAFETY: CMSG_SPACE only computes.
        let space = unsafe { libc::CMSG_SPACE(padding) } as usize;
        rest = rest.get(space..).unwrap_or_default();
    }
    descriptors
}

/// The control message header at the front of `control` and the message's length, if there is one.
fn read_header(control: &[u8]) -> Option<(libc::cmsghdr, usize)> {
    let bytes = control.get(..size_of::<libc::cmsghdr>())?;
    // SAFETY: `bytes` is as long as a header, which is plain integers; it is read unaligned.
    let header = unsafe { bytes.as_ptr().cast::<libc::cmsghdr>().read_unaligned() };
    let length = header.cmsg_len as usize;
    (length >= bytes.len() && length <= control.len()).then_some((header, length))
}

#[cfg(test)]
mod tests {
    use super::*;
    use heirloom_proto::limits::MAX_DESCRIPTORS;
    use nix::fcntl::{FcntlArg, fcntl};
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    use nix::sys::socket::{AddressFamily, SockType, socketpair};
    use std::fs::File;

    fn pair() -> (Channel, Channel) {
        let flags = SockFlag::SOCK_CLOEXEC;
        let (a, b) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, flags).unwrap();
        (Channel::new(a).unwrap(), Channel::new(b).unwrap())
    }

    #[test]
    fn a_frame_and_its_descriptors_arrive_together_and_close_on_exec() {
        let (sender, receiver) = pair();
        let file = File::open("/dev/null").unwrap();
        let frame = vec![7; MAX_FRAME];
        sender.send(&frame, &[file.as_fd(); MAX_DESCRIPTORS]).unwrap();
        sender.send(b"next", &[]).unwrap();
        let mut buffer = FrameBuffer::with_descriptors();
        let received = receiver.receive(&mut buffer).unwrap();
        assert_eq!((received.frame, received.descriptors.len()), (&*frame, MAX_DESCRIPTORS));
        for descriptor in &received.descriptors {
            let flags = fcntl(descriptor, FcntlArg::F_GETFD).unwrap();
            assert_eq!(flags & libc::FD_CLOEXEC, libc::FD_CLOEXEC);
        }
        let received = receiver.receive(&mut buffer).unwrap();
        assert_eq!((received.frame, received.descriptors.len()), (&b"next"[..], 0));
        assert!(receiver.receive(&mut buffer).unwrap_err().would_block());
    }

    #[test]
    fn a_frame_that_is_too_long_is_named() {
        let (sender, receiver) = pair();
        sender.send(&vec![0; MAX_FRAME + 1], &[]).unwrap();
        let mut buffer = FrameBuffer::without_descriptors();
        assert!(matches!(receiver.receive(&mut buffer), Err(Fault::TooLong)));
    }

    #[test]
    fn descriptors_are_not_taken_where_there_is_no_room_and_those_that_came_are_closed() {
        let (sender, receiver) = pair();
        let (reader, writer) = io::pipe().unwrap();
        let mut small = FrameBuffer::with_descriptors();
        // Room for one where three are sent: the kernel installs one or two and cuts the rest.
        // SAFETY: CMSG_SPACE only computes.
        small.control.truncate(unsafe { libc::CMSG_SPACE(4) } as usize);
        for buffer in [&mut small, &mut FrameBuffer::without_descriptors()] {
            sender.send(b"x", &[writer.as_fd(); 3]).unwrap();
            assert!(matches!(receiver.receive(buffer), Err(Fault::Truncated { .. })));
        }
        drop(writer);
        // Hang-up tells that no copy of the writing end is left anywhere.
        let mut polled = [PollFd::new(reader.as_fd(), PollFlags::POLLIN)];
        assert_eq!(poll(&mut polled, PollTimeout::ZERO).unwrap(), 1);
        assert_eq!(polled[0].revents(), Some(PollFlags::POLLHUP));
    }

    #[test]
    fn the_end_of_the_peer_is_told_after_its_last_frame() {
        let (sender, receiver) = pair();
        sender.send(b"last", &[]).unwrap();
        drop(sender);
        let mut buffer = FrameBuffer::without_descriptors();
        assert_eq!(receiver.receive(&mut buffer).unwrap().frame, b"last");
        let end = receiver.receive(&mut buffer).unwrap_err();
        assert!(!end.would_block() && matches!(end, Fault::System(_)));
        assert_eq!(
            receiver.send(b"x", &[]).unwrap_err().raw_os_error(),
            Some(libc::EPIPE),
            "and no signal comes with it"
        );
    }
}
