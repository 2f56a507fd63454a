//! The way to systemd: datagrams that never wait, and one wait at the very end.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;
use nix::unistd::pipe2;
use sd_notify::NotifyState;
use sendfd::SendWithFd;

use crate::holdings::millis;

/// Datagrams to the socket of `NOTIFY_SOCKET`, in order.
#[derive(Debug)]
pub(super) struct Outbox {
    socket: UnixDatagram,
    address: SocketAddr,
    /// What systemd has no room for yet.
    waiting: VecDeque<Message>,
    /// Something was sent or is to be.
    used: bool,
}

#[derive(Debug)]
struct Message {
    text: String,
    descriptor: Option<OwnedFd>,
    /// A line of text and nothing else.
    is_status: bool,
}

/// Most messages that wait for a systemd that reads none: a listener of a large service is one.
const MOST_WAITING: usize = 4_096;

impl Outbox {
    /// Connects to the socket at an address as `NOTIFY_SOCKET` has it: a path, or `@name`.
    pub(super) fn connect(address: &OsStr) -> io::Result<Self> {
        let address = match address.as_bytes() {
            [b'/', ..] => SocketAddr::from_pathname(address)?,
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
            _ => return Err(io::ErrorKind::Unsupported.into()),
        };
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        socket.connect_addr(&address)?;
        Ok(Self { socket, address, waiting: VecDeque::new(), used: false })
    }

    /// Sends what is to be read as one, or keeps it for when there is room.
    pub(super) fn put(&mut self, states: &[NotifyState<'_>], descriptor: Option<OwnedFd>) {
        let lines: Vec<String> = states.iter().map(ToString::to_string).collect();
        let text = lines.join("\n");
        // Of what goes on, only the latest counts when it can be told at last.
        if is_status(states) && self.waiting.back().is_some_and(|last| last.is_status) {
            self.waiting.pop_back();
        }
        if self.waiting.len() == MOST_WAITING {
            let reason = "it reads nothing";
            tracing::warn!(target: "heirloom", event = "systemd_not_told", text, reason, "systemd cannot be told");
            return;
        }
        self.used = true;
        self.waiting.push_back(Message { text, descriptor, is_status: is_status(states) });
        self.flush();
    }

    /// Sends what waits, as far as there is room.
    pub(super) fn flush(&mut self) {
        while let Some(message) = self.waiting.front() {
            match self.send(message) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => {
                    tracing::warn!(target: "heirloom", event = "systemd_not_told", text = message.text, reason = %error, "systemd cannot be told");
                }
                Ok(()) => {
                    tracing::debug!(target: "heirloom", event = "systemd_told", text = message.text, "systemd is told");
                }
            }
            self.waiting.pop_front();
        }
    }

    /// What becomes writable when there is room, if that is waited for.
    pub(super) fn clogged(&self) -> Option<BorrowedFd<'_>> {
        (!self.waiting.is_empty()).then_some(self.socket.as_fd())
    }

    /// Waits until systemd has read everything, for at most so long. See `sd_notify_barrier(3)`.
    pub(super) fn barrier(&mut self, timeout: Duration) {
        if self.used && !self.is_read_by(Instant::now() + timeout) {
            let waited_ms = millis(timeout);
            tracing::warn!(target: "heirloom", event = "systemd_not_heard", waited_ms, "systemd has not read what it was told");
        }
    }

    fn is_read_by(&mut self, deadline: Instant) -> bool {
        let Ok((read, write)) = pipe2(OFlag::O_CLOEXEC) else {
            return false;
        };
        self.put(&[NotifyState::Custom("BARRIER=1")], Some(write));
        while let Some(socket) = self.clogged() {
            if !happens(socket, PollFlags::POLLOUT, deadline) {
                return false;
            }
            self.flush();
        }
        // systemd closes the other end when it comes to the message.
        happens(read.as_fd(), PollFlags::empty(), deadline)
    }

    fn send(&self, message: &Message) -> io::Result<()> {
        match self.send_once(message) {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                // Whoever listens at the address now is another than before.
                self.socket.connect_addr(&self.address)?;
                self.send_once(message)
            }
            sent => sent,
        }
    }

    fn send_once(&self, message: &Message) -> io::Result<()> {
        let descriptors: Vec<_> = message.descriptor.iter().map(AsRawFd::as_raw_fd).collect();
        match descriptors.is_empty() {
            true => self.socket.send(message.text.as_bytes())?,
            false => self.socket.send_with_fd(message.text.as_bytes(), &descriptors)?,
        };
        Ok(())
    }
}

