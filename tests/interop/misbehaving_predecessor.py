"""Predecessors that break the protocol on purpose, each in one place."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import signal
from typing import Dict, List, Type

from channel import PeerGone
from handoff import Handoff, HandoffFailed
from messages import Abort, Commit, FileIdentity, Identity, Manifest, Message, Released, Welcome
from misbehaving_successor import UNKNOWN_MUST, UNKNOWN_SKIPPABLE, longer
from vocabulary import STEP_TIMEOUT, AbortReason

LAST_WORDS = b"last words"


class ManifestFirst(Handoff):
    def welcome_frame(self) -> Message:
        return Manifest(True, [])

    async def send(self, message, descriptors=None):  # type: ignore[no-untyped-def]
        """Without the two descriptors of `Welcome`: the kind alone is to be wrong."""
        await super().send(message)


class OneLess(Handoff):
    async def send_batch(self, manifest: Manifest, descriptors: List[int]) -> None:
        await super().send_batch(manifest, descriptors[:-1])


class OneMore(Handoff):
    async def send_batch(self, manifest: Manifest, descriptors: List[int]) -> None:
        await super().send_batch(manifest, descriptors + [0])


class WrongTotal(Handoff):
    def welcome_frame(self) -> Message:
        welcome = super().welcome_frame()
        assert isinstance(welcome, Welcome)
        return dataclasses.replace(welcome, entries=welcome.entries + 1)


class WrongIdentity(Handoff):
    async def send_batch(self, manifest: Manifest, descriptors: List[int]) -> None:
        wrong = [dataclasses.replace(entry, identity=_wrong(entry.identity)) for entry in manifest.entries[:1]]
        await super().send_batch(Manifest(manifest.last, wrong + manifest.entries[1:]), descriptors)


class CloseAfterWelcome(Handoff):
    async def transfer(self) -> None:
        raise HandoffFailed("closed after Welcome")


class CloseAfterManifest(Handoff):
    async def await_received(self) -> None:
        """Once the last batch is sent; before it the window must be waited for."""
        if self.sent == len(self.lines):
            raise HandoffFailed("closed after the manifest")
        await super().await_received()


class CloseAfterReady(Handoff):
    async def commit(self) -> None:
        raise HandoffFailed("closed after Ready")


class ExitAfterManifest(Handoff):
    async def await_ready(self) -> None:
        os._exit(0)


class LateState(Handoff):
    """Well-behaved."""

    async def commit(self) -> None:
        self.owner.last_words = LAST_WORDS
        await super().commit()


class ExitAfterCommit(LateState):
    async def release(self, committed: float) -> None:
        os._exit(0)


class ReleasedFirst(Handoff):
    async def send(self, message, descriptors=None):  # type: ignore[no-untyped-def]
        if isinstance(message, Commit):
            self.owner.token.unlock()
            message = Released()
        await super().send(message, descriptors)

    async def release(self, committed: float) -> None:
        """Everything was said."""


class UnknownFirst(Handoff):
    UNKNOWN = UNKNOWN_SKIPPABLE

    async def transfer(self) -> None:
        try:
            await self.channel.send(self.UNKNOWN, deadline=_now() + STEP_TIMEOUT)
        except PeerGone as error:
            raise HandoffFailed(str(error)) from error
        await super().transfer()


class UnknownMust(UnknownFirst):
    UNKNOWN = UNKNOWN_MUST


class LongerWelcome(Handoff):
    """Well-behaved: a newer version may put fields behind the last."""

    def welcome_frame(self) -> bytes:  # type: ignore[override]
        return longer(super().welcome_frame().frame())


class FreezesAfterReleased(Handoff):
    async def release(self, committed: float) -> None:
        """Has not read `Owned` when it is thawed."""
        await super().release(committed)
        os.kill(os.getpid(), signal.SIGSTOP)


class WithholdsDraining(Handoff):
    async def conclude(self) -> None:
        """Drains, and does not say so before it is ordered to."""


class Version9(Handoff):
    def welcome_frame(self) -> Message:
        welcome = super().welcome_frame()
        assert isinstance(welcome, Welcome)
        return dataclasses.replace(welcome, version=9)


class Stopping(Handoff):
    """Is stopped after the last `Received`, properly: what it began is void, and nobody is to go on."""

    async def await_ready(self) -> None:
        self.owner.token.begin_attempt()
        await self.channel.tell(Abort(AbortReason.STOPPING, "the service is stopped"))
        self.channel.close()
        self.owner.handoff_failed("stopping")
        os._exit(0)


def _wrong(identity: Identity) -> Identity:
    if isinstance(identity, FileIdentity):
        return dataclasses.replace(identity, inode=identity.inode + 1)
    return dataclasses.replace(identity, cookie=identity.cookie + 1)


def _now() -> float:
    return asyncio.get_running_loop().time()


MISBEHAVIOURS: Dict[str, Type[Handoff]] = {
    "manifest-first": ManifestFirst,
    "one-less": OneLess,
    "one-more": OneMore,
    "wrong-total": WrongTotal,
    "wrong-identity": WrongIdentity,
    "close-after-welcome": CloseAfterWelcome,
    "close-after-manifest": CloseAfterManifest,
    "close-after-ready": CloseAfterReady,
    "exit-after-manifest": ExitAfterManifest,
    "exit-after-commit": ExitAfterCommit,
    "released-first": ReleasedFirst,
    "unknown-skippable": UnknownFirst,
    "unknown-must": UnknownMust,
    "longer-welcome": LongerWelcome,
    "freezes-after-released": FreezesAfterReleased,
    "withholds-draining": WithholdsDraining,
    "version-9": Version9,
    "late-state": LateState,
    "stopping": Stopping,
}
