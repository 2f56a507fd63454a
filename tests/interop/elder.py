"""Older generations: the connections on which they are going to say `Draining` and `Retired`."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Callable, Optional

from channel import Channel, Event, Frame, Garbage, Occurrence
from entry import Held
from messages import Draining, DrainingGeneration, Open, Retired
from running import start
from telling import tell
from vocabulary import EntryKind


class Elder:
    """Our end of the connection to one of them."""

    def __init__(self, channel: Channel, generation: int, pid: int, settled: bool = False) -> None:
        self.draining = DrainingGeneration(generation, pid)
        self.settled = settled
        """Whether it goes by its own attempt no more: it has said `Draining`, or is gone (section 9)."""
        self.retired = False
        self._channel = channel
        self._watch: Optional[asyncio.Task[None]] = None

    @classmethod
    def inherited(cls, held: Held) -> "Elder":
        """From an entry of the kind 10, whose descriptor it takes. Our predecessor has heard it say `Draining`."""
        generation, pid = _OPAQUE.unpack_from(held.opaque)
        channel = Channel(socket.socket(fileno=held.descriptor), takes_descriptors=False)
        elder = cls(channel, generation, pid, settled=True)
        if len(held.opaque) >= _OPAQUE.size + _OPEN.size:
            (elder.draining.open,) = _OPEN.unpack_from(held.opaque, _OPAQUE.size)
        return elder

    def held(self) -> Held:
        """To be handed on. The descriptor stays the elder's."""
        generation, pid = self.draining.generation, self.draining.pid
        opaque = _OPAQUE.pack(generation, pid)
        if self.draining.open is not None:
            opaque += _OPEN.pack(self.draining.open)
        return Held(EntryKind.ELDER, f"generation {generation}", self._channel.descriptor(), None, opaque)

    def watch(self, spoke: Callable[["Elder"], None]) -> None:
        """Listens to it until its end."""
        self.stop_watching()
        self._watch = start(self._listen(spoke))

    def hear(self) -> None:
        """Takes in what has arrived: that goes before any deadline, whichever the loop looks at first."""
        arrived = self._channel.arrived()
        while arrived is not None:
            self._note(arrived)
            arrived = self._channel.arrived()

    def stop_watching(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None

    def close(self) -> None:
        self.stop_watching()
        self._channel.close()

    async def _listen(self, spoke: Callable[["Elder"], None]) -> None:
        while not self.retired:
            self._note(await self._channel.next())
            if self.retired:
                self._watch = None  # who is told closes us, and must not cancel this
            spoke(self)

    def _note(self, occurrence: Occurrence) -> None:
        """Everything but these three frames and the end is ignored."""
        message = occurrence.message if isinstance(occurrence, Frame) else None
        if isinstance(message, Draining):
            self.settled = True
            tell("draining", generation=self.draining.generation)
        elif isinstance(message, Open) and self.settled:
            self.draining.open = message.open
            tell("open", generation=self.draining.generation, open=message.open)
        elif isinstance(message, Retired) or self._breaks(occurrence) or occurrence in _ENDS:
            self.settled = self.retired = True

    def _breaks(self, occurrence: Occurrence) -> bool:
        """Garbage does not tell whether it has heard `Owned`."""
        return self.settled and isinstance(occurrence, Garbage)


def is_elder(held: Held) -> bool:
    """Whether an inherited entry is an elder that can be read."""
    return held.kind == EntryKind.ELDER and len(held.opaque) >= _OPAQUE.size


_ENDS = (Event.END_OF_FILE, Event.DEATH)
_OPAQUE = struct.Struct("<QI")
_OPEN = struct.Struct("<Q")
"""Behind it, if that generation has told how much is open there."""
