//! One thing handed over: what it is, how it is called, how the kernel knows it.

use alloc::vec::Vec;
use core::fmt;

use serde::de::{Deserializer, Error};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

use crate::codec::bytes;
use crate::limits::{MAX_ADDRESS, MAX_OPAQUE};
use crate::name::Name;

/// One thing handed over.
///
/// ```
/// use heirloom_proto::{Entry, FileId, Identity, Kind, Name, Opaque};
///
/// let entry = Entry {
///     kind: Kind::File,
///     name: Name::new("journal")?,
///     identity: Identity::File(FileId { device: 2, inode: 11 }),
///     path: None,
///     opaque: Opaque::default(),
/// };
/// assert_eq!(entry.encoded_len(), 46);
/// # Ok::<(), heirloom_proto::InvalidName>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Entry {
    /// What the successor may claim it as.
    pub kind: Kind,
    /// The name by which the successor claims it; unique among entries of its kind, but for
    /// [`Kind::State`] and [`Kind::LastWords`], where it is with the schema.
    pub name: Name,
    /// How the kernel knows the descriptor; the successor asks its own kernel and compares.
    pub identity: Identity,
    /// The file that a Unix socket was bound to, when the owner is to unlink it.
    pub path: Option<FileId>,
    /// The application's own bytes, at most [`MAX_OPAQUE`].
    pub opaque: Opaque,
}

impl Entry {
    /// How many bytes the entry takes in a frame.
    pub fn encoded_len(&self) -> usize {
        const LENGTH: usize = 8;
        let identity = 4 + match &self.identity {
            Identity::Socket(socket) => 4 + 4 + 4 + 1 + LENGTH + socket.local.0.len() + 8,
            Identity::File(_) => 16,
        };
        let path = if self.path.is_some() { 17 } else { 1 };
        2 + LENGTH + self.name.as_str().len() + identity + path + LENGTH + self.opaque.0.len()
    }
}

/// What an entry may be claimed as. A kind that this version does not know can be handed on, not
/// claimed.
///
/// ```
/// use heirloom_proto::Kind;
///
/// assert_eq!(u16::from(Kind::TcpListener), 1);
/// assert_eq!(Kind::UdpSocket.to_string(), "udp");
/// assert_eq!(Kind::from(900), Kind::Other(900));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "u16", into = "u16")]
#[non_exhaustive]
pub enum Kind {
    /// A TCP socket that listens.
    TcpListener,
    /// A UDP socket.
    UdpSocket,
    /// A Unix stream socket that listens.
    UnixListener,
    /// A Unix datagram socket.
    UnixDatagram,
    /// A Unix sequential-packet socket that listens.
    UnixSeqpacketListener,
    /// A TCP connection.
    TcpStream,
    /// A Unix stream connection.
    UnixStream,
    /// An open file, pipe or anything else that is no socket.
    File,
    /// Any descriptor at all.
    Descriptor,
    /// The control connection to an older generation that is still draining.
    Draining,
    /// A sealed memfd of the application's state, read in the schema whose label is the opaque bytes.
    State,
    /// A sealed memfd with nothing in it: `Commit` is going to bring last words of this name, in the
    /// schema whose label is the opaque bytes.
    LastWords,
    /// A kind of a newer version.
    Other(u16),
}

impl From<u16> for Kind {
    fn from(number: u16) -> Self {
        match number {
            1 => Self::TcpListener,
            2 => Self::UdpSocket,
            3 => Self::UnixListener,
            4 => Self::UnixDatagram,
            5 => Self::UnixSeqpacketListener,
            6 => Self::TcpStream,
            7 => Self::UnixStream,
            8 => Self::File,
            9 => Self::Descriptor,
            10 => Self::Draining,
            11 => Self::State,
            12 => Self::LastWords,
            other => Self::Other(other),
        }
    }
}

