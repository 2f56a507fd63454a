"""Those who connect to the control socket, up to their first frame, and tools up to their last."""

from __future__ import annotations

import asyncio
import collections
import dataclasses
import socket
from typing import TYPE_CHECKING, List, Optional

from channel import Channel, Event, Frame, Garbage, Occurrence, PeerGone, SendTimedOut
from messages import Abort, Failed, Hello, Message, Outcome, Status, Upgrade
from running import start
from vocabulary import FIRST_FRAME_TIMEOUT, MAX_SILENT_CONNECTIONS, STEP_TIMEOUT, AbortReason, Cause

if TYPE_CHECKING:
    from owner import Owner


@dataclasses.dataclass(eq=False)
class Visitor:
    """A connection that may say nothing, ask, or become a handoff."""

    channel: Channel
    silent_since: float
    spoke: bool = False
    task: Optional["asyncio.Task[None]"] = None


class Reception:
    """Accepts, listens for the first frame, answers tools."""

    def __init__(self, owner: "Owner") -> None:
        self._owner = owner
        self._silent: List[Visitor] = []

    def open(self) -> None:
        """Accepts whoever connects."""
        asyncio.get_running_loop().add_reader(self._owner.listener.fileno(), self._accept)

    def pause(self) -> None:
        """From `Commit` to `Owned`: who connects now is told our credentials, and we may not own any more."""
        asyncio.get_running_loop().remove_reader(self._owner.listener.fileno())

    def close_silent(self) -> None:
        """They connected before the one who owns called listen(2), or before we owned again."""
        for visitor in [visitor for visitor in self._silent if not visitor.spoke]:
            self._send_away(visitor)

    def _accept(self) -> None:
        connection = self._owner.listener.accept()
        if connection is not None:
            self._admit(connection)

    def _admit(self, connection: socket.socket) -> None:
        channel = Channel(connection, takes_descriptors=False)
        if not channel.peer.trusted:
            channel.close()
            return
        if len(self._silent) == MAX_SILENT_CONNECTIONS:
            self._send_away(self._most_dispensable())
        visitor = Visitor(channel, _now())
        self._silent.append(visitor)
        visitor.task = start(self._attend(visitor))

    def _most_dispensable(self) -> Visitor:
        """The one longest silent, of the process that has most."""
        crowds = collections.Counter(visitor.channel.peer.pid for visitor in self._silent)
        return min(self._silent, key=lambda visitor: (-crowds[visitor.channel.peer.pid], visitor.silent_since))

    def _send_away(self, visitor: Visitor) -> None:
        self._silent.remove(visitor)
        if visitor.task is not None:
            visitor.task.cancel()
        visitor.channel.close()

    async def _attend(self, visitor: Visitor) -> None:
        while True:
            occurrence = await visitor.channel.next(visitor.silent_since + FIRST_FRAME_TIMEOUT)
            if isinstance(occurrence, Event) and occurrence is not Event.DEATH:
                break
            if occurrence is Event.DEATH:
                continue  # a tool may leave the answer to a child of its own
            if isinstance(occurrence, Frame) and isinstance(occurrence.message, Hello):
                self._silent.remove(visitor)
                await self._owner.greet(visitor.channel, occurrence.message)
                return
            visitor.spoke = True
            if not await self._answer(visitor.channel, occurrence):
                break
            visitor.silent_since = _now()
        self._silent.remove(visitor)
        visitor.channel.close()

    async def _answer(self, channel: Channel, occurrence: Occurrence) -> bool:
        """Whether the tool may ask again. A breach is not answered, garbage is."""
        if isinstance(occurrence, Garbage):
            await channel.tell(Abort(AbortReason.PROTOCOL_BROKEN, occurrence.why))
            return False
        answer = self._answer_to(occurrence)
        if answer is None:
            return False
        try:
            await channel.send(answer, deadline=_now() + STEP_TIMEOUT)
        except (PeerGone, SendTimedOut):
            return False
        return True

    def _answer_to(self, occurrence: Occurrence) -> Optional[Message]:
        message = occurrence.message if isinstance(occurrence, Frame) else None
        if isinstance(message, Status):
            return self._owner.report()
        if isinstance(message, Upgrade):
            text = "no program is configured to be spawned as a successor"
            return Outcome(Failed(Cause.NOT_STARTED, text))
        return None


def _now() -> float:
    return asyncio.get_running_loop().time()
