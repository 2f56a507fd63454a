//! The ordered list of what is handed over, paired with the descriptors that travel with it.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;

use serde::{Deserialize, Serialize};

use crate::entry::Entry;
use crate::error::InvalidMessage;
use crate::limits::{HEADER, MAX_DESCRIPTORS, MAX_FRAME};

/// One batch of entries, each with its descriptor: `n` entries travel with exactly `n` descriptors.
///
/// Generic over the descriptor, so that the same type is sent borrowed, received owned and tested
/// with `()`.
///
/// ```
/// use heirloom_proto::{Entry, FileId, Identity, Kind, Manifest, Name, Opaque};
///
/// # let identity = Identity::File(FileId { device: 2, inode: 11 });
/// # let (name, opaque) = (Name::new("journal")?, Opaque::default());
/// # let entry = Entry { kind: Kind::File, name, identity, path: None, opaque };
/// let from_a_frame = Manifest { entries: vec![(entry, ())], last: true };
/// // The descriptors that came beside the frame; real ones are `OwnedFd`.
/// let paired = from_a_frame.clone().pair(vec!["descriptor of the journal"])?;
/// assert_eq!(paired.entries[0].1, "descriptor of the journal");
/// assert!(from_a_frame.pair(vec!["one", "too many"]).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Manifest<F = ()> {
    /// The entries in order, each with its descriptor.
    pub entries: Vec<(Entry, F)>,
    /// No batch follows.
    pub last: bool,
}

impl Manifest {
    /// Pairs the entries with the descriptors that came in the same frame, in order.
    ///
    /// # Errors
    ///
    /// [`InvalidMessage::DescriptorCount`] unless there are as many of one as of the other. The
    /// descriptors are dropped then.
    pub fn pair<F>(self, descriptors: Vec<F>) -> Result<Manifest<F>, InvalidMessage> {
        if self.entries.len() != descriptors.len() {
            return Err(InvalidMessage::DescriptorCount {
                entries: self.entries.len(),
                descriptors: descriptors.len(),
            });
        }
        let entries = self.entries.into_iter().map(|(entry, ())| entry);
        Ok(Manifest { entries: entries.zip(descriptors).collect(), last: self.last })
    }
}

/// A manifest on the wire: a flag, then the entries, however they are kept. One beside a `()` is
/// written as one alone is: a `()` has no bytes.
#[derive(Serialize)]
pub(crate) struct Outgoing<'a, E> {
    pub(crate) last: bool,
    pub(crate) entries: &'a [E],
}

/// A manifest from the wire.
#[derive(Deserialize)]
pub(crate) struct Incoming {
    last: bool,
    #[serde(deserialize_with = "crate::codec::list")]
    entries: Vec<Entry>,
}

impl TryFrom<Incoming> for Manifest {
    type Error = InvalidMessage;

    fn try_from(incoming: Incoming) -> Result<Self, InvalidMessage> {
        match incoming.entries.len() {
            entries if entries > MAX_DESCRIPTORS => Err(InvalidMessage::TooManyEntries { entries }),
            _ => Ok(Self {
                entries: incoming.entries.into_iter().map(|entry| (entry, ())).collect(),
                last: incoming.last,
            }),
        }
    }
}

/// Cuts a list of entries into batches that fit a frame: by count and by bytes. There is always a
/// last batch, if only an empty one.
///
/// ```
/// use std::sync::Arc;
/// use heirloom_proto::{Batches, Entry, FileId, Identity, Kind, Name, Opaque};
///
/// # let identity = Identity::File(FileId { device: 2, inode: 11 });
/// # let (name, opaque) = (Name::new("journal")?, Opaque::default());
/// # let entry = Arc::new(Entry { kind: Kind::File, name, identity, path: None, opaque });
/// let batches = Batches::new(vec![entry; 300]);
/// assert_eq!(batches.total(), 300);
/// // No frame carries more than 250 descriptors.
/// assert_eq!(batches.peek(), Some(0..250));
/// assert!(batches.taken() == 0 && !batches.is_done());
/// # Ok::<(), heirloom_proto::InvalidName>(())
/// ```
#[derive(Clone, Debug, Hash)]
pub struct Batches {
    entries: Vec<Arc<Entry>>,
    next: usize,
    done: bool,
}

