"""Application state (section 5): sealed memory, and the last words in `Commit`."""

from __future__ import annotations

import dataclasses
import fcntl
import os
from typing import Dict, Iterable, List, Optional, Tuple

from entry import Held
from messages import NAME, Entry
from vocabulary import MAX_STATE_BYTES, EntryKind
from wire import Bytes, Cursor, ListOf, Record


@dataclasses.dataclass
class Stated:
    """Something that the application knows, and how to read it."""

    LAYOUT = (NAME, NAME, Bytes(49_152))

    name: str
    schema: str
    content: bytes

    def provided(self) -> Held:
        """Its entry, with all of its content."""
        return Held(EntryKind.STATE, self.name, sealed(self.content), None, self.schema.encode())

    def announced(self) -> Held:
        """The entry that says that its content is going to come with `Commit`."""
        return Held(EntryKind.LAST_WORDS, self.name, sealed(b""), None, self.schema.encode())


@dataclasses.dataclass
class Wanted:
    """A name, and the schemas that we read, best first."""

    name: str
    schemas: List[str]

    @classmethod
    def parse(cls, argument: str) -> "Wanted":
        """`name=schema|schema`."""
        name, _, schemas = argument.partition("=")
        return cls(name, schemas.split("|"))

    def best_of(self, offered: Iterable[str]) -> Optional[str]:
        """`None` if the name is not offered. Raises `Unreadable` if it is, in no schema that we read."""
        offered = list(offered)
        if not offered:
            return None
        for schema in self.schemas:
            if schema in offered:
                return schema
        raise Unreadable(f"{self.name}: we read {', '.join(self.schemas)}, offered is {', '.join(offered)}")


class Unreadable(Exception):
    """What is offered is in no schema that we read."""


def sealed(content: bytes, seals: Optional[int] = None) -> int:
    """Memory that nobody changes any more."""
    memory = os.memfd_create("state", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    with open(os.dup(memory), "wb") as file:
        file.write(content)
    fcntl.fcntl(memory, fcntl.F_ADD_SEALS, SEALS if seals is None else seals)
    return memory


def objection_to(entry: Entry, descriptor: int) -> Optional[str]:
    """Why an entry of state is not what it has to be, if it is not."""
    if entry.kind not in STATE_KINDS:
        return None
    try:
        label = entry.opaque.decode()
        found = fcntl.fcntl(descriptor, fcntl.F_GET_SEALS)
    except (UnicodeDecodeError, OSError) as error:
        return f"{entry.name}: {error}"
    size = os.fstat(descriptor).st_size
    if not 1 <= len(entry.opaque) <= 255 or "\0" in label:
        return f"{entry.name}: {label!r} is no label of a schema"
    if found & SEALS != SEALS:
        return f"{entry.name}: the seals are {found:#x}"
    if size > (MAX_STATE_BYTES if entry.kind == EntryKind.STATE else 0):
        return f"{entry.name}: it has {size} bytes"
    return None


def is_state(held: Held) -> bool:
    return held.kind in STATE_KINDS


def take(wanted: Wanted, inherited: Iterable[Held]) -> Optional[Stated]:
    """What was provided under a name, read. Raises `Unreadable`."""
    schemas = _schemas(EntryKind.STATE, wanted.name, inherited)
    schema = wanted.best_of(schemas)
    if schema is None:
        return None
    descriptor = schemas[schema].descriptor
    # The offset belongs to the predecessor too.
    return Stated(wanted.name, schema, os.pread(descriptor, os.fstat(descriptor).st_size, 0))


def require_announced(wanted: Wanted, inherited: Iterable[Held]) -> None:
    """Raises `Unreadable` if last words are going to come that we do not read."""
    wanted.best_of(_schemas(EntryKind.LAST_WORDS, wanted.name, inherited))


def hear(wanted: Wanted, late_state: bytes) -> Optional[Stated]:
    """What was said last under a name."""
    words = {said.schema: said for said in read(late_state) if said.name == wanted.name}
    schema = wanted.best_of(words)
    return None if schema is None else words[schema]


def written(words: List[Stated]) -> bytes:
    """The late state: no bytes if nothing was said."""
    out = bytearray()
    if words:
        _WORDS.put(out, words)
    return bytes(out)


def read(late_state: bytes) -> List[Stated]:
    return _WORDS.take(Cursor(late_state)) if late_state else []


def _schemas(kind: EntryKind, name: str, inherited: Iterable[Held]) -> Dict[str, Held]:
    return {held.opaque.decode(): held for held in inherited if (held.kind, held.name) == (kind, name)}


SEALS = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
STATE_KINDS: Tuple[EntryKind, ...] = (EntryKind.STATE, EntryKind.LAST_WORDS)
_WORDS = ListOf(Record(Stated))
