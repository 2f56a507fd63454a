//! What reading and writing allocate: never more than the frame that is there accounts for, whatever
//! lengths it claims, and nothing twice.
//!
//! Each thread counts its own allocations; growing counts as a new one beside the old.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use allocation_counter::{AllocationInfo, measure};
use heirloom_proto::limits::{HEADER, MAX_DESCRIPTORS, MAX_FRAME};
use heirloom_proto::{
    DrainingGeneration, Entry, FileId, Identity, InvalidMessage, Kind, Listed, Message,
    MessageKind, Name, Ready,
};
use support::layout::layout;
use support::samples::{batch, listener, samples};

/// What a list holds: bytes of an item in memory, and the fewest it has in a frame.
struct Item {
    memory: usize,
    wire: usize,
}

impl Item {
    /// Of each list in a message.
    fn of(kind: MessageKind) -> Vec<Self> {
        match kind {
            // Kind, name of one byte, a file, no path, no opaque bytes.
            MessageKind::Manifest => {
                vec![Self { memory: size_of::<Entry>(), wire: 2 + 9 + 4 + 16 + 1 + 8 }]
            }
            MessageKind::Ready => vec![Self { memory: size_of::<Name>(), wire: 9 }],
            MessageKind::StatusReport => vec![
                Self { memory: size_of::<DrainingGeneration>(), wire: 8 + 4 + 1 },
                // Kind, name of one byte, no address.
                Self { memory: size_of::<Listed>(), wire: 2 + 9 + 8 },
            ],
            _ => Vec::new(),
        }
    }
}

/// The most bytes that a frame of `length` bytes may need at once to be read, and in all.
///
/// * A list has room for a frame's descriptors from the start. One that has more items doubles: then
///   there are fewer than two spare places for each item at once with the list it is moved from, and
///   fewer than three in all.
/// * The text of a name is shared: two counts stand before it, and it is rounded up to their size.
/// * All texts and bytes are copied from the frame, so together they have no more bytes than it.
/// * A frame that cannot be read is read again, for the name of the field and the reason.
fn most(kind: MessageKind, length: usize) -> (usize, usize) {
    const NAMED: usize = 1_024;
    const SHARED: usize = 3 * size_of::<usize>() - 1;
    let (mut at_once, mut in_all) = (length, length);
    for Item { memory, wire } in Item::of(kind) {
        let items = length / wire;
        let spare = |places| if items > MAX_DESCRIPTORS { items * places } else { 0 };
        at_once += (items.max(MAX_DESCRIPTORS) + spare(2)) * memory + items * SHARED;
        in_all += (items.max(MAX_DESCRIPTORS) + spare(3)) * memory + items * SHARED;
    }
    (at_once + NAMED, 2 * in_all + NAMED)
}

/// Reads a frame whose kind is known, within its bounds.
#[track_caller]
fn read(frame: &[u8]) -> (AllocationInfo, Result<Message, InvalidMessage>) {
    let mut read = None;
    let used = measure(|| read = Some(Message::decode(frame)));
    let kind = MessageKind::try_from(u16::from_le_bytes([frame[6], frame[7]])).unwrap();
    let (at_once, in_all) = most(kind, frame.len());
    let read = read.unwrap();
    assert!(used.bytes_max <= at_once as u64, "{used:?}, not {at_once}: {read:?}");
    assert!(used.bytes_total <= in_all as u64, "{used:?}, not {in_all}: {read:?}");
    (used, read)
}

const CLAIMS: [u64; 10] = [
    MAX_DESCRIPTORS as u64,
    (MAX_FRAME - HEADER - 8) as u64,
    MAX_FRAME as u64 - 1,
    MAX_FRAME as u64,
    1 << 20,
    1 << 31,
    1 << 32,
    1 << 62,
    1 << 63,
    u64::MAX,
];

/// Where in a frame a count stands.
fn counts(message: &Message) -> Vec<usize> {
    let mut next = HEADER;
    let fields = layout(message).into_iter().filter_map(|field| {
        let at = next;
        next += field.length;
        field.counted.then_some(at)
    });
    fields.collect()
}

fn claim(frame: &[u8], at: usize, claim: u64) -> Vec<u8> {
    let mut frame = frame.to_vec();
    frame[at..at + 8].copy_from_slice(&claim.to_le_bytes());
    frame
}

