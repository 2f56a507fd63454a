"""The successor's part of a handoff: from `Hello` to the moment it owns (sections 7 to 9)."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import resource
from typing import List, Optional, Tuple, Type

import control
from channel import Channel, Event, Frame, Garbage, Occurrence, PeerGone, SendTimedOut
from claim import Claim, GaveUp
from entry import Held, identity_of
from messages import Abort, Commit, Entry, Hello, Manifest, Message, Progress, Ready, Received, Refuse, Released, Welcome
from owner import Service
from ownership import Token
from telling import tell
from vocabulary import MAX_BATCH_ENTRIES, STEP_TIMEOUT, TRY_INTERVAL, VERSION, AbortReason, EntryKind, RefuseReason, named


class Refused(Exception):
    """The predecessor does not begin a handoff."""


@dataclasses.dataclass
class Inheritance:
    """Everything that came before `Ready`."""

    welcome: Welcome
    token: Token
    listener: control.ControlListener
    held: List[Held] = dataclasses.field(default_factory=list)


class Takeover:
    """One successor. `run` returns once it owns."""

    claim_type: Type[Claim] = Claim

    def __init__(self, service: Service, secret: Optional[bytes], hold: bool) -> None:
        self.service = service
        self.secret = secret
        self.inheritance: Inheritance
        self.received = 0
        self._channel: Optional[Channel] = None
        self._may_be_ready = not hold
        self._progress: List[str] = []

    def become_ready(self) -> None:
        """Ordered by the test."""
        self._may_be_ready = True
        self._nudge()

    def make_progress(self, text: str) -> None:
        """Ordered by the test."""
        self._progress.append(text)
        self._nudge()

    @property
    def channel(self) -> Channel:
        """To the predecessor that answers, or is asked."""
        assert self._channel is not None, "nothing was asked yet"
        return self._channel

    async def run(self) -> Claim:
        """Raises `control.NobodyListens`, `Refused` or `GaveUp`."""
        try:
            await self.greet()
            await self.transfer()
            return await self.claim()
        except GaveUp as failure:
            await self.abort(failure)
            raise

    async def claim(self) -> Claim:
        """Once every descriptor is here, only the token decides."""
        claim = self.claim_type(self)
        if await self.prepare(claim):
            await self.await_release(claim)
        await claim.settle()
        return claim

    async def greet(self) -> None:
        """A connection closed before the answer is made again: the predecessor's successor may have closed it."""
        give_up_at = _now() + RECONNECT_LIMIT
        while True:
            answer = await self._ask()
            if isinstance(answer, Frame):
                self.handle_answer(answer)
                return
            self.channel.close()
            if _now() >= give_up_at:
                raise GaveUp("every connection was closed before its answer")
            await asyncio.sleep(TRY_INTERVAL)

    async def _ask(self) -> Occurrence:
        deadline = _now() + STEP_TIMEOUT
        self._channel = Channel(await _connect(self.service.address, deadline), takes_descriptors=True)
        if not self.channel.peer.trusted:
            raise GaveUp(f"user {self.channel.peer.uid} listens at {self.service.address}")
        try:
            await self.send_hello(deadline)
        except PeerGone:
            return Event.END_OF_FILE
        occurrence = await self.channel.next(deadline)
        if occurrence is Event.DEATH:
            # The socket may be somebody else's by now, who answers or closes.
            occurrence = await self.channel.next(deadline)
        if occurrence is Event.DEADLINE:
            raise GaveUp("neither `Welcome` nor `Refuse` came in time", AbortReason.TIMED_OUT)
        if isinstance(occurrence, Garbage):
            raise _garbage(occurrence)
        return occurrence

    async def send_hello(self, deadline: float) -> None:
        await self.channel.send(self.hello(), deadline=deadline)

    def hello(self) -> Hello:
        slots = _free_slots()
        label, build = self.service.label, self.service.build
        return Hello(VERSION, VERSION, 0, slots, os.getpid(), label, build, self.secret)

    def handle_answer(self, answer: Frame) -> None:
        message = answer.message
        if isinstance(message, Refuse):
            reason = named(RefuseReason, message.reason)
            tell("refused", reason=reason, text=message.text)
            raise Refused(f"{reason}: {message.text}")
        if not isinstance(message, Welcome):
            raise _unexpected(message)
        token, listener = answer.descriptors
        if message.version != VERSION:
            raise GaveUp(f"version {message.version} was not offered", AbortReason.PROTOCOL_BROKEN)
        if os.fstat(token).st_size < 8 or not control.is_control_listener(listener):
            raise GaveUp("`Welcome` brings no token or no listener", AbortReason.DESCRIPTOR_MISMATCH)
        self.inheritance = Inheritance(message, Token(token), control.ControlListener.inherited(listener))
        tell("welcome", generation=message.generation, attempt=message.attempt, entries=message.entries)

    async def transfer(self) -> None:
        """Takes every batch, compares it with what the kernel says, and acknowledges it."""
        while True:
            manifest, descriptors = await self.await_manifest()
            for entry, descriptor in zip(manifest.entries, descriptors):
                self.inheritance.held.append(Held.inherited(entry, descriptor))
            self.require_right(manifest, descriptors)
            self.received += len(manifest.entries)
            await self.acknowledge(manifest)
            if manifest.last:
                break
        held = self.inheritance.held
        first = [{"kind": entry.kind, "name": entry.name} for entry in held[:20]]
        tell("inherited", count=len(held), entries=first)

    async def await_manifest(self) -> Tuple[Manifest, List[int]]:
        occurrence = await self.channel.next(_now() + STEP_TIMEOUT)
        if occurrence is Event.DEADLINE:
            raise GaveUp("a `Manifest` did not come in time", AbortReason.TIMED_OUT)
        if isinstance(occurrence, Event):
            raise GaveUp(f"predecessor: {occurrence.value} before everything was inherited")
        if isinstance(occurrence, Garbage):
            raise _garbage(occurrence)
        if not isinstance(occurrence.message, Manifest):
            raise _unexpected(occurrence.message)
        return occurrence.message, occurrence.descriptors

    def require_right(self, manifest: Manifest, descriptors: List[int]) -> None:
        """Raises `GaveUp` for anything that the entries or the batch are not to be."""
        total = self.inheritance.welcome.entries
        count = self.received + len(manifest.entries)
        if len(manifest.entries) > MAX_BATCH_ENTRIES or not (manifest.entries or manifest.last):
            raise GaveUp(f"a batch of {len(manifest.entries)} entries", AbortReason.PROTOCOL_BROKEN)
        if count > total or manifest.last and count != total:
            raise GaveUp(f"{count} entries came, {total} were told", AbortReason.PROTOCOL_BROKEN)
        names = {(held.kind, held.name) for held in self.inheritance.held}
        if len(names) != len(self.inheritance.held):
            raise GaveUp("two entries have one kind and one name", AbortReason.PROTOCOL_BROKEN)
        for entry, descriptor in zip(manifest.entries, descriptors):
            _require_same(entry, descriptor)

    async def acknowledge(self, manifest: Manifest) -> None:
        await self._send_or_give_up(Received(self.received))

    async def prepare(self, claim: Claim) -> bool:
        """Whether it became ready. From here on whatever happens is a reason to try the token."""
        while not self._may_be_ready:
            occurrence = await self.channel.next()
            if occurrence is not Event.NUDGE:
                claim.note(occurrence)
                return False
            while self._progress:
                await self._send_later(Progress(self._progress.pop(0)))
        return await self.say_ready()

    async def say_ready(self) -> bool:
        """Sends `Ready`; if nobody takes it the claim finds out why."""
        strays = [held.name for held in self.inheritance.held if not _claimable(held.kind)]
        return await self._send_later(Ready(len(strays), strays[:MAX_STRAYS_NAMED]))

    async def await_release(self, claim: Claim) -> None:
        """`Commit`, then `Released`, each within the commit timeout; anything else is noted instead."""
        commit_timeout = self.inheritance.welcome.commit_timeout_ms / 1000
        for expected in (Commit, Released):
            deadline = _now() + commit_timeout
            occurrence = await self.channel.next(deadline)
            while occurrence is Event.NUDGE:
                occurrence = await self.channel.next(deadline)
            claim.note(occurrence)
            if not (isinstance(occurrence, Frame) and isinstance(occurrence.message, expected)):
                return

    async def abort(self, failure: GaveUp) -> None:
        if self._channel is None:
            return
        if failure.reason is not None:
            await self.channel.tell(Abort(failure.reason, failure.why))
        self.channel.close()

    async def _send_or_give_up(self, message: Message) -> None:
        try:
            await self.channel.send(message, deadline=_now() + STEP_TIMEOUT)
        except PeerGone:
            pass  # a reset may come before the frames that tell why; `next` tells them
        except SendTimedOut as error:
            raise GaveUp(f"{type(message).__name__} could not be sent in time", AbortReason.TIMED_OUT) from error

    async def _send_later(self, message: Message) -> bool:
        try:
            await self.channel.send(message, deadline=_now() + STEP_TIMEOUT)
        except (PeerGone, SendTimedOut):
            return False
        return True

    def _nudge(self) -> None:
        if self._channel is not None:
            self._channel.nudge()


