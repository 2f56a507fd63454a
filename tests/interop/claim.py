"""Trying the token (section 9): how a successor that has every descriptor comes to own, or gives up."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, List, Optional

from channel import Event, Frame, Garbage, Occurrence, PeerGone, SendTimedOut
from messages import Abort, Commit, Owned, Released
from ownership import Token, Try
from vocabulary import TRY_INTERVAL, AbortReason, named

if TYPE_CHECKING:
    from takeover import Takeover


class GaveUp(Exception):
    """The successor does not own, and must end."""

    def __init__(self, why: str, reason: Optional[AbortReason] = None) -> None:
        super().__init__(why)
        self.why = why
        self.reason = reason
        """What the predecessor is told; nothing if it has ended the handoff itself."""


class Claim:
    """What the predecessor has said, and what the token says."""

    def __init__(self, takeover: "Takeover") -> None:
        self._service = takeover.service
        self._inheritance = takeover.inheritance
        self._channel = takeover.channel
        self._attempt = takeover.inheritance.welcome.attempt
        self._commit_timeout = takeover.inheritance.commit_timeout
        self._troubles: List[str] = []
        self._aborted = False
        self._stopping = False
        self._died: Optional[float] = None
        self.late_state = b""
        self.adopted = False
        """Whether the predecessor is gone: it has ended without a way to take the service back."""

    def note(self, occurrence: Occurrence) -> None:
        """What came instead of, or along with, what was waited for."""
        if isinstance(occurrence, Frame):
            self._note_frame(occurrence)
        elif isinstance(occurrence, Garbage):
            self._troubles.append(f"predecessor sent garbage: {occurrence.why}")
        elif occurrence in (Event.DEATH, Event.END_OF_FILE):
            self.adopted = True
            self._troubles.append(f"predecessor: {occurrence.value}")

    async def settle(self) -> None:
        """Returns once we own, the service is published and the predecessor told. Raises `GaveUp`."""
        await self._win()
        self._note_arrived()
        self._publish()
        await self.announce()

    async def announce(self) -> None:
        """Ends the predecessor's part, if it is there."""
        try:
            await self._channel.send(Owned(), deadline=_now() + self._commit_timeout)
        except (PeerGone, SendTimedOut):
            pass

    async def _win(self) -> None:
        """Tries every 10 ms."""
        began = _now()
        while True:
            passed = _now()
            dead = self._predecessor_dead()
            self._note_arrived()
            if self._stopping:
                raise self._gave_up()
            verdict = self._inheritance.token.try_for(self._attempt)
            if verdict is Try.GOT_OWN:
                return
            if verdict is Try.GOT_ANOTHER:
                self._inheritance.token.unlock()
            if verdict is not Try.HELD_OWN:
                raise self._gave_up("the attempt is void; ")
            if dead and passed >= self._died + self._commit_timeout:
                self._replace_token()
                return
            if not dead and (self._aborted or passed >= began + self._commit_timeout):
                raise self._gave_up()
            await asyncio.sleep(TRY_INTERVAL)

    def _gave_up(self, verdict: str = "") -> GaveUp:
        """The first thing that went wrong tells why: what comes behind follows from it."""
        trouble = self._troubles[0] if self._troubles else "the deadline passed"
        return GaveUp(f"{verdict}{trouble}", AbortReason.SYSTEM_ERROR)

    def _predecessor_dead(self) -> bool:
        if not self._channel.peer.dead:
            return False
        if self._died is None:
            self._died = _now()
        return True

    def _replace_token(self) -> None:
        """A forked child of the dead predecessor holds the old one."""
        self._inheritance.token.close()
        self._inheritance.token = Token.new(self._attempt)

    def _note_arrived(self) -> None:
        arrived = self._channel.arrived()
        while arrived is not None:
            self.note(arrived)
            arrived = self._channel.arrived()

    def _note_frame(self, frame: Frame) -> None:
        message = frame.message
        if isinstance(message, Commit):
            self.late_state = message.late_state
        elif isinstance(message, Abort):
            self._troubles.append(f"predecessor aborted: {named(AbortReason, message.reason)}: {message.text}")
            self._aborted = True
            self._stopping = self._stopping or message.reason == AbortReason.STOPPING
        elif not isinstance(message, Released):
            self._troubles.append(f"predecessor said {type(message).__name__} out of turn")

    def _publish(self) -> None:
        """Takes over the control socket and the PID file, or leaves both to the predecessor if it is there to go on."""
        for take_over in (self._inheritance.listener.take_over, self._service.pid_file.take_over):
            try:
                take_over()
            except OSError as error:
                if self.adopted or self._channel.peer.dead:
                    continue
                self._inheritance.token.unlock()
                why = f"the service could not be published: {error}"
                raise GaveUp(why, AbortReason.COULD_NOT_BE_PUBLISHED) from error


def _now() -> float:
    return asyncio.get_running_loop().time()
