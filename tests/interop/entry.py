"""What an owner hands on: descriptors, and what the kernel says of each."""

from __future__ import annotations

import ctypes
import dataclasses
import os
import socket
import stat
import sys
from typing import Iterable, Iterator, List, Optional, Tuple

from messages import Entry, FileIdentity, Identity, Manifest, SocketIdentity
from vocabulary import HEADER_BYTES, MAX_BATCH_ENTRIES, MAX_FRAME_BYTES


@dataclasses.dataclass
class Held:
    """A descriptor of the service, with the name that it is handed on under."""

    kind: int
    name: str
    descriptor: int
    path: Optional[FileIdentity] = None
    opaque: bytes = b""

    @classmethod
    def inherited(cls, entry: Entry, descriptor: int) -> "Held":
        """An entry of the predecessor's manifest, now our own."""
        return cls(entry.kind, entry.name, descriptor, entry.path, entry.opaque)

    def entry(self) -> Entry:
        """What the manifest says of it."""
        return Entry(self.kind, self.name, identity_of(self.descriptor), self.path, self.opaque)

    def close(self) -> None:
        os.close(self.descriptor)


def identity_of(descriptor: int) -> Identity:
    """What the kernel says of a descriptor."""
    status = os.fstat(descriptor)
    if stat.S_ISSOCK(status.st_mode):
        return _socket_identity(descriptor)
    return FileIdentity(status.st_dev, status.st_ino)


Line = Tuple[Entry, int]
"""An entry and its descriptor."""


def batches(lines: Iterable[Line]) -> Iterator[Tuple[Manifest, List[int]]]:
    """The frames that carry all lines in their order. Only that of an empty manifest is empty."""
    batch: List[Line] = []
    room = _BATCH_BYTES
    for line in lines:
        size = line[0].encoded_bytes()
        if len(batch) == MAX_BATCH_ENTRIES or size > room:
            yield _manifest(batch, last=False)
            batch, room = [], _BATCH_BYTES
        batch.append(line)
        room -= size
    yield _manifest(batch, last=True)


def _manifest(batch: List[Line], last: bool) -> Tuple[Manifest, List[int]]:
    return Manifest(last, [entry for entry, _ in batch]), [descriptor for _, descriptor in batch]


def _socket_identity(descriptor: int) -> SocketIdentity:
    # A second object over a duplicate: closing it must not close the descriptor. Making it changes no flag of the
    # description, which other processes share.
    with socket.socket(fileno=os.dup(descriptor)) as duplicate:
        option = duplicate.getsockopt
        return SocketIdentity(
            domain=option(socket.SOL_SOCKET, socket.SO_DOMAIN),
            type=option(socket.SOL_SOCKET, socket.SO_TYPE),
            protocol=option(socket.SOL_SOCKET, socket.SO_PROTOCOL),
            listening=option(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) != 0,
            local_address=_local_address(descriptor),
            cookie=int.from_bytes(option(socket.SOL_SOCKET, _SO_COOKIE, 8), _NATIVE),
        )


def _local_address(descriptor: int) -> bytes:
    """The bytes of getsockname(2), which Python's own would parse."""
    address = ctypes.create_string_buffer(128)
    length = ctypes.c_uint32(len(address))
    if _LIBC.getsockname(descriptor, address, ctypes.byref(length)) != 0:
        raise OSError(ctypes.get_errno(), "getsockname")
    return address.raw[: length.value]


_LIBC = ctypes.CDLL(None, use_errno=True)
_SO_COOKIE = 57
_NATIVE = sys.byteorder
_BATCH_BYTES = MAX_FRAME_BYTES - HEADER_BYTES - 9