#[test]
fn whatever_a_field_claims_its_frame_bounds_what_is_allocated() {
    let mut claimed = 0;
    for (_, message) in samples() {
        let frame = message.encode().unwrap();
        for at in counts(&message) {
            for length in CLAIMS {
                let (_, read) = read(&claim(&frame, at, length));
                assert!(read.is_err(), "{read:?} claims {length} at {at}");
                claimed += 1;
            }
        }
    }
    // As many as samples() has of them: two labels and more in each of the greetings, and so on.
    assert!(claimed > 30 * CLAIMS.len(), "{claimed}");
}

#[test]
fn whatever_byte_of_a_claim_changes_its_frame_bounds_what_is_allocated() {
    for (_, message) in samples() {
        let mut frame = message.encode().unwrap();
        for at in counts(&message).into_iter().flat_map(|at| at..at + 8) {
            for flip in 1..=u8::MAX {
                frame[at] ^= flip;
                let _ = read(&frame);
                frame[at] ^= flip;
            }
        }
    }
}

#[test]
fn a_full_frame_bounds_what_is_allocated_whatever_it_claims() {
    for message in [full_manifest(), full_ready()] {
        let frame = message.encode().unwrap();
        assert!(frame.len() > MAX_FRAME - 40, "{} bytes are not full", frame.len());
        let counts = counts(&message);
        for at in [&counts[..3], &counts[counts.len() - 3..]].concat() {
            for length in CLAIMS {
                let _ = read(&claim(&frame, at, length));
            }
        }
    }
}

/// The formula is no looser than it says: the worst frames come near to it.
#[test]
fn the_bound_is_no_more_than_twice_what_the_worst_frame_takes() {
    for message in [full_manifest(), full_ready()] {
        let frame = message.encode().unwrap();
        let (used, _) = read(&frame);
        let (at_once, _) = most(message.kind().unwrap(), frame.len());
        assert!(used.bytes_max * 2 > at_once as u64, "{used:?} of {at_once}");
    }
}

#[test]
fn reading_a_manifest_allocates_its_list_and_what_each_entry_owns() {
    for (opaque, owned) in [(0, 2), (16, 3)] {
        for entries in [10, 50, MAX_DESCRIPTORS as u64] {
            let frame = listeners(entries, opaque).encode().unwrap();
            let (used, read) = read(&frame);
            assert!(read.is_ok());
            assert_eq!(used.count_total, 1 + owned * entries, "{used:?}");
            assert_eq!(used.count_current, used.count_total.cast_signed(), "one was in vain");
        }
    }
}

#[test]
fn writing_allocates_the_frame() {
    let listeners = [0, 10, 50, MAX_DESCRIPTORS as u64].map(|entries| listeners(entries, 16));
    let samples = samples().into_iter().map(|(_, message)| message);
    for message in samples.chain(listeners) {
        let mut frame = None;
        let used = measure(|| frame = Some(message.encode()));
        let length = frame.unwrap().unwrap().len() as u64;
        assert_eq!((used.count_total, used.bytes_total), (1, length), "{message:?}");
    }
}

/// So many listeners, each with an address of 16 bytes.
fn listeners(count: u64, opaque: usize) -> Message {
    let entries = (0..count).map(|index| {
        let mut entry = listener();
        entry.name = Name::new(format!("127.0.0.1:{}", 17_000 + index)).unwrap();
        let Identity::Socket(socket) = &mut entry.identity else { panic!("no socket") };
        socket.local = vec![0; 16].try_into().unwrap();
        entry.opaque = vec![0; opaque].try_into().unwrap();
        entry
    });
    batch(entries.collect(), true)
}

/// As many of the shortest entries as a frame has bytes for, which is more than it may have.
fn full_manifest() -> Message {
    let file = FileId { device: 1, inode: 2 };
    let shortest = Entry {
        kind: Kind::File,
        name: Name::new("x").unwrap(),
        identity: Identity::File(file),
        path: None,
        opaque: Vec::new().try_into().unwrap(),
    };
    let count = (MAX_FRAME - HEADER - 9) / shortest.encoded_len();
    batch(vec![shortest; count], true)
}

/// As many of the shortest names as a frame has bytes for.
fn full_ready() -> Message {
    let strays = vec![Name::new("x").unwrap(); (MAX_FRAME - HEADER - 16) / 9];
    Message::Ready(Ready { stray_count: 0, strays })
}
