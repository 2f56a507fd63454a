"""The predecessor's part once `Commit` is sent: it finds out who owns (section 9)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Optional

from channel import Event, Frame, Garbage, Occurrence
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
        self._deadline = committed + self._commit_timeout
        self._verdict = Try.HELD_OWN
        self._why = ""
        self._owned = False
        self._tried_to_kill = False
        self._killed = False
        self._died: Optional[float] = None

    async def await_owned(self) -> bool:
        """Whether the successor owns. If not we own again."""
        self._note(await self._channel.next(self._deadline))
        while not self._got_token():
            if self._successor_owns:
                return True
            if self._lock_is_orphaned():
                self._owner.token.close()
                self._owner.token = Token.new(self._attempt)
                break
            await self._await_more()
        await self._channel.tell(Abort(AbortReason.TAKEN_BACK, self._why))
        self._channel.close()
        self._owner.take_back(self._why)
        return False

    def _got_token(self) -> bool:
        """One try. A token with another attempt is let go: the successor owned, and has handed the service on."""
        self._verdict = self._owner.token.try_for(self._attempt)
        if self._verdict is Try.GOT_ANOTHER:
            self._owner.token.unlock()
        return self._verdict is Try.GOT_OWN

    @property
    def _successor_owns(self) -> bool:
        """`Owned` alone proves nothing, but with a token that is held."""
        return self._verdict is not Try.HELD_OWN or self._owned

    def _lock_is_orphaned(self) -> bool:
        """Whether the successor is dead for so long that only a forked child of it can have the token locked."""
        if not self._channel.peer.dead:
            return False
        if self._died is None:
            self._died = _now()
        return _now() >= self._died + self._commit_timeout

    async def _await_more(self) -> None:
        """Until the next try. Behind the deadline only `Owned` or the death of the successor tells more."""
        until: Optional[float] = _now() + TRY_INTERVAL
        if not self._channel.peer.dead and _now() >= self._deadline:
            self._kill_once()
            until = None
        self._note(await self._channel.next(until))

    def _kill_once(self) -> None:
        if self._tried_to_kill:
            return
        self._tried_to_kill = True
        self._killed = self._channel.peer.kill()
        if self._killed:
            self._owner.enter(Phase.FENCING)

    def _note(self, occurrence: Occurrence) -> None:
        """`Owned` of a successor that we have killed does not count."""
        if isinstance(occurrence, Frame) and isinstance(occurrence.message, Owned) and not self._killed:
            self._owned = True
        self._why = self._why or _trouble(occurrence)


def _trouble(occurrence: Occurrence) -> str:
    if isinstance(occurrence, Garbage):
        return f"successor sent garbage: {occurrence.why}"
    if occurrence is Event.DEADLINE:
        return "`Owned` did not come in time"
    if isinstance(occurrence, Event):
        return f"successor: {occurrence.value}"
    message = occurrence.message
    if isinstance(message, Abort):
        return f"successor aborted: {named(AbortReason, message.reason)}: {message.text}"
    if isinstance(message, Owned):
        return "successor said `Owned` and does not hold the token"
    return f"successor said {type(message).__name__} out of turn"


def _now() -> float:
    return asyncio.get_running_loop().time()
