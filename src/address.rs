//! Addresses of Unix sockets as settings spell them.

use std::fmt;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::SocketAddr;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::socket::UnixAddr;

use crate::error::{Error, ErrorKind};
use crate::sys::random::random;

/// `@name` is abstract, anything else a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum UnixAddress {
    Abstract(String),
    Path(PathBuf),
}

/// Longest abstract name or path, in bytes: `sun_path` of `unix(7)` less its leading or closing NUL.
const MAX_UNIX_ADDRESS: usize = 107;

impl UnixAddress {
    /// Reads a setting.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let (address, length) = match text.strip_prefix('@') {
            Some(name) => (Self::Abstract(name.into()), name.len()),
            None => (Self::Path(text.into()), text.len()),
        };
        if length == 0 || length > MAX_UNIX_ADDRESS || text.contains('\0') {
            let text = format!(
                "the Unix socket address `{}` has {length} bytes, 1 to {MAX_UNIX_ADDRESS} without \
                 a NUL are allowed: choose a shorter path or name",
                text.escape_debug()
            );
            return Err(Error::new(ErrorKind::InvalidAddress, text));
        }
        Ok(address)
    }

    /// The same address, independent of the working directory where its length allows that.
    pub(crate) fn absolute(self) -> Self {
        let absolute = self.path().and_then(|path| std::path::absolute(path).ok());
        match absolute {
            Some(path) if path.as_os_str().len() <= MAX_UNIX_ADDRESS => Self::Path(path),
            _ => self,
        }
    }

    /// An abstract name that nobody can guess.
    pub(crate) fn private() -> Result<Self, Error> {
        let bytes = random().map_err(|error| {
            Error::new(ErrorKind::Io, "no random bytes for a private name").because(error)
        })?;
        Ok(Self::Abstract(format!("heirloom-{}", hex(&bytes))))
    }

    /// The path, unless the name is abstract.
    pub(crate) fn path(&self) -> Option<&Path> {
        match self {
            Self::Abstract(_) => None,
            Self::Path(path) => Some(path),
        }
    }

    /// The address as a system call has it.
    pub(crate) fn to_nix(&self) -> Result<UnixAddr, Errno> {
        match self {
            Self::Abstract(name) => UnixAddr::new_abstract(name.as_bytes()),
            Self::Path(path) => UnixAddr::new(path),
        }
    }

    /// The address as the standard library has it.
    pub(crate) fn to_std(&self) -> std::io::Result<SocketAddr> {
        match self {
            Self::Abstract(name) => SocketAddr::from_abstract_name(name),
            Self::Path(path) => SocketAddr::from_pathname(path),
        }
    }
}

impl fmt::Display for UnixAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Abstract(name) => write!(f, "@{name}"),
            Self::Path(path) => path.display().fmt(f),
        }
    }
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The 32 bytes that [`hex`] wrote.
pub(crate) fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != bytes.len() || !rest.is_empty() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(pairs) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn abstract_names_and_paths_are_told_apart_and_spelled_back() {
        for text in ["@name", "/run/x.sock", "relative"] {
            assert_eq!(UnixAddress::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(UnixAddress::parse("@name").unwrap().path(), None);
    }

    #[test]
    fn an_address_beyond_its_bounds_is_refused_with_the_numbers() {
        let longest = "x".repeat(MAX_UNIX_ADDRESS);
        assert!(UnixAddress::parse(&longest).is_ok());
        assert!(UnixAddress::parse(&format!("@{longest}")).is_ok());
        for wrong in [format!("{longest}x"), format!("@{longest}x"), String::new(), "@".into()] {
            let error = UnixAddress::parse(&wrong).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidAddress);
            assert!(error.to_string().contains("1 to 107"), "{error}");
        }
        assert!(UnixAddress::parse("a\0b").is_err());
    }

    #[test]
    fn private_names_fit_and_differ() {
        let name = UnixAddress::private().unwrap();
        assert!(name.to_nix().is_ok());
        assert_ne!(name, UnixAddress::private().unwrap());
    }

    #[test]
    fn hexadecimal_digits_survive_the_round_trip_and_nothing_else_is_read() {
        let bytes = std::array::from_fn(|index| index as u8 * 7);
        assert_eq!(unhex(&hex(&bytes)), Some(bytes));
        for wrong in ["", "00", &"0".repeat(63), &"0".repeat(66), &"g0".repeat(32), &"é".repeat(32)]
        {
            assert_eq!(unhex(wrong), None, "{wrong}");
        }
    }
}
