//! What a process is to be.

use std::env;
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr as UnixAddr, UnixListener};

/// As its arguments say. A successor is given the same.
#[derive(Clone, Debug)]
pub enum Role {
    /// `hold PREFIX COUNT`: holds so many listeners, which are named by a prefix and a number.
    Hold(Listeners),
    /// `serve ADDRESS`: answers HTTP there.
    Serve(SocketAddr),
}

/// Unix listeners that are to be there.
#[derive(Clone, Debug)]
pub struct Listeners {
    prefix: String,
    count: usize,
}

impl Role {
    /// Reads the arguments of this process.
    ///
    /// # Errors
    ///
    /// If they name no role.
    pub fn of_this_process() -> Result<Self, String> {
        let arguments: Vec<_> = env::args().skip(1).collect();
        let role = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["hold", prefix, count] => {
                count.parse().ok().map(|count| Self::Hold(Listeners::new(prefix, count)))
            }
            ["serve", address] => address.parse().ok().map(Self::Serve),
            _ => None,
        };
        role.ok_or_else(|| "usage: hold PREFIX COUNT | serve ADDRESS".into())
    }
}

impl Listeners {
    fn new(prefix: &str, count: usize) -> Self {
        Self { prefix: prefix.into(), count }
    }

    /// Where each of them is: `@name` is abstract, anything else a path.
    pub fn addresses(&self) -> impl Iterator<Item = String> + '_ {
        (0..self.count).map(|number| format!("{}{number}", self.prefix))
    }

    /// Makes them, where no library does: all of them abstract.
    ///
    /// # Errors
    ///
    /// Whatever binding one of them brings.
    pub fn bind(&self) -> io::Result<Vec<OwnedFd>> {
        let bind = |address: String| {
            let name = address.strip_prefix('@').unwrap_or(&address);
            UnixListener::bind_addr(&UnixAddr::from_abstract_name(name)?).map(OwnedFd::from)
        };
        self.addresses().map(bind).collect()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.count
    }
}
