//! The entry that hands on the connection to a generation that is still draining.

use std::io;
use std::os::fd::BorrowedFd;

use heirloom_proto::{DrainingGeneration, Entry, Kind, Name};

use crate::sys::identity::identity;

/// The entry for a connection to this generation.
pub(crate) fn describe(
    draining: &DrainingGeneration,
    connection: BorrowedFd<'_>,
) -> io::Result<Entry> {
    Ok(Entry {
        kind: Kind::Draining,
        name: Name::new(format!("generation {}", draining.generation)).map_err(io::Error::other)?,
        identity: identity(connection)?,
        path: None,
        opaque: opaque(draining).try_into().map_err(io::Error::other)?,
    })
}

/// The generation that such an entry tells of. What it does not tell is 0, or not known.
pub(crate) fn read(entry: &Entry) -> DrainingGeneration {
    let (generation, rest) = entry.opaque.as_bytes().split_at_checked(8).unwrap_or_default();
    let (pid, open) = rest.split_at_checked(4).unwrap_or_default();
    DrainingGeneration {
        generation: generation.try_into().map(u64::from_le_bytes).unwrap_or_default(),
        pid: pid.try_into().map(u32::from_le_bytes).unwrap_or_default(),
        open: open.first_chunk().copied().map(u64::from_le_bytes),
    }
}

fn opaque(draining: &DrainingGeneration) -> Vec<u8> {
    let mut opaque = draining.generation.to_le_bytes().to_vec();
    opaque.extend(draining.pid.to_le_bytes());
    opaque.extend(draining.open.iter().flat_map(|open| open.to_le_bytes()));
    opaque
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    #[test]
    fn whatever_is_told_of_a_generation_is_read() {
        let (socket, _other) = UnixStream::pair().unwrap();
        for open in [None, Some(0), Some(u64::MAX)] {
            let told = DrainingGeneration { generation: 7, pid: 70, open };
            assert_eq!(read(&describe(&told, socket.as_fd()).unwrap()), told);
        }
    }
}
