"""The predecessor's part once `Commit` is sent: it waits for `Owned`, and else finds out who owns (section 9)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Optional

from channel import Event, Frame, Occurrence
from messages import Abort, Owned
from ownership import Token, Try
from vocabulary import TRY_INTERVAL, AbortReason, Phase, named

if TYPE_CHECKING:
    from handoff import Handoff


class Reclaim:
    """Serving all the while."""

    def __init__(self, handoff: "Handoff", committed: float) -> None:
        self._owner = handoff.owner
        self._channel = handoff.channel
        self._attempt = handoff.attempt
        self._commit_timeout = handoff.owner.timeouts.commit_ms / 1000
        self._committed = committed
        self._fenced = False
        self._may_fence = True
        self._died: Optional[float] = None

    async def await_owned(self) -> bool:
        """Whether the successor owns. If not we own again."""
        occurrence = await self._channel.next(self._committed + self._commit_timeout)
        if _says_owned(occurrence):
            return True
        why = _trouble(occurrence)
        self._owner.enter(Phase.RECLAIMING)
        if await self._settle():
            self._owner.take_back(why)
            await self._channel.tell(Abort(AbortReason.TAKEN_BACK, why))
            self._channel.close()
            return False
        return True

    async def _settle(self) -> bool:
        """Tries every 10 ms until the token or `Owned` tells. Whether we own."""
        began = _now()
        while True:
            if self._owned_arrived():
                return False
            if self._fenced and not self._channel.peer.dead:
                await self._pause()
                continue
            verdict = self._owner.token.try_for(self._attempt)
            if verdict is Try.GOT_OWN:
                return True
            if verdict is Try.GOT_ANOTHER:
                self._owner.token.unlock()
            if verdict is not Try.HELD_OWN:
                return False
            if self._may_go_on_without_it(began):
                self._owner.token.close()
                self._owner.token = Token.new(self._attempt)
                return True
            await self._pause()

    def _may_go_on_without_it(self, began: float) -> bool:
        """Whether the successor is dead for so long that a forked child of it must hold the token."""
        now = _now()
        if self._channel.peer.dead:
            self._died = now if self._died is None else self._died
            return now >= self._died + self._commit_timeout
        if now >= began + self._commit_timeout and not self._fenced and self._may_fence:
            self._fence()
        return False

    def _fence(self) -> None:
        self._owner.enter(Phase.FENCING)
        self._fenced = self._may_fence = self._channel.peer.kill()

    def _owned_arrived(self) -> bool:
        """`Owned` of a successor that we have killed does not count."""
        arrived = self._channel.arrived()
        while arrived is not None:
            if _says_owned(arrived) and not self._fenced:
                return True
            arrived = self._channel.arrived()
        return False

    async def _pause(self) -> None:
        await asyncio.sleep(TRY_INTERVAL)


def _says_owned(occurrence: object) -> bool:
    return isinstance(occurrence, Frame) and isinstance(occurrence.message, Owned)


def _trouble(occurrence: Occurrence) -> str:
    if isinstance(occurrence, Event):
        return f"successor: {occurrence.value}" if occurrence is not Event.DEADLINE else "`Owned` did not come in time"
    if isinstance(occurrence, Frame) and isinstance(occurrence.message, Abort):
        message = occurrence.message
        return f"successor aborted: {named(AbortReason, message.reason)}: {message.text}"
    if isinstance(occurrence, Frame):
        return f"successor said {type(occurrence.message).__name__} out of turn"
    return f"successor sent garbage: {occurrence.why}"


def _now() -> float:
    return asyncio.get_running_loop().time()