async def _connect(address: str, deadline: float):
    """Waits while the queue is full."""
    while True:
        try:
            return control.connect(address)
        except BlockingIOError as error:
            if _now() >= deadline:
                raise GaveUp(f"the queue of {address} stays full") from error
        await asyncio.sleep(TRY_INTERVAL)


def _free_slots() -> int:
    """Descriptors that may be opened yet, after the soft limit was raised to the hard one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    open_now = len(os.listdir("/proc/self/fd")) - 1  # listing it opens it
    return max(0, hard - open_now)


def _require_same(entry: Entry, descriptor: int) -> None:
    real = identity_of(descriptor)
    if real != entry.identity:
        why = f"{entry.name}: the manifest says {entry.identity}, the kernel {real}"
        raise GaveUp(why, AbortReason.DESCRIPTOR_MISMATCH)


def _claimable(kind: int) -> bool:
    return kind in EntryKind._value2member_map_


def _garbage(garbage: Garbage) -> GaveUp:
    reason = AbortReason.DESCRIPTORS_CUT_OFF if garbage.cut_off else AbortReason.PROTOCOL_BROKEN
    return GaveUp(f"predecessor sent garbage: {garbage.why}", reason)


def _unexpected(message: Message) -> GaveUp:
    if isinstance(message, Abort):
        return GaveUp(f"predecessor aborted: {named(AbortReason, message.reason)}: {message.text}")
    return GaveUp(f"predecessor said {type(message).__name__} out of turn", AbortReason.PROTOCOL_BROKEN)


def _now() -> float:
    return asyncio.get_running_loop().time()


RECONNECT_LIMIT = 2 * STEP_TIMEOUT
"""Seconds within which a successor connects anew. The protocol does not limit it."""

MAX_STRAYS_NAMED = 100
"""As many as go into a frame whatever their length."""
