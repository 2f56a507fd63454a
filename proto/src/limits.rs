//! Every bound of the protocol, with its unit and its reason.

use core::time::Duration;

/// First four bytes of every frame: `HRLM` in little-endian order.
///
/// ```
/// use heirloom_proto::{Message, limits::MAGIC};
///
/// assert_eq!(Message::Owned.encode()?[..4], MAGIC.to_le_bytes());
/// # Ok::<(), heirloom_proto::InvalidMessage>(())
/// ```
pub const MAGIC: u32 = u32::from_le_bytes(*b"HRLM");

/// The version this crate speaks: both the lowest and the highest it offers.
///
/// ```
/// use heirloom_proto::{Message, limits::VERSION};
///
/// assert_eq!(Message::Owned.encode()?[4..6], VERSION.to_le_bytes());
/// # Ok::<(), heirloom_proto::InvalidMessage>(())
/// ```
pub const VERSION: u16 = 1;

/// The version in the header of `Hello`, `Welcome` and `Refuse`, whose layout never changes.
///
/// ```
/// use heirloom_proto::{Message, Phase, Refuse, RefuseReason, limits::FROZEN_VERSION};
///
/// # let (reason, phase, text) = (RefuseReason::Busy, Phase::Serving, String::new());
/// # let refuse = Refuse { reason, generation: 1, phase, age_ms: 0, needed: 0, available: 0, text };
/// assert_eq!(Message::Refuse(refuse).encode()?[4..6], FROZEN_VERSION.to_le_bytes());
/// # Ok::<(), heirloom_proto::InvalidMessage>(())
/// ```
pub const FROZEN_VERSION: u16 = 0;

/// Bytes of a frame's header: magic, version, kind, length of the body.
///
/// ```
/// use heirloom_proto::{Message, limits::HEADER};
///
/// // `Owned` has no body.
/// assert_eq!(Message::Owned.encode()?.len(), HEADER);
/// # Ok::<(), heirloom_proto::InvalidMessage>(())
/// ```
pub const HEADER: usize = 12;

/// Longest frame, in bytes, header included. The default send buffer of a Unix socket on Linux
/// (`net.core.wmem_default`, 212,992) holds three of them.
///
/// ```
/// use heirloom_proto::{InvalidMessage, Message, limits::MAX_FRAME};
///
/// let long = vec![0; MAX_FRAME + 1];
/// assert_eq!(Message::decode(&long), Err(InvalidMessage::TooLong { length: 65_537 }));
/// ```
pub const MAX_FRAME: usize = 65_536;

/// Most descriptors in one frame. Linux takes 253 (`SCM_MAX_FD`); musl's control buffer has been
/// seen to fit 252.
///
/// ```
/// use heirloom_proto::limits::MAX_DESCRIPTORS;
///
/// // So many frames a thousand descriptors take.
/// assert_eq!(1_000_usize.div_ceil(MAX_DESCRIPTORS), 4);
/// ```
pub const MAX_DESCRIPTORS: usize = 250;

/// Most descriptors sent and not yet acknowledged. The kernel counts them against the sender's
/// `RLIMIT_NOFILE` (`ETOOMANYREFS`), whose usual soft value is 1,024.
///
/// ```
/// use heirloom_proto::limits::{MAX_DESCRIPTORS, MAX_IN_FLIGHT};
///
/// // Four full frames, then an acknowledgement is waited for.
/// assert_eq!(MAX_IN_FLIGHT / MAX_DESCRIPTORS, 4);
/// ```
pub const MAX_IN_FLIGHT: usize = 1_000;

/// Longest name of an entry, in bytes of UTF-8: as long as a file name may be (`NAME_MAX`).
///
/// ```
/// use heirloom_proto::{Name, limits::MAX_NAME};
///
/// assert!(Name::new("x".repeat(MAX_NAME)).is_ok());
/// assert!(Name::new("x".repeat(MAX_NAME + 1)).is_err());
/// ```
pub const MAX_NAME: usize = 255;

/// Longest service or build label, in bytes of UTF-8.
///
/// ```
/// use heirloom_proto::limits::MAX_LABEL;
///
/// let service = "shop";
/// assert!(service.len() <= MAX_LABEL);
/// ```
pub const MAX_LABEL: usize = 255;

/// Longest application-chosen bytes of one entry: a full batch of them still fits a few frames.
///
/// ```
/// use heirloom_proto::{Opaque, limits::MAX_OPAQUE};
///
/// assert!(Opaque::try_from(vec![0; MAX_OPAQUE]).is_ok());
/// assert!(Opaque::try_from(vec![0; MAX_OPAQUE + 1]).is_err());
/// ```
pub const MAX_OPAQUE: usize = 1_024;

