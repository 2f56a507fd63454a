"""Older generations that still drain: the connections on which they are going to say `Retired`."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Callable, Optional

from channel import Channel, Frame
from entry import Held
from messages import DrainingGeneration, Retired
from running import start
from vocabulary import EntryKind


class Elder:
    """Our end of the connection to one of them."""

    def __init__(self, channel: Channel, generation: int, pid: int) -> None:
        self.draining = DrainingGeneration(generation, pid)
        self._channel = channel
        self._watch: Optional[asyncio.Task[None]] = None

    @classmethod
    def inherited(cls, held: Held) -> "Elder":
        """From an entry of the kind 10, whose descriptor it takes."""
        generation, pid = _OPAQUE.unpack_from(held.opaque)
        return cls(Channel(socket.socket(fileno=held.descriptor), takes_descriptors=False), generation, pid)

    def held(self) -> Held:
        """To be handed on. The descriptor stays the elder's."""
        generation, pid = self.draining.generation, self.draining.pid
        opaque = _OPAQUE.pack(generation, pid)
        return Held(EntryKind.ELDER, f"generation {generation}", self._channel.descriptor(), None, opaque)

    def watch(self, retired: Callable[["Elder"], None]) -> None:
        """Waits for its end."""
        self.stop_watching()
        self._watch = start(self._await_end(retired))

    def stop_watching(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None

    def close(self) -> None:
        self.stop_watching()
        self._channel.close()

    async def _await_end(self, retired: Callable[["Elder"], None]) -> None:
        while True:
            occurrence = await self._channel.next()
            if not isinstance(occurrence, Frame) or isinstance(occurrence.message, Retired):
                break
        self._watch = None
        retired(self)


def is_elder(held: Held) -> bool:
    """Whether an inherited entry is an elder that can be read."""
    return held.kind == EntryKind.ELDER and len(held.opaque) >= _OPAQUE.size


_OPAQUE = struct.Struct("<QI")
