"""The bodies (section 5), one dataclass for each kind of frame."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, Dict, List, Optional, Type, Union

from vocabulary import HEADER_BYTES, MAX_BATCH_ENTRIES, MUST_UNDERSTAND, VERSION, Kind
from wire import BOOL, I32, U8, U16, U32, U64
from wire import Bound, Bytes, CutText, Cursor, Fixed, Header, InvalidFrame, ListOf, OneOf, OptionalOf, Record, Text

BUILD_LABEL = CutText(255)
SERVICE_LABEL = Text(255)
EXPLANATION = CutText(1_024)
NAME = Bound(Text(255), lambda name: 1 <= len(name.encode()) <= 255 and "\0" not in name)
LOCAL_ADDRESS = Bound(Bytes(128), lambda address: len(address) <= 128)
OPAQUE = Bound(Bytes(1_024), lambda opaque: len(opaque) <= 1_024)


class Message:
    """A frame without its descriptors."""

    KIND: ClassVar[Kind]
    LAYOUT: ClassVar[tuple] = ()
    LAYOUT_VERSION: ClassVar[int] = VERSION

    def frame(self) -> bytes:
        """The whole frame."""
        body = bytearray()
        Record(type(self)).put(body, self)
        return Header(self.LAYOUT_VERSION, self.KIND).pack(bytes(body))


class Frozen(Message):
    """Those that are read before a version is agreed on: theirs is 0 for ever."""

    LAYOUT_VERSION = 0


@dataclasses.dataclass
class Hello(Frozen):
    KIND = Kind.HELLO
    LAYOUT = (U16, U16, U64, U64, U32, SERVICE_LABEL, BUILD_LABEL, OptionalOf(Fixed(32)))

    lowest: int
    highest: int
    features: int
    free_slots: int
    pid: int
    service: str
    build: str
    secret: Optional[bytes]


@dataclasses.dataclass
class Welcome(Frozen):
    KIND = Kind.WELCOME
    LAYOUT = (U16, U64, U64, U64, U64, U64, U64, U32, BUILD_LABEL)

    version: int
    generation: int
    attempt: int
    entries: int
    ready_timeout_ms: int
    ready_cap_ms: int
    commit_timeout_ms: int
    pid: int
    build: str


@dataclasses.dataclass
class Refuse(Frozen):
    KIND = Kind.REFUSE
    LAYOUT = (U16, U64, U8, U64, U64, U64, EXPLANATION)

    reason: int
    generation: int
    phase: int
    phase_age_ms: int
    needed: int
    available: int
    text: str


@dataclasses.dataclass(frozen=True)
class FileIdentity:
    """What tells one file from every other."""

    LAYOUT: ClassVar[tuple] = (U64, U64)

    device: int
    inode: int


@dataclasses.dataclass(frozen=True)
class SocketIdentity:
    """What tells one socket from every other."""

    LAYOUT: ClassVar[tuple] = (I32, I32, I32, BOOL, LOCAL_ADDRESS, U64)

    domain: int
    type: int
    protocol: int
    listening: bool
    local_address: bytes
    cookie: int


Identity = Union[SocketIdentity, FileIdentity]


@dataclasses.dataclass
class Entry:
    """One line of the manifest; its descriptor comes beside it."""

    LAYOUT: ClassVar[tuple] = (
        U16,
        NAME,
        OneOf(SocketIdentity, FileIdentity),
        OptionalOf(Record(FileIdentity)),
        OPAQUE,
    )

    kind: int
    name: str
    identity: Identity
    path: Optional[FileIdentity]
    opaque: bytes

    def encoded_bytes(self) -> int:
        """What the entry takes of its frame."""
        out = bytearray()
        Record(Entry).put(out, self)
        return len(out)


@dataclasses.dataclass
class Manifest(Message):
    KIND = Kind.MANIFEST
    LAYOUT = (BOOL, Bound(ListOf(Record(Entry)), lambda entries: len(entries) <= MAX_BATCH_ENTRIES))

    last: bool
    entries: List[Entry]


@dataclasses.dataclass
class Received(Message):
    KIND = Kind.RECEIVED
    LAYOUT = (U64,)

    count: int


@dataclasses.dataclass
class Progress(Message):
    KIND = Kind.PROGRESS
    LAYOUT = (EXPLANATION,)

    text: str


@dataclasses.dataclass
class Ready(Message):
    KIND = Kind.READY
    LAYOUT = (U64, ListOf(Text(255)))

    not_claimed: int
    names: List[str]


@dataclasses.dataclass
class Commit(Message):
    KIND = Kind.COMMIT
    LAYOUT = (Bytes(49_152),)

    late_state: bytes


@dataclasses.dataclass
class Released(Message):
    KIND = Kind.RELEASED


@dataclasses.dataclass
class Owned(Message):
    KIND = Kind.OWNED


@dataclasses.dataclass
class Draining(Message):
    KIND = Kind.DRAINING


@dataclasses.dataclass
class Retired(Message):
    KIND = Kind.RETIRED


@dataclasses.dataclass
class Abort(Message):
    KIND = Kind.ABORT
    LAYOUT = (U16, EXPLANATION)

    reason: int
    text: str


@dataclasses.dataclass
class Status(Message):
    KIND = Kind.STATUS


@dataclasses.dataclass
class DrainingGeneration:
    """An older generation that has not retired yet."""

    LAYOUT: ClassVar[tuple] = (U64, U32, OptionalOf(U64))

    generation: int
    pid: int
    open: Optional[int] = None


@dataclasses.dataclass
class RunningHandoff:
    """A handoff that goes on."""

    LAYOUT: ClassVar[tuple] = (U32, BUILD_LABEL)

    pid: int
    build: str


@dataclasses.dataclass
class LastFailure:
    """A handoff that did not move ownership."""

    LAYOUT: ClassVar[tuple] = (U8, U64, U64, EXPLANATION)

    phase: int
    took_ms: int
    ago_ms: int
    text: str


@dataclasses.dataclass
class Listed:
    """An entry, as a tool is told of it."""

    LAYOUT: ClassVar[tuple] = (U16, NAME, LOCAL_ADDRESS)

    kind: int
    name: str
    local_address: bytes


@dataclasses.dataclass
class StatusReport(Message):
    KIND = Kind.STATUS_REPORT
    LAYOUT = (
        U64, U32, SERVICE_LABEL, BUILD_LABEL, U8, U64, U64, U64, ListOf(Record(DrainingGeneration)),
        OptionalOf(U64), OptionalOf(Record(RunningHandoff)), OptionalOf(Record(LastFailure)), ListOf(Record(Listed)),
    )  # fmt: skip

    generation: int
    pid: int
    service: str
    build: str
    phase: int
    phase_age_ms: int
    process_age_ms: int
    entries: int
    draining: List[DrainingGeneration]
    open: Optional[int] = None
    handoff: Optional[RunningHandoff] = None
    last_failure: Optional[LastFailure] = None
    listed: List[Listed] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Open(Message):
    KIND = Kind.OPEN
    LAYOUT = (U64,)

    open: int


@dataclasses.dataclass
class Watch(Message):
    KIND = Kind.WATCH


@dataclasses.dataclass
class Happened(Message):
    KIND = Kind.HAPPENED
    LAYOUT = (U16, U32, U64, U8, U64, U64, EXPLANATION)

    event: int
    pid: int
    generation: int
    phase: int
    took_ms: int
    number: int
    text: str


@dataclasses.dataclass
class Upgrade(Message):
    KIND = Kind.UPGRADE


@dataclasses.dataclass
class Committed:
    """The service has a new owner."""

    LAYOUT: ClassVar[tuple] = (U32, U64)

    pid: int
    generation: int


@dataclasses.dataclass
class Failed:
    """The service has the owner that it had."""

    LAYOUT: ClassVar[tuple] = (U16, EXPLANATION)

    cause: int
    text: str


@dataclasses.dataclass
class Outcome(Message):
    KIND = Kind.OUTCOME
    LAYOUT = (OneOf(Committed, Failed),)

    result: Any


def parse(frame: bytes) -> Optional[Message]:
    """What a frame says; `None` for one to skip. Raises `InvalidFrame` for garbage."""
    header = Header.unpack(frame)
    message = _MESSAGES.get(header.kind)
    if message is None:
        if header.kind & MUST_UNDERSTAND:
            raise InvalidFrame(f"the kind {header.kind:#06x} must be understood, and is not")
        return None
    if header.version != message.LAYOUT_VERSION:
        raise InvalidFrame(f"{message.__name__} of the version {header.version}")
    return Record(message).take(Cursor(frame[HEADER_BYTES:]))


def descriptors_of(message: Message) -> int:
    """How many descriptors a message brings (section 4)."""
    if isinstance(message, Welcome):
        return 2
    return len(message.entries) if isinstance(message, Manifest) else 0


_MESSAGES: Dict[int, Type[Message]] = {
    message.KIND: message
    for message in (
        Hello, Welcome, Refuse, Manifest, Received, Progress, Ready, Commit,
        Released, Owned, Draining, Retired, Abort, Status, StatusReport, Upgrade, Outcome,
        Open, Watch, Happened,
    )
}  # fmt: skip
