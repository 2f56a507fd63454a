//! The layout of version 1, written by hand from the tables of PROTOCOL.md: their order, their
//! words. Nothing here comes from the crate, so that a change in the crate does not change it too.

/// What one field looks like in a frame.
#[derive(Debug)]
pub(crate) enum Shape {
    /// A number without a sign, of so many bytes.
    Number(usize),
    /// The same, in milliseconds.
    Milliseconds,
    /// The same, where numbers have names.
    Named(usize, &'static [(u64, &'static str)]),
    /// An `i32`.
    Signed,
    Flag,
    /// So many bytes.
    Raw(usize),
    /// A count and so many bytes of UTF-8: how many at least and at most.
    Text(usize, usize),
    /// A count and so many bytes: how many at most.
    Bytes(usize),
    Optional(&'static Shape),
    Group(&'static [Field]),
    /// A count and so many items: what one is called, what it holds, how many there may be.
    List(&'static str, &'static [Field], u64),
    /// A `u32`, then the fields of the variant that it numbers.
    OneOf(&'static [(&'static str, &'static [Field])]),
}

/// A field by the name that PROTOCOL.md gives it.
#[derive(Debug)]
pub(crate) struct Field(pub(crate) &'static str, pub(crate) Shape);

/// One kind of message.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) kind: u16,
    pub(crate) name: &'static str,
    pub(crate) route: &'static str,
    pub(crate) descriptors: Descriptors,
    /// In the header of its frames.
    pub(crate) version: u16,
    pub(crate) body: &'static [Field],
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Descriptors {
    Exactly(usize),
    OneForEachEntry,
}

/// Section 4, with the bodies of section 5.
pub(crate) const KINDS: [Layout; 20] = [
    Layout { version: 0, ..kind(0x8001, "Hello", S_P, HELLO) },
    Layout {
        descriptors: Descriptors::Exactly(2),
        version: 0,
        ..kind(0x8002, "Welcome", P_S, WELCOME)
    },
    Layout { version: 0, ..kind(0x8003, "Refuse", P_S, REFUSE) },
    Layout { descriptors: Descriptors::OneForEachEntry, ..kind(0x8004, "Manifest", P_S, MANIFEST) },
    kind(0x8005, "Received", S_P, &[Field("count", U64)]),
    kind(0x0006, "Progress", S_P, &[Field("text", TEXT)]),
    kind(0x8007, "Ready", S_P, READY),
    kind(0x8008, "Commit", P_S, &[Field("late state", Shape::Bytes(49_152))]),
    kind(0x8009, "Released", P_S, &[]),
    kind(0x800a, "Owned", S_P, &[]),
    kind(0x000b, "Retired", P_S, &[]),
    kind(0x800c, "Abort", "both", &[Field("reason", ABORT_REASON), Field("text", TEXT)]),
    kind(0x800d, "Status", "tool → P", &[]),
    kind(0x800e, "StatusReport", "P → tool", STATUS_REPORT),
    kind(0x800f, "Upgrade", "tool → P", &[]),
    kind(0x8010, "Outcome", "P → tool", &[Field("outcome", OUTCOME)]),
    kind(0x0011, "Draining", P_S, &[]),
    kind(0x0012, "Open", P_S, &[Field("open", U64)]),
    kind(0x8013, "Watch", "tool → P", &[]),
    kind(0x0014, "Happened", "P → tool", HAPPENED),
];

const fn kind(
    kind: u16,
    name: &'static str,
    route: &'static str,
    body: &'static [Field],
) -> Layout {
    Layout { kind, name, route, descriptors: Descriptors::Exactly(0), version: 1, body }
}

const S_P: &str = "S → P";
const P_S: &str = "P → S";

const U16: Shape = Shape::Number(2);
const U32: Shape = Shape::Number(4);
const U64: Shape = Shape::Number(8);
const LABEL: Shape = Shape::Text(0, 255);
const NAME: Shape = Shape::Text(1, 255);
const TEXT: Shape = Shape::Text(0, 1_024);

const HELLO: &[Field] = &[
    Field("lowest version spoken", U16),
    Field("highest version spoken", U16),
    Field("features", U64),
    Field("free descriptor slots", U64),
    Field("process id", U32),
    Field("service label", LABEL),
    Field("build label", LABEL),
    Field("secret", Shape::Optional(&Shape::Raw(32))),
];

const WELCOME: &[Field] = &[
    Field("version spoken from here on", U16),
    Field("generation that the successor is going to be", U64),
    Field("attempt", U64),
    Field("entries that will follow in all", U64),
    Field("ready timeout", Shape::Milliseconds),
    Field("ready cap", Shape::Milliseconds),
    Field("commit timeout", Shape::Milliseconds),
    Field("process id", U32),
    Field("build label", LABEL),
];

const REFUSE: &[Field] = &[
    Field("reason", REFUSE_REASON),
    Field("generation of the sender", U64),
    Field("phase of the sender", PHASE),
    Field("age of that phase", Shape::Milliseconds),
    Field("needed", U64),
    Field("available", U64),
    Field("text", TEXT),
];

const MANIFEST: &[Field] =
    &[Field("last", Shape::Flag), Field("entries", Shape::List("entry", ENTRY, 250))];

pub(crate) const ENTRY: &[Field] = &[
    Field("kind", ENTRY_KIND),
    Field("name", NAME),
    Field("identity", Shape::OneOf(&[("socket", SOCKET), ("file", FILE)])),
    Field("path", Shape::Optional(&Shape::Group(FILE))),
    Field("opaque", Shape::Bytes(1_024)),
];

pub(crate) const SOCKET: &[Field] = &[
    Field("domain", Shape::Signed),
    Field("type", Shape::Signed),
    Field("protocol", Shape::Signed),
    Field("listening", Shape::Flag),
    Field("local address", Shape::Bytes(128)),
    Field("cookie", U64),
];

pub(crate) const FILE: &[Field] = &[Field("device", U64), Field("inode", U64)];

const READY: &[Field] = &[
    Field("number of entries not claimed", U64),
    Field("names", Shape::List("name", &[Field("name", NAME)], u64::MAX)),
];

/// What the late state of `Commit` is, unless it has no bytes.
pub(crate) const LATE_STATE: &[Field] =
    &[Field("last words", Shape::List("last words", WORDS, u64::MAX))];

pub(crate) const WORDS: &[Field] =
    &[Field("name", NAME), Field("schema", NAME), Field("content", Shape::Bytes(usize::MAX))];

const STATUS_REPORT: &[Field] = &[
    Field("generation", U64),
    Field("process id", U32),
    Field("service label", LABEL),
    Field("build label", LABEL),
    Field("phase", PHASE),
    Field("age of that phase", Shape::Milliseconds),
    Field("since the process began", Shape::Milliseconds),
    Field("entries it would hand over now", U64),
    Field("draining generations", Shape::List("draining generation", DRAINING, u64::MAX)),
    Field("open", OPEN),
    Field("running handoff", Shape::Optional(&Shape::Group(RUNNING))),
    Field("last failure", Shape::Optional(&Shape::Group(FAILURE))),
    Field("entries listed", Shape::List("entry listed", LISTED, u64::MAX)),
];

const OPEN: Shape = Shape::Optional(&U64);

pub(crate) const DRAINING: &[Field] =
    &[Field("generation", U64), Field("process id", U32), Field("open", OPEN)];

pub(crate) const RUNNING: &[Field] = &[Field("process id", U32), Field("build label", LABEL)];

pub(crate) const FAILURE: &[Field] = &[
    Field("phase", PHASE),
    Field("duration of the handoff", Shape::Milliseconds),
    Field("since it failed", Shape::Milliseconds),
    Field("text", TEXT),
];

pub(crate) const LISTED: &[Field] =
    &[Field("kind", ENTRY_KIND), Field("name", NAME), Field("local address", Shape::Bytes(128))];

const HAPPENED: &[Field] = &[
    Field("event", EVENT),
    Field("process id", U32),
    Field("generation", U64),
    Field("phase", PHASE),
    Field("duration of the handoff", Shape::Milliseconds),
    Field("number", U64),
    Field("text", TEXT),
];

pub(crate) const EVENT: Shape = Shape::Named(
    2,
    &[
        (1, "began"),
        (2, "phase"),
        (3, "progress"),
        (4, "ready"),
        (5, "owned"),
        (6, "failed"),
        (7, "taken back"),
        (8, "refused"),
        (9, "retired"),
        (10, "stopped"),
    ],
);

const OUTCOME: Shape = Shape::OneOf(&[
    ("committed", &[Field("process id of the new owner", U32), Field("its generation", U64)]),
    ("failed", &[Field("cause", CAUSE), Field("text", TEXT)]),
]);

pub(crate) const CAUSE: Shape = Shape::Named(
    2,
    &[
        (1, "refused"),
        (2, "exited"),
        (3, "timed out"),
        (4, "given up"),
        (5, "protocol broken"),
        (6, "not started"),
        (7, "void"),
    ],
);

pub(crate) const REFUSE_REASON: Shape = Shape::Named(
    2,
    &[
        (1, "busy"),
        (2, "not ready"),
        (3, "version"),
        (4, "another service"),
        (5, "not enough descriptor slots"),
        (6, "secret"),
        (7, "stopping"),
        (8, "too many generations draining"),
        (9, "secret used by this process"),
    ],
);

pub(crate) const ABORT_REASON: Shape = Shape::Named(
    2,
    &[
        (1, "timed out"),
        (2, "protocol broken"),
        (3, "descriptor mismatch"),
        (4, "stopping"),
        (5, "application gave up"),
        (6, "changed during the handoff"),
        (7, "could not be published"),
        (8, "taken back"),
        (9, "system error"),
        (10, "descriptors cut off"),
    ],
);

pub(crate) const PHASE: Shape = Shape::Named(
    1,
    &[
        (1, "starting"),
        (2, "serving"),
        (3, "spawning"),
        (4, "greeting"),
        (5, "transferring"),
        (6, "preparing"),
        (7, "committing"),
        (8, "releasing"),
        (9, "reclaiming"),
        (10, "fencing"),
        (11, "draining"),
        (12, "stopped"),
    ],
);

pub(crate) const ENTRY_KIND: Shape = Shape::Named(
    2,
    &[
        (1, "TCP listener"),
        (2, "UDP socket"),
        (3, "Unix stream listener"),
        (4, "Unix datagram socket"),
        (5, "Unix sequential-packet listener"),
        (6, "TCP connection"),
        (7, "Unix stream connection"),
        (8, "file"),
        (9, "descriptor of any sort"),
        (10, "control connection to an older generation that is still draining"),
        (11, "state"),
        (12, "announcement of last words"),
    ],
);
