//! A tool on the control socket, made of the protocol's own messages and nothing else.

use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::time::Instant;

use heirloom_proto::limits::MAX_FRAME;
use heirloom_proto::{Message, StatusReport};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};

use super::DEADLINE;

/// A connection to the control socket. A frame is one read and one write.
pub(crate) struct Tool(UnixStream);

impl Tool {
    /// Connects to `@name` or a path.
    pub(crate) fn connect(address: &str) -> io::Result<Self> {
        let (family, flags) = (AddressFamily::Unix, SockFlag::SOCK_CLOEXEC);
        let made = socket(family, SockType::SeqPacket, flags, None)?;
        let name = match address.strip_prefix('@') {
            Some(name) => UnixAddr::new_abstract(name.as_bytes())?,
            None => UnixAddr::new(address)?,
        };
        connect(made.as_raw_fd(), &name)?;
        let stream = UnixStream::from(made);
        stream.set_read_timeout(Some(DEADLINE))?;
        Ok(Self(stream))
    }

    /// Sends one message.
    pub(crate) fn send(&mut self, message: &Message) -> io::Result<()> {
        self.send_frame(&message.encode().unwrap())
    }

    /// Sends whatever it is as one frame.
    pub(crate) fn send_frame(&mut self, frame: &[u8]) -> io::Result<()> {
        self.0.write_all(frame)
    }

    /// The next message; its descriptors are dropped by the kernel. `UnexpectedEof` when the peer
    /// has closed.
    pub(crate) fn receive(&mut self) -> io::Result<Message> {
        let mut frame = vec![0; MAX_FRAME + 1];
        match self.0.read(&mut frame)? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            length => Ok(Message::decode(&frame[..length]).unwrap()),
        }
    }
}

/// Asks whoever owns the service how things stand. A new owner closes those who wait in the queue,
/// since they take it for its predecessor: they ask again.
pub(crate) fn status(address: &str) -> io::Result<StatusReport> {
    let deadline = Instant::now() + DEADLINE;
    loop {
        match ask_once(address) {
            Err(error) if is_closed(&error) && Instant::now() < deadline => {}
            result => return result,
        }
    }
}

fn is_closed(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof
    )
}

fn ask_once(address: &str) -> io::Result<StatusReport> {
    let mut tool = Tool::connect(address)?;
    tool.send(&Message::Status)?;
    match tool.receive()? {
        Message::StatusReport(report) => Ok(report),
        other => panic!("an unexpected answer: {other:?}"),
    }
}