fn is_status(states: &[NotifyState<'_>]) -> bool {
    matches!(states, [NotifyState::Status(_)])
}

/// Waits until something happens to a descriptor. Tells whether it has.
fn happens(descriptor: BorrowedFd<'_>, what: PollFlags, deadline: Instant) -> bool {
    let mut set = [PollFd::new(descriptor, what)];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match ppoll(&mut set, Some(TimeSpec::from_duration(left)), None) {
            Err(Errno::EINTR) => {}
            happened => return happened == Ok(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manager() -> (UnixDatagram, Outbox) {
        let name = crate::address::hex(&crate::sys::random::random().unwrap());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let manager = UnixDatagram::bind_addr(&address).unwrap();
        let outbox = Outbox::connect(OsStr::new(&format!("@{name}"))).unwrap();
        (manager, outbox)
    }

    fn read(manager: &UnixDatagram) -> String {
        let mut text = [0; 4_096];
        let length = manager.recv(&mut text).unwrap();
        String::from_utf8(text[..length].to_vec()).unwrap()
    }

    #[test]
    fn what_a_stuck_manager_has_no_room_for_is_sent_in_order_when_it_has() {
        let (manager, mut outbox) = manager();
        let mut count = 0;
        while count < 3 || outbox.waiting.len() < 3 {
            outbox.put(&[NotifyState::Errno(count)], None);
            count += 1;
        }
        for number in 0..count {
            assert_eq!(read(&manager), format!("ERRNO={number}"));
            outbox.flush();
        }
        assert!(outbox.clogged().is_none());
    }

    #[test]
    fn a_service_that_tells_much_of_what_it_does_has_room_for_what_counts() {
        let (manager, mut outbox) = manager();
        while outbox.clogged().is_none() {
            outbox.put(&[NotifyState::Ready], None);
        }
        for number in 0..2 * MOST_WAITING {
            outbox.put(&[NotifyState::Status(&number.to_string())], None);
        }
        outbox.put(&[NotifyState::MainPid(7)], None);
        outbox.flush();
        let mut last = [String::new(), read(&manager)];
        while last[1] != "MAINPID=7" {
            outbox.flush();
            last.rotate_left(1);
            last[1] = read(&manager);
        }
        assert_eq!(last[0], format!("STATUS={}", 2 * MOST_WAITING - 1));
    }

    #[test]
    fn a_manager_that_never_reads_is_waited_for_no_longer_than_was_set() {
        let (_manager, mut outbox) = manager();
        outbox.put(&[NotifyState::Ready], None);
        let begun = Instant::now();
        outbox.barrier(Duration::from_millis(50));
        assert!(begun.elapsed() >= Duration::from_millis(50));
        assert!(!outbox.is_read_by(Instant::now()));
    }

    #[test]
    fn one_that_has_not_been_told_anything_is_not_waited_for() {
        let (_manager, mut outbox) = manager();
        let begun = Instant::now();
        outbox.barrier(Duration::from_secs(60));
        assert!(begun.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn the_barrier_is_over_when_the_manager_has_closed_what_came_with_it() {
        let (manager, mut outbox) = manager();
        outbox.put(&[NotifyState::Ready], None);
        let reader = std::thread::spawn(move || {
            assert_eq!(read(&manager), "READY=1");
            // Read without room for descriptors: the kernel closes them.
            assert_eq!(read(&manager), "BARRIER=1");
        });
        assert!(outbox.is_read_by(Instant::now() + Duration::from_secs(20)));
        reader.join().unwrap();
    }

    #[test]
    fn an_address_of_another_kind_is_refused() {
        for wrong in ["", "vsock:2:1", "relative"] {
            let error = Outbox::connect(OsStr::new(wrong)).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::Unsupported, "{wrong}");
        }
    }
}