/// Longest label of a schema, in bytes of UTF-8: it is the opaque part of its entry.
///
/// ```
/// use heirloom_proto::{Schema, limits::MAX_SCHEMA};
///
/// assert!(Schema::new("x".repeat(MAX_SCHEMA)).is_ok());
/// assert!(Schema::new("x".repeat(MAX_SCHEMA + 1)).is_err());
/// ```
pub const MAX_SCHEMA: usize = 255;

/// Most bytes of one state. They lie in memory three times while it is handed over; whoever has more
/// hands over the file in which it is.
///
/// ```
/// use heirloom_proto::limits::MAX_STATE;
///
/// assert_eq!(MAX_STATE, 1_024 * 1_024 * 1_024);
/// ```
pub const MAX_STATE: u64 = 1 << 30;

/// Longest local address, in bytes: `sizeof(struct sockaddr_storage)`.
///
/// ```
/// use heirloom_proto::{Address, limits::MAX_ADDRESS};
///
/// assert!(Address::try_from(vec![0; MAX_ADDRESS]).is_ok());
/// assert!(Address::try_from(vec![0; MAX_ADDRESS + 1]).is_err());
/// ```
pub const MAX_ADDRESS: usize = 128;

/// Longest free text (progress, reasons), in bytes of UTF-8. Longer text is cut, never refused.
///
/// ```
/// use heirloom_proto::{Abort, AbortReason, limits::MAX_TEXT};
///
/// let abort = Abort::new(AbortReason::System, &"x".repeat(5_000));
/// assert_eq!(abort.text.len(), MAX_TEXT);
/// ```
pub const MAX_TEXT: usize = 1_024;

/// Longest late state, in bytes: a frame less its header and room to grow.
///
/// ```
/// use heirloom_proto::{Commit, Message, limits::MAX_LATE_STATE};
///
/// let commit = Commit { late_state: vec![0; MAX_LATE_STATE] };
/// assert!(Message::Commit(commit).encode().is_ok());
/// ```
pub const MAX_LATE_STATE: usize = 48 * 1_024;

/// Descriptors that travel with `Welcome`: the token and the control listener.
///
/// ```
/// use heirloom_proto::limits::WELCOME_DESCRIPTORS;
///
/// // The free slots that a successor needs for 1,308 entries.
/// assert_eq!(1_308 + WELCOME_DESCRIPTORS, 1_310);
/// ```
pub const WELCOME_DESCRIPTORS: usize = 2;

/// Connections that have said nothing yet; one more evicts the oldest of the process that has most
/// of them, so that a silent crowd delays nobody.
///
/// ```
/// # use std::time::Duration;
/// # use heirloom_proto::Timeouts;
/// # use heirloom_proto::predecessor::{ConnectionId, Output, Predecessor, Settings};
/// use heirloom_proto::limits::MAX_PENDING;
///
/// # let settings = Settings { service: "shop".into(), build: "1.0".into(), generation: 1, pid: 100,
/// #     attempt: 0, timeouts: Timeouts::default(), draining_cap: 2, fence: true };
/// # let mut owner = Predecessor::new(settings, Vec::new(), Duration::ZERO);
/// for connection in 0..=MAX_PENDING as u64 {
///     owner.handle_connected(ConnectionId(connection), 300, Duration::ZERO);
/// }
/// assert_eq!(owner.poll_output(), Some(Output::Close(ConnectionId(0))));
/// ```
pub const MAX_PENDING: usize = 16;

/// How long a connection may stay silent before it has said what it wants.
///
/// ```
/// # use std::time::Duration;
/// # use heirloom_proto::Timeouts;
/// # use heirloom_proto::predecessor::{ConnectionId, Output, Predecessor, Settings};
/// use heirloom_proto::limits::PENDING_TIMEOUT;
///
/// # let settings = Settings { service: "shop".into(), build: "1.0".into(), generation: 1, pid: 100,
/// #     attempt: 0, timeouts: Timeouts::default(), draining_cap: 2, fence: true };
/// # let mut owner = Predecessor::new(settings, Vec::new(), Duration::ZERO);
/// owner.handle_connected(ConnectionId(1), 300, Duration::ZERO);
/// owner.handle_timeout(PENDING_TIMEOUT);
/// assert_eq!(owner.poll_output(), Some(Output::Close(ConnectionId(1))));
/// ```
pub const PENDING_TIMEOUT: Duration = Duration::from_secs(2);