impl From<Kind> for u16 {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::TcpListener => 1,
            Kind::UdpSocket => 2,
            Kind::UnixListener => 3,
            Kind::UnixDatagram => 4,
            Kind::UnixSeqpacketListener => 5,
            Kind::TcpStream => 6,
            Kind::UnixStream => 7,
            Kind::File => 8,
            Kind::Descriptor => 9,
            Kind::Draining => 10,
            Kind::State => 11,
            Kind::LastWords => 12,
            Kind::Other(number) => number,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TcpListener => "tcp",
            Self::UdpSocket => "udp",
            Self::UnixListener => "unix",
            Self::UnixDatagram => "unixgram",
            Self::UnixSeqpacketListener => "unixpacket",
            Self::TcpStream => "tcp connection",
            Self::UnixStream => "unix connection",
            Self::File => "file",
            Self::Descriptor => "descriptor",
            Self::Draining => "draining generation",
            Self::State => "state",
            Self::LastWords => "last words",
            Self::Other(number) => return write!(f, "kind {number}"),
        })
    }
}

/// How the kernel knows a descriptor.
///
/// ```
/// use heirloom_proto::{FileId, Identity};
///
/// let promised = Identity::File(FileId { device: 2, inode: 11 });
/// let received = Identity::File(FileId { device: 2, inode: 12 });
/// assert_ne!(promised, received);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Identity {
    /// A socket.
    Socket(Socket),
    /// Anything else: what `fstat(2)` tells.
    File(FileId),
}

/// What the kernel tells of a socket.
///
/// ```
/// use heirloom_proto::{Address, Socket};
///
/// // A TCP listener at 127.0.0.1:8080, as Linux numbers it.
/// let listener = Socket {
///     domain: 2,
///     kind: 1,
///     protocol: 6,
///     listening: true,
///     local: Address::try_from(vec![2, 0, 0x1f, 0x90, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0])?,
///     cookie: 4_711,
/// };
/// // A socket that was bound anew has another cookie, whatever its address is.
/// assert_ne!(listener, Socket { cookie: 4_712, ..listener.clone() });
/// # Ok::<(), heirloom_proto::TooLong>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Socket {
    /// `SO_DOMAIN`.
    pub domain: i32,
    /// `SO_TYPE`.
    pub kind: i32,
    /// `SO_PROTOCOL`.
    pub protocol: i32,
    /// `SO_ACCEPTCONN`.
    pub listening: bool,
    /// `getsockname(2)`: the bytes of the `sockaddr`, at most [`MAX_ADDRESS`].
    pub local: Address,
    /// `SO_COOKIE`: unique among the sockets of a network namespace since boot.
    pub cookie: u64,
}

/// A file by device and inode number.
///
/// ```
/// use heirloom_proto::FileId;
///
/// use std::os::unix::fs::MetadataExt;
///
/// let root = std::fs::metadata("/")?;
/// let id = FileId { device: root.dev(), inode: root.ino() };
/// assert_eq!(id.inode, root.ino());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FileId {
    /// `st_dev`.
    pub device: u64,
    /// `st_ino`.
    pub inode: u64,
}

macro_rules! bounded_bytes {
    ($(#[$outer:meta])* $name:ident, $bound:ident, $what:literal) => {
        $(#[$outer])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Vec<u8>);

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, into: S) -> Result<S::Ok, S::Error> {
                bytes::serialize(&self.0, into)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                bytes::deserialize(from)?.try_into().map_err(D::Error::custom)
            }
        }

        impl $name {
            /// The bytes.
            pub fn as_bytes(&self) -> &[u8] {
                &self.0
            }
        }

        impl TryFrom<Vec<u8>> for $name {
            type Error = TooLong;

            fn try_from(bytes: Vec<u8>) -> Result<Self, TooLong> {
                match bytes.len() {
                    length if length > $bound => Err(TooLong { what: $what, length, bound: $bound }),
                    _ => Ok(Self(bytes)),
                }
            }
        }

        impl From<$name> for Vec<u8> {
            fn from(bytes: $name) -> Self {
                bytes.0
            }
        }
    };
}

