"""The predecessor's part of one handoff, from `Hello` to the moment the successor owns (sections 7 to 9)."""

from __future__ import annotations

import asyncio
import math
import os
from typing import TYPE_CHECKING, List, Optional

from channel import Channel, Event, Garbage, Occurrence, PeerGone, SendTimedOut
from entry import Line, batches
from messages import Abort, Commit, Hello, Manifest, Message, Progress, Ready, Received, Released, Welcome
from reclaim import Reclaim
from refusal import Refusal, shortage_of
from telling import tell
from vocabulary import DRAINING_TIMEOUT, MAX_UNACKNOWLEDGED, STEP_TIMEOUT, VERSION
from vocabulary import AbortReason, Phase, RefuseReason, named

if TYPE_CHECKING:
    from owner import Owner


class HandoffFailed(Exception):
    """It ends before `Commit` was sent: the predecessor holds the token and goes on serving."""

    def __init__(self, why: str, reason: Optional[AbortReason] = None) -> None:
        super().__init__(why)
        self.why = why
        self.reason = reason
        """What the successor is told, if there is a point in telling it."""


class Refused(Exception):
    """It ends before it has an attempt."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.text)
        self.refusal = refusal


class Handoff:
    """One successor. `run` returns whether it owns."""

    def __init__(self, owner: "Owner", channel: Channel, hello: Hello, began: float) -> None:
        self.owner = owner
        self.channel = channel
        self.hello = hello
        self.attempt = 0
        self.lines: List[Line] = []
        self.sent = 0
        self.acknowledged = 0
        self._cap = began + owner.timeouts.ready_cap_ms / 1000

    async def run(self) -> bool:
        """Tells what came of it."""
        try:
            await self.admit()
            await self.welcome()
            await self.transfer()
            await self.await_ready()
            await self.commit()
        except Refused as refused:
            await self.owner.refuse(self.channel, refused.refusal)
            self.owner.handoff_failed(refused.refusal.text)
            return False
        except HandoffFailed as failure:
            await self._give_up(failure)
            return False
        committed = _now()
        await self.release(committed)
        return await Reclaim(self, committed).await_owned()

    async def admit(self) -> None:
        """What may still be said against the successor once it is its turn."""
        self.owner.enter(Phase.GREETING)
        await self.await_draining(_now() + DRAINING_TIMEOUT)
        shortage = shortage_of(self.hello, self.owner)
        if shortage is not None:
            raise Refused(shortage)

    async def await_draining(self, deadline: float) -> None:
        """An attempt of ours would void that of a predecessor which may not have heard `Owned` yet."""
        if self.owner.predecessor_settled():
            return
        tell("keeps-waiting", pid=self.hello.pid)
        occurrence = await self.channel.next(deadline, self.owner.predecessor_settled)
        if occurrence is Event.DEADLINE:
            raise Refused(Refusal(RefuseReason.BUSY, "the generation before this one has not said `Draining`"))
        if occurrence is not Event.INTERRUPTION:
            raise _breach(self.message_of(occurrence))

    async def welcome(self) -> None:
        """Numbers the attempt, and tells the successor what is coming."""
        self.owner.stop_watching_elders()
        self.lines = [(held.entry(), held.descriptor) for held in self.owner.to_hand_over()]
        self.attempt = self.owner.token.begin_attempt()
        second = self.owner.token.second_description()
        try:
            await self.send(self.welcome_frame(), [second, self.owner.listener.fileno()])
        finally:
            os.close(second)

    def welcome_frame(self) -> Message:
        timeouts = self.owner.timeouts
        return Welcome(
            version=VERSION,
            generation=self.owner.generation + 1,
            attempt=self.attempt,
            entries=len(self.lines),
            ready_timeout_ms=timeouts.ready_ms,
            ready_cap_ms=timeouts.ready_cap_ms,
            commit_timeout_ms=timeouts.commit_ms,
            pid=os.getpid(),
            build=self.owner.build,
        )

    async def transfer(self) -> None:
        """Sends every batch as the window allows, and waits until all is acknowledged."""
        self.owner.enter(Phase.TRANSFERRING)
        # Each `Received` tells more than the one before, and the only one of an empty manifest tells 0.
        self.acknowledged = 0 if self.lines else -1
        for manifest, descriptors in batches(self.lines):
            while self.sent - self.acknowledged + len(manifest.entries) > MAX_UNACKNOWLEDGED:
                await self.await_received()
            await self.send_batch(manifest, descriptors)
        while self.acknowledged < len(self.lines):
            await self.await_received()
        tell("passed", entries=len(self.lines))

    async def send_batch(self, manifest: Manifest, descriptors: List[int]) -> None:
        await self.send(manifest, descriptors)
        self.sent += len(manifest.entries)

    async def await_received(self) -> None:
        message = await self.await_message(_now() + STEP_TIMEOUT, "a `Received`")
        if not isinstance(message, Received):
            raise _breach(message)
        if not self.acknowledged < message.count <= self.sent:
            raise _broken(f"Received tells {message.count} after {self.acknowledged}, {self.sent} were sent")
        self.acknowledged = message.count

    async def await_ready(self) -> None:
        """Each `Progress` buys the successor the ready timeout anew, up to the cap."""
        self.owner.enter(Phase.PREPARING)
        while True:
            deadline = _now() + self.owner.timeouts.ready_ms / 1000
            message = await self.await_message(deadline, "`Ready`")
            if isinstance(message, Ready):
                tell("ready", strays=message.not_claimed)
                self._cap = math.inf
                return
            if not isinstance(message, Progress):
                raise _breach(message)
            tell("progress", text=message.text)

    async def commit(self) -> None:
        """The last moment to say no. A frame that never reached the kernel's queue commits nothing."""
        self.owner.enter(Phase.COMMITTING)
        self.owner.stop_changes()
        self._require_unchanged()
        late_state = self.owner.late_state()
        arrived = self.channel.arrived()
        if arrived is not None:
            raise _breach(self.message_of(arrived))
        self.owner.reception.pause()
        await self.send(Commit(late_state))

    async def release(self, committed: float) -> None:
        """`Released` only spares the successor a wait: if it cannot be sent, the token tells."""
        self.owner.enter(Phase.RELEASING)
        self.owner.token.unlock()
        try:
            deadline = committed + self.owner.timeouts.commit_ms / 1000
            await self.channel.send(Released(), deadline=deadline)
        except (PeerGone, SendTimedOut):
            pass

    async def conclude(self) -> None:
        """The successor owns, and everything that it was handed is closed here."""
        await self.owner.say_draining()

    async def await_message(self, deadline: float, what: str) -> Message:
        """The next frame before `Commit`. Everything else ends the handoff."""
        occurrence = await self.channel.next(min(deadline, self._cap))
        if occurrence is Event.DEADLINE:
            raise HandoffFailed(f"{what} did not come in time", AbortReason.TIMED_OUT)
        return self.message_of(occurrence)

    def message_of(self, occurrence: Occurrence) -> Message:
        if isinstance(occurrence, Garbage):
            raise _broken(occurrence.why)
        if isinstance(occurrence, Event):
            raise HandoffFailed(f"successor: {occurrence.value}")
        message = occurrence.message
        if isinstance(message, Abort):
            raise HandoffFailed(f"successor aborted: {named(AbortReason, message.reason)}: {message.text}")
        return message

    async def send(self, message: Message, descriptors: Optional[List[int]] = None) -> None:
        try:
            await self.channel.send(message, descriptors or (), deadline=min(_now() + STEP_TIMEOUT, self._cap))
        except PeerGone as error:
            self._raise_what_was_said()
            raise HandoffFailed(f"successor is gone: {error}") from error
        except SendTimedOut as error:
            name = type(message).__name__
            raise HandoffFailed(f"{name} could not be sent in time", AbortReason.TIMED_OUT) from error

    def _raise_what_was_said(self) -> None:
        """The end of file lies behind all of it."""
        arrived = self.channel.arrived()
        while arrived is not None:
            self.message_of(arrived)
            arrived = self.channel.arrived()

    def _require_unchanged(self) -> None:
        """An elder that retired meanwhile is no change: the successor reads the end of its connection."""
        passed = {(entry.kind, entry.name) for entry, _ in self.lines}
        if any((held.kind, held.name) not in passed for held in self.owner.held):
            reason = AbortReason.CHANGED_DURING_THE_HANDOFF
            raise HandoffFailed("entries were added during the handoff", reason)

    async def _give_up(self, failure: HandoffFailed) -> None:
        if failure.reason is not None:
            await self.channel.tell(Abort(failure.reason, failure.why))
        self.channel.close()
        self.owner.handoff_failed(failure.why)


def _broken(why: str) -> HandoffFailed:
    return HandoffFailed(why, AbortReason.PROTOCOL_BROKEN)


def _breach(message: Message) -> HandoffFailed:
    return _broken(f"successor said {type(message).__name__} out of turn")


def _now() -> float:
    return asyncio.get_running_loop().time()