/// Tools that watch; one more is told so and closed. Each takes a descriptor slot of the service, and a
/// system call for every event.
///
/// ```
/// # use std::time::Duration;
/// # use heirloom_proto::{Message, Timeouts};
/// # use heirloom_proto::predecessor::{ConnectionId, Output, Predecessor, Settings};
/// use heirloom_proto::limits::MAX_WATCHERS;
///
/// # let settings = Settings { service: "shop".into(), build: "1.0".into(), generation: 1, pid: 100,
/// #     attempt: 0, timeouts: Timeouts::default(), draining_cap: 2, fence: true };
/// # let mut owner = Predecessor::new(settings, Vec::new(), Duration::ZERO);
/// let watch = Message::Watch.encode()?;
/// for tool in (0..=MAX_WATCHERS as u64).map(ConnectionId) {
///     owner.handle_connected(tool, 300, Duration::ZERO);
///     owner.handle_frame(tool, &watch, Duration::ZERO);
/// }
/// let mut outputs = std::iter::from_fn(|| owner.poll_output());
/// assert!(outputs.any(|output| output == Output::Close(ConnectionId(16))));
/// # Ok::<(), heirloom_proto::InvalidMessage>(())
/// ```
pub const MAX_WATCHERS: usize = 16;

/// How often a generation that drains tells at most how much is still open there: often enough for a
/// person, and nothing to a service whose connections come and go.
///
/// ```
/// use heirloom_proto::limits::OPEN_INTERVAL;
///
/// // So often a second at most.
/// assert_eq!(1_000 / OPEN_INTERVAL.as_millis(), 5);
/// ```
pub const OPEN_INTERVAL: Duration = Duration::from_millis(200);

/// How long a successor is kept waiting for `Draining` of the generation before its predecessor: it
/// waits for `Welcome` no longer than [`TRANSFER_TIMEOUT`].
///
/// ```
/// use heirloom_proto::limits::{SETTLE_TIMEOUT, TRANSFER_TIMEOUT};
///
/// assert!(SETTLE_TIMEOUT < TRANSFER_TIMEOUT);
/// ```
pub const SETTLE_TIMEOUT: Duration = Duration::from_secs(2);

/// How long either side waits for the next step of a running transfer.
///
/// ```
/// use std::time::Duration;
/// use heirloom_proto::{Hello, Successor, limits::TRANSFER_TIMEOUT};
/// # use heirloom_proto::limits::VERSION;
///
/// # let hello = Hello {
/// #     lowest: VERSION,
/// #     highest: VERSION,
/// #     features: 0,
/// #     free_slots: 1_000,
/// #     pid: 200,
/// #     service: "shop".into(),
/// #     build: "2.0".into(),
/// #     secret: None,
/// # };
/// // It waits for `Welcome`.
/// let successor = Successor::<()>::new(hello, Duration::ZERO);
/// assert_eq!(successor.poll_deadline(), Some(TRANSFER_TIMEOUT));
/// ```
pub const TRANSFER_TIMEOUT: Duration = Duration::from_secs(5);

/// Longest that a successor may be given to become ready, with progress or without. Whoever wants more
/// wants a number, not an end; one day is far beyond what any service takes.
///
/// ```
/// use std::time::Duration;
/// use heirloom_proto::{Timeouts, limits::MAX_READY_TIMEOUT};
///
/// let endless = Timeouts { ready: Duration::MAX, ..Timeouts::default() };
/// assert_eq!(endless.capped().ready, MAX_READY_TIMEOUT);
/// ```
pub const MAX_READY_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);

/// Longest commit timeout. The token is on its way for microseconds, so this allows for a machine that
/// hardly moves; and since a successor goes by what its predecessor tells, it ends every wait for one
/// that lies.
///
/// ```
/// use std::time::Duration;
/// use heirloom_proto::{Timeouts, limits::MAX_COMMIT_TIMEOUT};
///
/// let endless = Timeouts { commit: Duration::MAX, ..Timeouts::default() };
/// assert_eq!(endless.capped().commit, MAX_COMMIT_TIMEOUT);
/// ```
pub const MAX_COMMIT_TIMEOUT: Duration = Duration::from_secs(60);

/// How long a side waits between two attempts to lock the token while nothing else wakes it.
///
/// ```
/// use heirloom_proto::{Timeouts, limits::LOCK_RETRY};
///
/// // So many attempts either side makes by default.
/// assert_eq!(Timeouts::default().commit.as_millis() / LOCK_RETRY.as_millis(), 200);
/// ```
pub const LOCK_RETRY: Duration = Duration::from_millis(10);

/// Cuts `text` to [`MAX_TEXT`] bytes at a character's boundary.
///
/// ```
/// use heirloom_proto::limits::{MAX_TEXT, clip};
///
/// assert_eq!(clip("short"), "short");
/// // `ä` takes two bytes, so the last one does not fit.
/// assert_eq!(clip(&format!("x{}", "ä".repeat(MAX_TEXT))).len(), MAX_TEXT - 1);
/// ```
pub fn clip(text: &str) -> alloc::string::String {
    let mut end = text.len().min(MAX_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().into()
}
