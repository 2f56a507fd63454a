"""The successor's part of a handoff: from `Hello` to the moment it owns (sections 7 to 9)."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import resource
import socket
from typing import Dict, List, Optional, Tuple, Type

import control
import state
from channel import Channel, Event, Frame, Garbage, PeerGone, SendTimedOut
from claim import Claim, GaveUp
from entry import Held, identity_of
from messages import Abort, Commit, Entry, Hello, Manifest, Message
from messages import Progress, Ready, Received, Refuse, Released, Welcome
from owner import Service
from ownership import Token
from telling import tell
from vocabulary import MAX_COMMIT_TIMEOUT, RECONNECT_LIMIT, RECONNECT_PAUSE, STEP_TIMEOUT, VERSION
from vocabulary import AbortReason, EntryKind, RefuseReason, named


class Refused(Exception):
    """The predecessor does not begin a handoff."""


@dataclasses.dataclass
class Inheritance:
    """Everything that came before `Ready`."""

    welcome: Welcome
    token: Token
    listener: control.ControlListener
    held: Dict[Tuple[int, str, bytes], Held] = dataclasses.field(default_factory=dict)
    """By kind and name, and by schema where one name comes in several."""

    def take(self, entry: Entry, descriptor: int) -> None:
        held = Held.inherited(entry, descriptor)
        schema = entry.opaque if state.is_state(held) else b""
        if self.held.setdefault((entry.kind, entry.name, schema), held) is held:
            return
        held.close()
        if entry.kind != EntryKind.ELDER:
            raise GaveUp(f"two entries are called {entry.name}", AbortReason.PROTOCOL_BROKEN)

    @property
    def commit_timeout(self) -> float:
        return min(self.welcome.commit_timeout_ms / 1000, MAX_COMMIT_TIMEOUT)


class Takeover:
    """One successor. `run` returns once it owns."""

    claim_type: Type[Claim] = Claim

    def __init__(self, service: Service, secret: Optional[bytes], hold: bool) -> None:
        self.service = service
        self.secret = secret
        self.inheritance: Inheritance
        self.received = 0
        self._channel: Optional[Channel] = None
        self.ready = not hold
        self.wants: List[state.Wanted] = []
        self.hears: List[state.Wanted] = []
        self.taken: List[state.Stated] = []
        self._progress: List[str] = []

    def become_ready(self) -> None:
        """Ordered by the test."""
        self.ready = True
        self._wake()

    def make_progress(self, text: str) -> None:
        """Ordered by the test."""
        self._progress.append(text)
        self._wake()

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
            self.take_state()
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
        """A connection closed before the answer is made again: whoever owns by now has closed it."""
        give_up_at = _now() + RECONNECT_LIMIT
        silent: Optional[int] = None
        while True:
            answer = await self._ask(give_up_at)
            peer = self.channel.peer.pid
            if answer is None:
                silent = peer
            elif _refuses_secret(answer) and silent not in (None, peer):
                self.secret = None  # another process owns the service than the one that has spawned us
            else:
                self.handle_answer(answer)
                return
            self.channel.close()
            if _now() >= give_up_at:
                raise GaveUp("every connection was closed before its answer")
            await asyncio.sleep(RECONNECT_PAUSE)

    async def _ask(self, give_up_at: float) -> Optional[Frame]:
        """`None` for the end of file."""
        self._channel = Channel(await _connect(self.service.address, give_up_at), takes_descriptors=True)
        if not self.channel.peer.trusted:
            raise GaveUp(f"user {self.channel.peer.uid} listens at {self.service.address}")
        deadline = _now() + STEP_TIMEOUT
        try:
            await self.send_hello(deadline)
        except (PeerGone, SendTimedOut):
            pass  # what the predecessor has said is read next, and the end of file behind it
        occurrence = await self.channel.next(deadline)
        if occurrence is Event.DEATH:
            # Whoever comes to own closes what was connected.
            occurrence = await self.channel.next(deadline)
        if occurrence is Event.END_OF_FILE:
            return None
        if isinstance(occurrence, Event):
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
        if os.fstat(token).st_size < 8 or not control.is_control_listener(listener, self.channel.peer_name()):
            raise GaveUp("`Welcome` brings no token or no listener", AbortReason.SYSTEM_ERROR)
        self.inheritance = Inheritance(message, Token(token), control.ControlListener.inherited(listener))
        tell("welcome", generation=message.generation, attempt=message.attempt, entries=message.entries)

    async def transfer(self) -> None:
        """Takes every batch, compares it with what the kernel says, and acknowledges it."""
        while True:
            manifest, descriptors = await self.await_manifest()
            self.received += len(manifest.entries)
            self.require_counts(manifest)
            for entry, descriptor in zip(manifest.entries, descriptors):
                _require_same(entry, descriptor)
                self.inheritance.take(entry, descriptor)
            await self.acknowledge()
            if manifest.last:
                break
        first = [{"kind": kind, "name": name} for kind, name, _ in list(self.inheritance.held)[:20]]
        tell("inherited", count=len(self.inheritance.held), entries=first)

    def take_state(self) -> None:
        """What of it we cannot read is found out while nothing has moved."""
        inherited = list(self.inheritance.held.values())
        try:
            for wanted in self.wants:
                taken = state.take(wanted, inherited)
                self.taken += [taken] if taken else []
                tell("took", name=wanted.name, **_shown(taken))
            for wanted in self.hears:
                state.require_announced(wanted, inherited)
        except state.Unreadable as error:
            raise GaveUp(str(error), AbortReason.APPLICATION_GAVE_UP) from error

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

    def require_counts(self, manifest: Manifest) -> None:
        """The batch that completes the manifest is the last, and only that of an empty manifest is empty."""
        total = self.inheritance.welcome.entries
        if self.received > total or manifest.last != (self.received == total):
            raise GaveUp(f"{self.received} entries came, {total} were told", AbortReason.PROTOCOL_BROKEN)
        if total and not manifest.entries:
            raise GaveUp("a batch is empty", AbortReason.PROTOCOL_BROKEN)

    async def acknowledge(self) -> None:
        try:
            await self.channel.send(Received(self.received), deadline=_now() + STEP_TIMEOUT)
        except PeerGone:
            pass  # what the predecessor has said is read next, and the end of file behind it
        except SendTimedOut as error:
            raise GaveUp("`Received` could not be sent in time", AbortReason.TIMED_OUT) from error

    async def prepare(self, claim: Claim) -> bool:
        """Whether it became ready. From here on whatever happens is a reason to try the token."""
        while not self.ready:
            occurrence = await self.channel.next(interrupted=lambda: self.ready or bool(self._progress))
            if occurrence is not Event.INTERRUPTION:
                claim.note(occurrence)
                return False
            while self._progress:
                await self._say(Progress(self._progress.pop(0)))
        with contextlib.suppress(OSError):  # taking it over writes it again, and tells what is wrong
            self.service.pid_file.write()
        return await self.say_ready()

    async def say_ready(self) -> bool:
        """Sends `Ready`; if nobody takes it the claim finds out why."""
        strays = [held.name for held in self.inheritance.held.values() if not _claimable(held.kind)]
        return await self._say(Ready(len(strays), strays[:MAX_STRAYS_NAMED]))

    async def await_release(self, claim: Claim) -> None:
        """`Commit`, then `Released`, each within the commit timeout; anything else is noted instead."""
        for expected in (Commit, Released):
            occurrence = await self.channel.next(_now() + self.inheritance.commit_timeout)
            claim.note(occurrence)
            if not (isinstance(occurrence, Frame) and isinstance(occurrence.message, expected)):
                return

    async def abort(self, failure: GaveUp) -> None:
        if self._channel is None:
            return
        if failure.reason is not None:
            await self.channel.tell(Abort(failure.reason, failure.why))
        self.channel.close()

    async def _say(self, message: Message) -> bool:
        try:
            await self.channel.send(message, deadline=_now() + self.inheritance.commit_timeout)
        except (PeerGone, SendTimedOut):
            return False
        return True

    def _wake(self) -> None:
        if self._channel is not None:
            self._channel.wake()


async def _connect(address: str, give_up_at: float) -> socket.socket:
    """Waits while the queue is full."""
    while True:
        try:
            return control.connect(address)
        except BlockingIOError as error:
            if _now() >= give_up_at:
                raise GaveUp(f"the queue of {address} stays full") from error
        await asyncio.sleep(RECONNECT_PAUSE)


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
    objection = state.objection_to(entry, descriptor)
    if objection is not None:
        raise GaveUp(objection, AbortReason.DESCRIPTOR_MISMATCH)


def _shown(stated: Optional[state.Stated]) -> Dict[str, str]:
    if stated is None:
        return {}
    return {"schema": stated.schema, "content": stated.content.decode(errors="replace")}


def _claimable(kind: int) -> bool:
    return kind in set(EntryKind)


def _garbage(garbage: Garbage) -> GaveUp:
    reason = AbortReason.DESCRIPTORS_CUT_OFF if garbage.cut_off else AbortReason.PROTOCOL_BROKEN
    return GaveUp(f"predecessor sent garbage: {garbage.why}", reason)


def _refuses_secret(answer: Frame) -> bool:
    return isinstance(answer.message, Refuse) and answer.message.reason == RefuseReason.SECRET


def _unexpected(message: Message) -> GaveUp:
    if isinstance(message, Abort):
        return GaveUp(f"predecessor aborted: {named(AbortReason, message.reason)}: {message.text}")
    return GaveUp(f"predecessor said {type(message).__name__} out of turn", AbortReason.PROTOCOL_BROKEN)


def _now() -> float:
    return asyncio.get_running_loop().time()


MAX_STRAYS_NAMED = 100
"""As many as go into a frame whatever their length."""
