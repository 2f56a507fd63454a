//! What the benchmarks read, write and hand over.

use heirloom_proto::limits::MAX_DESCRIPTORS;
use heirloom_proto::{Entry, Identity, Kind, Manifest, Name, Socket};

/// As many TCP listeners as fit a frame, at ports from 17000.
pub(crate) fn manifest() -> Manifest {
    let entries = (0..MAX_DESCRIPTORS).map(|index| (listener(index), ()));
    Manifest { entries: entries.collect(), last: true }
}

pub(crate) fn listener(index: usize) -> Entry {
    let port = 17_000 + u16::try_from(index).unwrap();
    let [high, low] = port.to_be_bytes();
    let local = vec![2, 0, high, low, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
    Entry {
        kind: Kind::TcpListener,
        name: Name::new(format!("127.0.0.1:{port}")).unwrap(),
        identity: Identity::Socket(Socket {
            domain: 2,
            kind: 1,
            protocol: 6,
            listening: true,
            local: local.try_into().unwrap(),
            cookie: 0x1000 + index as u64,
        }),
        path: None,
        opaque: Vec::new().try_into().unwrap(),
    }
}
