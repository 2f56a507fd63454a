"""The encoding (section 2) and the header (section 3).

A codec puts one value behind a frame and takes one out of it. Codecs are put together as the tables of section 5 are:
a `Record` is a dataclass whose `LAYOUT` names a codec for each field, in order.
"""

from __future__ import annotations

import dataclasses
import struct
from typing import Any, Callable, Generic, List, Optional, Sequence, Type, TypeVar

from vocabulary import HEADER_BYTES, MAX_FRAME_BYTES

T = TypeVar("T")

MAGIC = b"HRLM"


class InvalidFrame(Exception):
    """A frame that does not say what its kind has to say."""


@dataclasses.dataclass(frozen=True)
class Header:
    """The first 12 bytes of a frame."""

    version: int
    kind: int

    def pack(self, body: bytes) -> bytes:
        """A whole frame with this header."""
        if HEADER_BYTES + len(body) > MAX_FRAME_BYTES:
            raise ValueError(f"a frame of {HEADER_BYTES + len(body)} bytes is too long")
        return _HEADER.pack(MAGIC, self.version, self.kind, len(body)) + body

    @classmethod
    def unpack(cls, frame: bytes) -> "Header":
        """Raises `InvalidFrame` for another magic or another length."""
        if len(frame) < HEADER_BYTES:
            raise InvalidFrame(f"a frame of {len(frame)} bytes has no header")
        magic, version, kind, length = _HEADER.unpack_from(frame)
        if magic != MAGIC:
            raise InvalidFrame(f"the magic is {magic!r}")
        if length != len(frame) - HEADER_BYTES:
            raise InvalidFrame(f"the header tells {length} bytes, the frame has {len(frame) - HEADER_BYTES}")
        return cls(version, kind)


class Cursor:
    """Walks over a body. What lies behind the last field taken is ignored, as section 2 wants it."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0

    def take(self, count: int) -> bytes:
        """The next `count` bytes. Checked before anything is reserved, whatever a count claims."""
        if count > len(self._body) - self._at:
            raise InvalidFrame(f"a field of {count} bytes at {self._at} ends behind its frame")
        taken = self._body[self._at : self._at + count]
        self._at += count
        return taken


class Codec(Generic[T]):
    """How one value lies in a frame."""

    def put(self, out: bytearray, value: T) -> None:
        raise NotImplementedError

    def take(self, cursor: Cursor) -> T:
        raise NotImplementedError


class Integer(Codec[int]):
    def __init__(self, layout: str) -> None:
        self._struct = struct.Struct("<" + layout)

    def put(self, out: bytearray, value: int) -> None:
        out += self._struct.pack(value)

    def take(self, cursor: Cursor) -> int:
        return self._struct.unpack(cursor.take(self._struct.size))[0]


class Bool(Codec[bool]):
    def put(self, out: bytearray, value: bool) -> None:
        out.append(1 if value else 0)

    def take(self, cursor: Cursor) -> bool:
        byte = cursor.take(1)[0]
        if byte > 1:
            raise InvalidFrame(f"a bool is {byte}")
        return byte == 1


class Fixed(Codec[bytes]):
    """So many bytes, without a count."""

    def __init__(self, count: int) -> None:
        self._count = count

    def put(self, out: bytearray, value: bytes) -> None:
        if len(value) != self._count:
            raise ValueError(f"{len(value)} bytes instead of {self._count}")
        out += value

    def take(self, cursor: Cursor) -> bytes:
        return cursor.take(self._count)


class Bytes(Codec[bytes]):
    """Bytes behind their count. The bound binds the sender alone (section 5), unless it is `Bound`."""

    def __init__(self, most: int) -> None:
        self._most = most

    def put(self, out: bytearray, value: bytes) -> None:
        if len(value) > self._most:
            raise ValueError(f"{len(value)} bytes where at most {self._most} go")
        U64.put(out, len(value))
        out += value

    def take(self, cursor: Cursor) -> bytes:
        return cursor.take(U64.take(cursor))


class Text(Codec[str]):
    """A text that must fit its bound."""

    def __init__(self, most: int) -> None:
        self._bytes = Bytes(most)

    def put(self, out: bytearray, value: str) -> None:
        self._bytes.put(out, value.encode())

    def take(self, cursor: Cursor) -> str:
        try:
            return self._bytes.take(cursor).decode()
        except UnicodeDecodeError as error:
            raise InvalidFrame(f"a text is not UTF-8: {error}") from error


class CutText(Text):
    """A text for people: cut at the boundary of a character to fit its bound."""

    def __init__(self, most: int) -> None:
        super().__init__(most)
        self._most = most

    def put(self, out: bytearray, value: str) -> None:
        super().put(out, value.encode()[: self._most].decode(errors="ignore"))


class Bound(Codec[T]):
    """A value beyond whose bounds a frame is invalid to its receiver, too."""

    def __init__(self, codec: Codec[T], fits: Callable[[T], bool]) -> None:
        self._codec = codec
        self._fits = fits

    def put(self, out: bytearray, value: T) -> None:
        if not self._fits(value):
            raise ValueError(f"{value!r} is beyond its bounds")
        self._codec.put(out, value)

    def take(self, cursor: Cursor) -> T:
        value = self._codec.take(cursor)
        if not self._fits(value):
            raise InvalidFrame(f"{value!r:.300} is beyond its bounds")
        return value


class ListOf(Codec[List[T]]):
    def __init__(self, item: Codec[T]) -> None:
        self._item = item

    def put(self, out: bytearray, value: Sequence[T]) -> None:
        U64.put(out, len(value))
        for item in value:
            self._item.put(out, item)

    def take(self, cursor: Cursor) -> List[T]:
        return [self._item.take(cursor) for _ in _counted(U64.take(cursor))]


class OptionalOf(Codec[Optional[T]]):
    def __init__(self, item: Codec[T]) -> None:
        self._item = item

    def put(self, out: bytearray, value: Optional[T]) -> None:
        BOOL.put(out, value is not None)
        if value is not None:
            self._item.put(out, value)

    def take(self, cursor: Cursor) -> Optional[T]:
        return self._item.take(cursor) if BOOL.take(cursor) else None


class Record(Codec[T]):
    """A dataclass with a `LAYOUT`."""

    def __init__(self, record: Type[T]) -> None:
        self._record = record

    def put(self, out: bytearray, value: T) -> None:
        for field, codec in zip(dataclasses.fields(value), self._record.LAYOUT):  # type: ignore[arg-type, attr-defined]
            codec.put(out, getattr(value, field.name))

    def take(self, cursor: Cursor) -> T:
        return self._record(*[codec.take(cursor) for codec in self._record.LAYOUT])  # type: ignore[attr-defined]


class OneOf(Codec[Any]):
    """A variant's number, then the fields of the variant."""

    def __init__(self, *variants: type) -> None:
        self._variants = variants

    def put(self, out: bytearray, value: Any) -> None:
        number = self._variants.index(type(value))
        U32.put(out, number)
        Record(self._variants[number]).put(out, value)

    def take(self, cursor: Cursor) -> Any:
        number = U32.take(cursor)
        if number >= len(self._variants):
            raise InvalidFrame(f"there is no variant {number}")
        return Record(self._variants[number]).take(cursor)


def _counted(count: int):
    """Counts without `range`, whose bounds a hostile `u64` can exceed in `len`."""
    index = 0
    while index < count:
        yield index
        index += 1


_HEADER = struct.Struct("<4sHHI")

U8 = Integer("B")
U16 = Integer("H")
U32 = Integer("I")
U64 = Integer("Q")
I32 = Integer("i")
BOOL = Bool()
