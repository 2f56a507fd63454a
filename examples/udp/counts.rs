//! How many requests each peer has made.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::io;
use std::net::SocketAddr;
use std::str;

/// How the counts are written: a peer's address and its count, line by line.
pub(crate) const SCHEMA: &str = "address count/1";

/// Most peers that are known. When another one comes some peer is forgotten, and begins anew.
const MOST_PEERS: usize = 100_000;

#[derive(Default)]
pub(crate) struct Counts {
    counts: BTreeMap<SocketAddr, u64>,
    /// Those that have changed since all were written. Last words have 48 KiB: a thousand peers and more.
    /// If too many ask between a successor's start and its `ready`, that handoff fails and this process
    /// goes on.
    changed: BTreeSet<SocketAddr>,
}

impl Counts {
    /// One more request of this peer's; tells which.
    pub(crate) fn count(&mut self, peer: SocketAddr) -> u64 {
        if self.counts.len() >= MOST_PEERS
            && !self.counts.contains_key(&peer)
            && let Some((forgotten, _)) = self.counts.pop_first()
        {
            self.changed.remove(&forgotten);
        }
        let count = self.counts.entry(peer).or_default();
        *count += 1;
        self.changed.insert(peer);
        *count
    }

    /// The bulk, before the successor prepares itself.
    pub(crate) fn all(&mut self) -> Vec<u8> {
        self.changed.clear();
        written(self.counts.iter())
    }

    /// What has changed since, at last.
    pub(crate) fn changed(&self) -> Vec<u8> {
        written(self.changed.iter().filter_map(|peer| self.counts.get_key_value(peer)))
    }

    /// Reads either; what comes later counts.
    pub(crate) fn read_from(&mut self, bytes: &[u8]) -> io::Result<()> {
        let read = |line: &str| {
            let (peer, count) = line.split_once(' ')?;
            Some((peer.parse().ok()?, count.parse().ok()?))
        };
        for line in str::from_utf8(bytes).map_err(io::Error::other)?.lines() {
            let (peer, count) = read(line).ok_or(io::ErrorKind::InvalidData)?;
            self.counts.insert(peer, count);
        }
        Ok(())
    }
}

fn written<'a>(counts: impl Iterator<Item = (&'a SocketAddr, &'a u64)>) -> Vec<u8> {
    let mut text = String::new();
    for (peer, count) in counts {
        // A string takes everything.
        let _ = writeln!(text, "{peer} {count}");
    }
    text.into_bytes()
}
