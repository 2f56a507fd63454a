//! Every bound of the protocol, with its unit and its reason.

use core::time::Duration;

/// First four bytes of every frame: `HRLM` in little-endian order.
pub const MAGIC: u32 = u32::from_le_bytes(*b"HRLM");

/// The version this crate speaks: both the lowest and the highest it offers.
pub const VERSION: u16 = 1;

/// The version in the header of `Hello`, `Welcome` and `Refuse`, whose layout never changes.
pub const FROZEN_VERSION: u16 = 0;

/// Bytes of a frame's header: magic, version, kind, length of the body.
pub const HEADER: usize = 12;

/// Longest frame, in bytes, header included. The default send buffer of a Unix socket on Linux
/// (`net.core.wmem_default`, 212,992) holds three of them.
pub const MAX_FRAME: usize = 65_536;

/// Most descriptors in one frame. Linux takes 253 (`SCM_MAX_FD`); musl's control buffer has been
/// seen to fit 252.
pub const MAX_DESCRIPTORS: usize = 250;

/// Most descriptors sent and not yet acknowledged. The kernel counts them against the sender's
/// `RLIMIT_NOFILE` (`ETOOMANYREFS`), whose usual soft value is 1,024.
pub const MAX_IN_FLIGHT: usize = 1_000;

/// Longest name of an entry, in bytes of UTF-8: as long as a file name may be (`NAME_MAX`).
pub const MAX_NAME: usize = 255;

/// Longest service or build label, in bytes of UTF-8.
pub const MAX_LABEL: usize = 255;

/// Longest application-chosen bytes of one entry: a full batch of them still fits a few frames.
pub const MAX_OPAQUE: usize = 1_024;

/// Longest label of a schema, in bytes of UTF-8: it is the opaque part of its entry.
pub const MAX_SCHEMA: usize = 255;

/// Most bytes of one state. They lie in memory three times while it is handed over; whoever has more
/// hands over the file in which it is.
pub const MAX_STATE: u64 = 1 << 30;

/// Longest local address, in bytes: `sizeof(struct sockaddr_storage)`.
pub const MAX_ADDRESS: usize = 128;

/// Longest free text (progress, reasons), in bytes of UTF-8. Longer text is cut, never refused.
pub const MAX_TEXT: usize = 1_024;

/// Longest late state, in bytes: a frame less its header and room to grow.
pub const MAX_LATE_STATE: usize = 48 * 1_024;

/// Descriptors that travel with `Welcome`: the token and the control listener.
pub const WELCOME_DESCRIPTORS: usize = 2;

/// Connections that have said nothing yet; one more evicts the oldest of the process that has most
/// of them, so that a silent crowd delays nobody.
pub const MAX_PENDING: usize = 16;

/// How long a connection may stay silent before it has said what it wants.
pub const PENDING_TIMEOUT: Duration = Duration::from_secs(2);

/// Tools that watch; one more is told so and closed. Each takes a descriptor slot of the service, and a
/// system call for every event.
pub const MAX_WATCHERS: usize = 16;

/// How often a generation that drains tells at most how much is still open there: often enough for a
/// person, and nothing to a service whose connections come and go.
pub const OPEN_INTERVAL: Duration = Duration::from_millis(200);

/// How long a successor is kept waiting for `Draining` of the generation before its predecessor: it
/// waits for `Welcome` no longer than [`TRANSFER_TIMEOUT`].
pub const SETTLE_TIMEOUT: Duration = Duration::from_secs(2);

/// How long either side waits for the next step of a running transfer.
pub const TRANSFER_TIMEOUT: Duration = Duration::from_secs(5);

/// Longest that a successor may be given to become ready, with progress or without. Whoever wants more
/// wants a number, not an end; one day is far beyond what any service takes.
pub const MAX_READY_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);

/// Longest commit timeout. The token is on its way for microseconds, so this allows for a machine that
/// hardly moves; and since a successor goes by what its predecessor tells, it ends every wait for one
/// that lies.
pub const MAX_COMMIT_TIMEOUT: Duration = Duration::from_secs(60);

/// How long a side waits between two attempts to lock the token while nothing else wakes it.
pub const LOCK_RETRY: Duration = Duration::from_millis(10);

/// Cuts `text` to [`MAX_TEXT`] bytes at a character's boundary.
pub fn clip(text: &str) -> alloc::string::String {
    let mut end = text.len().min(MAX_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().into()
}
