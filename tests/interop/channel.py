"""A connection between the two: frames, descriptors, and what else can happen to it.

Every call passes `MSG_DONTWAIT` instead of making the socket non-blocking: an elder's connection is handed on, and
the flags of its description with it.
"""

from __future__ import annotations

import array
import asyncio
import dataclasses
import enum
import errno
import os
import socket
from typing import Callable, List, Optional, Sequence, Union

from messages import Message, descriptors_of, parse
from peer import Peer
from vocabulary import MAX_FRAME_BYTES, TRY_INTERVAL
from wire import InvalidFrame


@dataclasses.dataclass
class Frame:
    """A frame that was understood, with the descriptors that it must bring."""

    message: Message
    descriptors: List[int]


@dataclasses.dataclass
class Garbage:
    """Section 8: invalid, truncated, the wrong number of descriptors, or not understood though it must be."""

    why: str
    cut_off: bool = False


class Event(enum.Enum):
    """What happens without a frame. The end of file and the death are told once."""

    END_OF_FILE = "end of file"
    DEATH = "death"
    DEADLINE = "deadline"
    INTERRUPTION = "interruption"


Occurrence = Union[Frame, Garbage, Event]


class PeerGone(Exception):
    """A frame could not be sent: nobody is there to read it. What the peer said before may still be queued."""


class SendTimedOut(Exception):
    """A frame could not be sent in time."""


class Channel:
    """One end of a connection. One task at a time waits on it."""

    def __init__(self, connection: socket.socket, takes_descriptors: bool) -> None:
        self.peer = Peer(connection)
        self._socket = connection
        # Without room for them the kernel closes descriptors that a peer is not to send, and says MSG_CTRUNC.
        self._room = socket.CMSG_SPACE(4 * _SCM_MAX_FD) if takes_descriptors else 0
        self._ended = False
        self._death_told = False
        self._waiter: Optional[asyncio.Future[None]] = None

    def arrived(self) -> Optional[Occurrence]:
        """A frame or the end of file that is there already."""
        while not self._ended:
            received = self._receive()
            if received is None or not isinstance(received, _Skipped):
                return received
        return None

    async def next(
        self, deadline: Optional[float] = None, interrupted: Callable[[], bool] = lambda: False
    ) -> Occurrence:
        """The next that happens. Frames go before death, and both before a deadline.

        Whoever changes what `interrupted` says calls `wake`.
        """
        while True:
            passed = deadline is not None and _now() >= deadline
            dead = not self._death_told and self.peer.dead
            # In this order: what arrives after the two were asked cannot be lost to them.
            arrived = self.arrived()
            if arrived is not None:
                return arrived
            if dead:
                self._death_told = True
                return Event.DEATH
            if interrupted():
                return Event.INTERRUPTION
            if passed:
                return Event.DEADLINE
            await self._wait(deadline)

    def wake(self) -> None:
        """Lets `next` look again."""
        if self._waiter is not None:
            _resolve(self._waiter)

    async def send(self, frame: Union[Message, bytes], descriptors: Sequence[int] = (), *, deadline: float) -> None:
        """Returns once the kernel has taken the frame. Raises `PeerGone` or `SendTimedOut`."""
        payload = frame if isinstance(frame, bytes) else frame.frame()
        while not self._try_send(payload, descriptors):
            if _now() >= deadline:
                raise SendTimedOut
            await self._writable(min(deadline, _now() + TRY_INTERVAL * 10))

    async def tell(self, message: Message) -> None:
        """Sends what changes nothing if it is lost."""
        try:
            await self.send(message, deadline=_now())
        except (PeerGone, SendTimedOut):
            pass

    def descriptor(self) -> int:
        """To be handed on."""
        return self._socket.fileno()

    def peer_name(self) -> object:
        """What the socket at the other end was bound by."""
        return self._socket.getpeername()

    def close(self) -> None:
        self._socket.close()
        self.peer.close()

    def _receive(self) -> Union[Occurrence, "_Skipped", None]:
        try:
            payload, ancillary, flags, _ = self._socket.recvmsg(
                MAX_FRAME_BYTES, self._room, socket.MSG_DONTWAIT | socket.MSG_CMSG_CLOEXEC
            )
        except BlockingIOError:
            return None
        except ConnectionResetError:
            # The kernel tells of the reset before it hands out the frames that were queued, and tells it once.
            return _Skipped()
        descriptors = _descriptors(ancillary)
        if not payload:
            _close_all(descriptors)
            self._ended = True
            return Event.END_OF_FILE
        understood = _understand(payload, descriptors, flags)
        if not isinstance(understood, Frame):
            _close_all(descriptors)
        return understood

    def _try_send(self, payload: bytes, descriptors: Sequence[int]) -> bool:
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
        try:
            self._socket.sendmsg([payload], ancillary, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
        except BlockingIOError:
            return False
        except ConnectionError as error:
            raise PeerGone(str(error)) from error
        except OSError as error:
            # A user may have only so many descriptors in flight: as good as a full queue.
            if error.errno == errno.ETOOMANYREFS:
                return False
            raise
        return True

    async def _writable(self, deadline: float) -> None:
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        loop.add_writer(self._socket, _resolve, waiter)
        try:
            await asyncio.wait([waiter], timeout=max(0.0, deadline - _now()))
        finally:
            loop.remove_writer(self._socket)
            waiter.cancel()

    async def _wait(self, deadline: Optional[float]) -> None:
        loop = asyncio.get_running_loop()
        self._waiter = loop.create_future()
        watched = [] if self._ended else [self._socket.fileno()]
        if not self._death_told and self.peer.pidfd is not None:
            watched.append(self.peer.pidfd)
        for descriptor in watched:
            loop.add_reader(descriptor, self.wake)
        try:
            await asyncio.wait([self._waiter], timeout=None if deadline is None else max(0.0, deadline - _now()))
        finally:
            for descriptor in watched:
                loop.remove_reader(descriptor)
            self._waiter.cancel()


class _Skipped:
    """Nothing to tell; look again."""


def _understand(payload: bytes, descriptors: List[int], flags: int) -> Union[Frame, Garbage, _Skipped]:
    if flags & socket.MSG_CTRUNC:
        return Garbage("descriptors were cut off", cut_off=True)
    if flags & socket.MSG_TRUNC:
        return Garbage("the frame was cut off")
    try:
        message = parse(payload)
    except InvalidFrame as error:
        return Garbage(str(error))
    needed = 0 if message is None else descriptors_of(message)
    if len(descriptors) != needed:
        return Garbage(f"{len(descriptors)} descriptors instead of {needed}")
    return _Skipped() if message is None else Frame(message, descriptors)


def _descriptors(ancillary: list) -> List[int]:
    taken = array.array("i")
    for level, kind, payload in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            taken.frombytes(payload[: len(payload) - len(payload) % taken.itemsize])
    return list(taken)


def _close_all(descriptors: Sequence[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def _resolve(waiter: "asyncio.Future[None]") -> None:
    if not waiter.done():
        waiter.set_result(None)


def _now() -> float:
    return asyncio.get_running_loop().time()


_SCM_MAX_FD = 253
