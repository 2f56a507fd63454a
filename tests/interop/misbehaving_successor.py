"""Successors that break the protocol on purpose, each in one place."""

from __future__ import annotations

import asyncio
import os
from typing import Dict, Type

from channel import Event, Frame, PeerGone
from claim import Claim
from messages import Abort, Hello, Owned, Ready, Received
from takeover import Takeover
from telling import tell
from vocabulary import MUST_UNDERSTAND, STEP_TIMEOUT, AbortReason, named
from wire import Header


class Misbehaved(Exception):
    """What came of it was told; the process ends with 0."""


class Misbehaving(Takeover):
    """Says something wrong, then tells how the predecessor took it."""

    async def end_with(self, *frames: bytes) -> None:
        """Sends the last frames, and waits for what the predecessor makes of them."""
        for frame in frames:
            await self.say(frame)
        deadline = _now() + PATIENCE
        while True:
            occurrence = await self.channel.next(deadline)
            if isinstance(occurrence, Frame) and isinstance(occurrence.message, Abort):
                reason = named(AbortReason, occurrence.message.reason)
                tell("aborted", reason=reason, text=occurrence.message.text)
                raise Misbehaved
            if occurrence is Event.END_OF_FILE:
                tell("closed")
                raise Misbehaved
            if occurrence is Event.DEADLINE:
                tell("went-on")
                raise Misbehaved

    async def say(self, frame: bytes) -> None:
        """Whether it arrives is seen by the answer."""
        try:
            await self.channel.send(frame, deadline=_now() + STEP_TIMEOUT)
        except PeerGone:
            pass

    def vanish(self) -> None:
        """Closes the connection and lets go of every descriptor: the process ends."""
        self.channel.close()
        tell("closed")
        raise Misbehaved


class ReadyFirst(Misbehaving):
    async def send_hello(self, deadline: float) -> None:
        await super().send_hello(deadline)
        await self.end_with(_READY)


class ReadyEarly(Misbehaving):
    async def acknowledge(self) -> None:
        await self.end_with(_READY)


class ReceivedTooMany(Misbehaving):
    async def acknowledge(self) -> None:
        await self.end_with(Received(self.inheritance.welcome.entries + 1).frame())


class ReceivedAgain(Misbehaving):
    async def acknowledge(self) -> None:
        again = Received(self.received).frame()
        await self.end_with(again, again)


class CloseAfterHello(Misbehaving):
    async def send_hello(self, deadline: float) -> None:
        await super().send_hello(deadline)
        self.vanish()


class CloseAfterWelcome(Misbehaving):
    async def transfer(self) -> None:
        self.vanish()


class CloseAfterManifest(Misbehaving):
    async def acknowledge(self) -> None:
        self.vanish()


class CloseAfterReady(Misbehaving):
    async def await_release(self, claim: Claim) -> None:
        self.vanish()


class OwnedFirst(Misbehaving):
    """Both at once: the predecessor may read this `Owned` before it sends `Commit`, or after it."""

    async def say_ready(self) -> bool:
        await self.end_with(_READY, Owned().frame())
        return False


class Descriptors(Misbehaving):
    """Since Linux 6.16 the kernel itself refuses, if the predecessor cleared `SO_PASSRIGHTS`."""

    async def send_hello(self, deadline: float) -> None:
        try:
            with open(os.devnull, "rb") as file:
                await self.channel.send(self.hello(), [file.fileno()], deadline=deadline)
        except PermissionError as error:
            tell("closed", why=str(error))
            raise Misbehaved from error
        await self.end_with()


class UnknownSkippable(Takeover):
    """Well-behaved: whoever does not know the kind skips it."""

    async def say_ready(self) -> bool:
        await self.channel.send(UNKNOWN_SKIPPABLE, deadline=_now() + STEP_TIMEOUT)
        return await super().say_ready()


class UnknownMust(Misbehaving):
    async def say_ready(self) -> bool:
        await self.end_with(UNKNOWN_MUST, _READY)
        return False


class Version9(Misbehaving):
    """Is refused: nobody speaks one of these."""

    def hello(self) -> Hello:
        hello = super().hello()
        hello.lowest, hello.highest = 9, 12
        return hello


class Versions1To9(Takeover):
    """Well-behaved."""

    def hello(self) -> Hello:
        hello = super().hello()
        hello.highest = 9
        return hello


class LongerHello(Takeover):
    """Well-behaved: a newer version may put fields behind the last."""

    async def send_hello(self, deadline: float) -> None:
        await self.channel.send(longer(self.hello().frame()), deadline=deadline)


class SilentClaim(Claim):
    async def announce(self) -> None:
        tell("silent")
        await asyncio.get_running_loop().create_future()


class SilentOwner(Takeover):
    """Takes the token and never says so: it waits to be killed."""

    claim_type = SilentClaim


def longer(frame: bytes) -> bytes:
    """The same frame with 7 bytes behind its last field."""
    header = Header.unpack(frame)
    return header.pack(frame[12:] + b"\xa5" * 7)


def _now() -> float:
    return asyncio.get_running_loop().time()


UNKNOWN_SKIPPABLE = Header(version=7, kind=0x0777).pack(b"unknown")
UNKNOWN_MUST = Header(version=7, kind=0x0777 | MUST_UNDERSTAND).pack(b"unknown")

PATIENCE = 3.0
"""Seconds until a predecessor counts as one that went on. Below its own deadlines, which would look like an answer."""

_READY = Ready(0, []).frame()

MISBEHAVIOURS: Dict[str, Type[Takeover]] = {
    "ready-first": ReadyFirst,
    "ready-early": ReadyEarly,
    "received-too-many": ReceivedTooMany,
    "received-again": ReceivedAgain,
    "close-after-hello": CloseAfterHello,
    "close-after-welcome": CloseAfterWelcome,
    "close-after-manifest": CloseAfterManifest,
    "close-after-ready": CloseAfterReady,
    "owned-first": OwnedFirst,
    "descriptors": Descriptors,
    "unknown-skippable": UnknownSkippable,
    "unknown-must": UnknownMust,
    "version-9": Version9,
    "versions-1-to-9": Versions1To9,
    "longer-hello": LongerHello,
    "silent-owner": SilentOwner,
}