impl Batches {
    /// Batches of these entries, in their order.
    pub fn new(entries: Vec<Arc<Entry>>) -> Self {
        Self { entries, next: 0, done: false }
    }

    /// How many entries there are in all.
    pub fn total(&self) -> usize {
        self.entries.len()
    }

    /// How many entries have been taken.
    pub fn taken(&self) -> usize {
        self.next
    }

    /// The last batch was taken.
    pub fn is_done(&self) -> bool {
        self.done
    }

    /// Where the next batch lies in the list, while there is one.
    pub fn peek(&self) -> Option<Range<usize>> {
        /// The flag, and the count of entries.
        const FIXED: usize = HEADER + 1 + 8;
        if self.done {
            return None;
        }
        let mut room = MAX_FRAME - FIXED;
        let fits = |entry: &&Arc<Entry>| match room.checked_sub(entry.encoded_len()) {
            Some(rest) => {
                room = rest;
                true
            }
            None => false,
        };
        let count = self.entries.iter().skip(self.next).take(MAX_DESCRIPTORS).take_while(fits);
        Some(self.next..self.next + count.count())
    }

    /// Takes the batch at `range`, which [`peek`](Self::peek) has told, as a frame.
    pub(crate) fn take(&mut self, range: &Range<usize>) -> Outgoing<'_, Arc<Entry>> {
        self.next = range.end;
        self.done = range.end >= self.entries.len();
        Outgoing { last: self.done, entries: self.entries.get(range.clone()).unwrap_or_default() }
    }
}

#[cfg(test)]
mod tests {
    use alloc::sync::Arc;
    use alloc::vec;
    use alloc::vec::Vec;

    use super::Batches;
    use crate::entry::{Entry, FileId, Identity, Kind};
    use crate::limits::{MAX_FRAME, MAX_NAME, MAX_OPAQUE};
    use crate::message::{Message, encode_manifest};
    use crate::name::Name;

    fn entries(count: usize, opaque: usize) -> Vec<Arc<Entry>> {
        let entry = Arc::new(Entry {
            kind: Kind::File,
            name: Name::new("x".repeat(MAX_NAME)).unwrap(),
            identity: Identity::File(FileId { device: 1, inode: 2 }),
            path: None,
            opaque: vec![0; opaque].try_into().unwrap(),
        });
        vec![entry; count]
    }

    /// The sizes of the batches, and of the longest frame among them.
    fn cut(entries: Vec<Arc<Entry>>) -> (Vec<usize>, usize) {
        let mut batches = Batches::new(entries);
        let (mut sizes, mut longest) = (Vec::new(), 0);
        while let Some(range) = batches.peek() {
            let frame = encode_manifest(&batches.take(&range)).unwrap();
            let Ok(Message::Manifest(manifest)) = Message::decode(&frame) else {
                panic!("a batch that cannot be read")
            };
            assert_eq!(manifest.entries.len(), range.len());
            assert_eq!(manifest.last, batches.is_done());
            sizes.push(range.len());
            longest = longest.max(frame.len());
        }
        assert_eq!(batches.taken(), batches.total());
        (sizes, longest)
    }

    #[test]
    fn batches_are_cut_by_count() {
        assert_eq!(cut(entries(0, 0)).0, [0]);
        assert_eq!(cut(entries(1, 0)).0, [1]);
        assert_eq!(cut(entries(205, 0)).0, [205]);
    }

    #[test]
    fn batches_of_long_entries_are_cut_by_bytes() {
        let (sizes, longest) = cut(entries(250, MAX_OPAQUE));
        assert_eq!(sizes.iter().sum::<usize>(), 250);
        assert_eq!(sizes.first(), Some(&49));
        assert!(longest <= MAX_FRAME);
        assert!(longest > MAX_FRAME - 1_400, "a batch could be fuller: {longest}");
    }

    #[test]
    fn every_fill_of_the_last_frame_fits() {
        for opaque in 0..MAX_OPAQUE {
            let (sizes, longest) = cut(entries(60, opaque));
            assert!(longest <= MAX_FRAME, "{sizes:?}");
        }
    }
}
