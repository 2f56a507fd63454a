//! A socket that stands for systemd's.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use crate::support::{DEADLINE, Family};

/// Reads what it is told, if it is asked to.
pub(crate) struct Manager {
    socket: UnixDatagram,
    /// All that was read so far.
    pub(crate) told: Vec<String>,
}

impl Manager {
    /// The manager of the processes of a family that are started from now on.
    pub(crate) fn of(family: &mut Family) -> Self {
        let name = format!("{}-manager", family.setting("HANDOFF").trim_start_matches('@'));
        let socket =
            UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        family.set("SYSTEMD", "yes").set_variable("NOTIFY_SOCKET", &format!("@{name}"));
        Self { socket, told: Vec::new() }
    }

    /// Reads up to the first message that has a line.
    pub(crate) fn expect(&mut self, line: &str) -> String {
        loop {
            let mut bytes = [0; 4_096];
            let read = self.socket.recv(&mut bytes);
            let length =
                read.unwrap_or_else(|error| panic!("{line}: {error} after {:?}", self.told));
            let message = String::from_utf8(bytes[..length].to_vec()).unwrap();
            self.told.push(message.clone());
            if message.lines().any(|found| found == line) {
                return message;
            }
        }
    }

    /// Reads all that is there.
    pub(crate) fn catch_up(&mut self) {
        let last = UnixDatagram::unbound().unwrap();
        last.connect_addr(&self.socket.local_addr().unwrap()).unwrap();
        last.send(b"that is all").unwrap();
        self.expect("that is all");
        self.told.pop();
    }

    /// How many messages so far had such a line.
    pub(crate) fn count(&self, line: &str) -> usize {
        let lines = self.told.iter().flat_map(|message| message.lines());
        lines.filter(|found| found.starts_with(line)).count()
    }
}