bounded_bytes!(
    /// The bytes of a `sockaddr`, at most [`MAX_ADDRESS`].
    ///
    /// ```
    /// use heirloom_proto::Address;
    ///
    /// let abstract_name = Address::try_from(b"\x01\x00\0shop".to_vec())?;
    /// assert_eq!(abstract_name.as_bytes().len(), 7);
    /// assert!(Address::try_from(vec![0; 129]).is_err());
    /// # Ok::<(), heirloom_proto::TooLong>(())
    /// ```
    Address, MAX_ADDRESS, "a local address"
);
bounded_bytes!(
    /// The application's own bytes, at most [`MAX_OPAQUE`].
    ///
    /// ```
    /// use heirloom_proto::Opaque;
    ///
    /// let opaque = Opaque::try_from(b"tls".to_vec())?;
    /// assert_eq!(opaque.as_bytes(), b"tls");
    /// # Ok::<(), heirloom_proto::TooLong>(())
    /// ```
    Opaque, MAX_OPAQUE, "the opaque part of an entry"
);

/// Bytes beyond their bound.
///
/// ```
/// use heirloom_proto::Opaque;
///
/// let error = Opaque::try_from(vec![0; 1_025]).err().map(|too_long| too_long.to_string());
/// let text = "the opaque part of an entry has 1025 bytes, at most 1024 are allowed";
/// assert_eq!(error.as_deref(), Some(text));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{what} has {length} bytes, at most {bound} are allowed")]
pub struct TooLong {
    what: &'static str,
    length: usize,
    bound: usize,
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::vec;

    use super::{Address, Entry, FileId, Identity, Kind, Opaque, Socket};
    use crate::codec;
    use crate::name::Name;

    fn name(length: usize) -> Name {
        Name::new("x".repeat(length)).unwrap()
    }

    fn address(length: usize) -> Result<Address, super::TooLong> {
        vec![7; length].try_into()
    }

    fn opaque(length: usize) -> Result<Opaque, super::TooLong> {
        vec![7; length].try_into()
    }

    #[test]
    fn an_address_has_at_most_128_bytes() {
        assert!(address(128).is_ok());
        let text = format!("{}", address(129).unwrap_err());
        assert_eq!(text, "a local address has 129 bytes, at most 128 are allowed");
    }

    #[test]
    fn the_opaque_part_has_at_most_1024_bytes() {
        assert!(opaque(1_024).is_ok());
        let text = format!("{}", opaque(1_025).unwrap_err());
        let expected = "the opaque part of an entry has 1025 bytes, at most 1024 are allowed";
        assert_eq!(text, expected);
    }

    #[test]
    fn bytes_beyond_their_bound_are_refused_in_a_frame_too() {
        let long = codec::encode(&vec![7_u8; 1_025]).unwrap();
        let text = format!("{}", codec::decode::<Opaque>(&long).unwrap_err().error);
        assert!(text.contains("1025 bytes"), "{text}");
        let text = format!("{}", codec::decode::<Address>(&long).unwrap_err().error);
        assert!(text.contains("at most 128"), "{text}");
    }

    fn socket(address_length: usize) -> Identity {
        Identity::Socket(Socket {
            domain: 2,
            kind: 1,
            protocol: 6,
            listening: true,
            local: address(address_length).unwrap(),
            cookie: u64::MAX,
        })
    }

    #[test]
    fn the_length_told_is_the_length_written() {
        let file = FileId { device: 1, inode: 2 };
        let identities = [Identity::File(file), socket(0), socket(16), socket(128)];
        for identity in identities {
            for (name_length, opaque_length, path) in
                [(1, 0, None), (255, 1_024, Some(file)), (255, 0, None), (7, 1, Some(file))]
            {
                let entry = Entry {
                    kind: Kind::Other(60_000),
                    name: name(name_length),
                    identity: identity.clone(),
                    path,
                    opaque: opaque(opaque_length).unwrap(),
                };
                let written = codec::encode(&entry).unwrap();
                assert_eq!(entry.encoded_len(), written.len(), "{entry:?}");
                assert_eq!(codec::decode(&written), Ok(entry));
            }
        }
    }
}
