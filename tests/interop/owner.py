"""Who owns the service: serves the control socket, hands over, drains."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import socket
import time
from typing import Dict, List, Optional, Type

from channel import Channel, PeerGone, SendTimedOut
from control import ControlListener
from elder import Elder
from entry import Held, identity_of
from greeting import Reception
from handoff import Handoff
from messages import Draining, Hello, Message, Open, Refuse, Retired, SocketIdentity, StatusReport
from ownership import Token
from pid_file import PidFile
from refusal import Refusal, objection_to
from running import start
from spawning import Spawned
from state import Stated, written
from telling import tell
from vocabulary import STEP_TIMEOUT, Phase, RefuseReason, named


@dataclasses.dataclass
class Timeouts:
    """Milliseconds, told in `Welcome`."""

    ready_ms: int = 60_000
    ready_cap_ms: int = 600_000
    commit_ms: int = 2_000


@dataclasses.dataclass
class Service:
    """What a process knows of its service before it owns it."""

    address: str
    label: str
    build: str
    pid_file: PidFile
    timeouts: Timeouts = dataclasses.field(default_factory=Timeouts)


class Owner:
    """Holds the token, the control listener and every descriptor of the service."""

    def __init__(self, service: Service, generation: int, token: Token, listener: ControlListener) -> None:
        self.service = service
        self.build = service.build
        self.timeouts = service.timeouts
        self.generation = generation
        self.token = token
        self.listener = listener
        self.held: List[Held] = []
        self.states: List[Held] = []
        self.words: List[Stated] = []
        self.elders: List[Elder] = []
        self.awaited: Optional[Spawned] = None
        self.reception = Reception(self)
        self.handoff_type: Type[Handoff] = Handoff
        self.last_words = b""
        self.phase = Phase.STARTING
        self._phase_since = _now()
        self._handoff: Optional[Handoff] = None
        self._successor: Optional[Channel] = None
        self._changes_allowed = asyncio.Event()
        self._changes_allowed.set()

    @classmethod
    def of_first_generation(cls, service: Service) -> "Owner":
        """Begins the service. Raises `OSError` (`EADDRINUSE`) if somebody else owns it."""
        listener = ControlListener.bind(service.address)
        owner = cls(service, 1, Token.new(0), listener)
        service.pid_file.take_over()
        return owner

    def open(self) -> None:
        """The token is locked and listen(2) was called; the application may not be ready yet."""
        self.reception.open()
        self._watch_elders()

    def become_ready(self) -> None:
        """The application is."""
        if self.phase is Phase.STARTING:
            self.enter(Phase.SERVING)
            self._tell_serving()

    def enter(self, phase: Phase) -> None:
        self.phase, self._phase_since = phase, _now()

    # What a handoff asks of its owner.

    def to_hand_over(self) -> List[Held]:
        return self.held + self.states + [elder.held() for elder in self.elders]

    def offer(self, states: List[Stated], words: List[Stated]) -> None:
        """From now on each successor is offered these states, and told these last words."""
        self.words = words
        self.states = [stated.provided() for stated in states] + [stated.announced() for stated in words]

    def late_state(self) -> bytes:
        return self.last_words or written(self.words)

    def stop_watching_elders(self) -> None:
        """One that ended would be closed, and its descriptor is to be sent."""
        for elder in self.elders:
            elder.stop_watching()

    def predecessor_settled(self) -> bool:
        """Whether an attempt of ours may begin. Those before our predecessor have said `Draining` to it."""
        for elder in list(self.elders):
            elder.hear()
            self._elder_spoke(elder)
        return all(elder.settled for elder in self.elders)

    def stop_changes(self) -> None:
        """What is added from now on the successor would not get."""
        self._changes_allowed.clear()

    def handoff_failed(self, why: str) -> None:
        self._go_on()
        tell("handoff-failed", why=why)

    def take_back(self, why: str) -> None:
        """We own again: the successor may have listened and put its PID file in the place of ours."""
        self.listener.take_over()
        self.reception.close_silent()
        with contextlib.suppress(OSError):  # the service goes on without it
            self.service.pid_file.take_over()
        self._go_on()
        tell("taken-back", why=why)

    # What visitors ask.

    async def greet(self, channel: Channel, hello: Hello) -> None:
        """A successor: it is refused, or the handoff is its."""
        tell("hello", pid=hello.pid, build=hello.build, spawned=hello.secret is not None)
        refusal = objection_to(hello, channel.peer.pid, self)
        if refusal is not None:
            await self._turn_away(channel, hello, refusal)
            return
        began = _now()
        if self.awaited is not None:
            self.awaited.use_up(channel.peer.pid)
            began = self.awaited.began
        handoff = self._handoff = self.handoff_type(self, channel, hello, began)
        owned = await handoff.run()
        self._handoff = None
        if owned:
            self._drain(channel)
            await handoff.conclude()
            tell("handed-over", generation=self.generation + 1)

    async def refuse(self, channel: Channel, refusal: Refusal) -> None:
        """Answers, and closes."""
        tell("refusing", reason=named(RefuseReason, refusal.reason))
        answer = Refuse(
            refusal.reason,
            self.generation,
            self.phase,
            self.phase_age_ms,
            refusal.needed,
            refusal.available,
            refusal.text,
        )
        await _send_last(channel, answer)
        channel.close()

    def expects(self, secret: Optional[bytes]) -> bool:
        """Whether it is that of the successor that we wait for."""
        return self.awaited is not None and self.awaited.expects(secret)

    def is_with(self, pid: int, secret: Optional[bytes]) -> bool:
        """Whether this process has told this secret, and its handoff goes on."""
        return self._handoff is not None and self.awaited is not None and self.awaited.used_by(pid, secret)

    def report(self) -> StatusReport:
        now = _now()
        return StatusReport(
            generation=self.generation,
            pid=os.getpid(),
            service=self.service.label,
            build=self.build,
            phase=self.phase,
            phase_age_ms=self.phase_age_ms,
            process_age_ms=int((now - _PROCESS_BEGAN) * 1000),
            entries=len(self.held),
            draining=[elder.draining for elder in self.elders],
        )

    @property
    def phase_age_ms(self) -> int:
        return int((_now() - self._phase_since) * 1000)

    @property
    def busy(self) -> bool:
        return self._handoff is not None or self.awaited is not None

    @property
    def handed_over(self) -> bool:
        return self._successor is not None

    # What the application asks.

    async def spawn(self, argv: List[str], env: Dict[str, str]) -> None:
        """Starts a successor that alone knows the secret."""
        if self.phase is not Phase.SERVING:
            tell("handoff-failed", why=f"predecessor is {named(Phase, self.phase)}")
            return
        self.enter(Phase.SPAWNING)
        self.awaited = spawned = Spawned(argv, env, self.service.address)
        tell("spawned", pid=spawned.pid)
        limit = min(self.timeouts.ready_ms, self.timeouts.ready_cap_ms) / 1000
        failure = await spawned.await_hello(spawned.began + limit)
        if failure is not None:
            self.handoff_failed(failure)

    async def until_changes_are_allowed(self) -> None:
        await self._changes_allowed.wait()

    async def say_draining(self) -> None:
        """Tells the successor that we never try the token again."""
        await self._tell_successor(Draining())

    async def say_open(self, count: int) -> None:
        """Tells the successor how much is open here."""
        await self._tell_successor(Open(count))

    async def retire(self) -> None:
        """Says `Retired` if we have handed over."""
        await self._tell_successor(Retired())

    async def _tell_successor(self, message: Message) -> None:
        if self._successor is not None:
            await _send_last(self._successor, message)

    async def _turn_away(self, channel: Channel, hello: Hello, refusal: Refusal) -> None:
        await self.refuse(channel, refusal)
        # Another process that speaks no common version and is told the secret would be refused as well.
        if refusal.reason is RefuseReason.VERSION and self.expects(hello.secret):
            self.awaited.use_up(channel.peer.pid)
            self.handoff_failed(f"spawned successor was refused: {refusal.text}")

    def _go_on(self) -> None:
        if self.awaited is not None:
            start(self.awaited.end())
            self.awaited = None
        self._changes_allowed.set()
        self.reception.open()
        self._watch_elders()
        self.enter(Phase.SERVING)

    def _drain(self, successor: Channel) -> None:
        """Keeps nothing but the connection on which to say `Draining` and `Retired`."""
        self._successor = successor
        self.awaited = None
        self.reception.pause()
        self.reception.close_silent()
        self.listener.close()
        self.token.close()
        for handed_over in [*self.elders, *self.held, *self.states]:
            handed_over.close()
        self.elders, self.held, self.states = [], [], []
        self.enter(Phase.DRAINING)

    def _watch_elders(self) -> None:
        for elder in self.elders:
            elder.watch(self._elder_spoke)

    def _elder_spoke(self, elder: Elder) -> None:
        if elder.retired:
            self.elders.remove(elder)
            elder.close()
            tell("retired", generation=elder.draining.generation)
        if self._handoff is not None:
            self._handoff.channel.wake()

    def _tell_serving(self) -> None:
        tell(
            "serving",
            address=self.service.address,
            generation=self.generation,
            pid=os.getpid(),
            listeners={held.name: _spelled(held) for held in self.held if _listens(held)},
        )


async def _send_last(channel: Channel, message: Message) -> None:
    """What the peer may be too gone, or too frozen, to take."""
    try:
        await channel.send(message, deadline=_now() + STEP_TIMEOUT)
    except (PeerGone, SendTimedOut):
        pass


def _listens(held: Held) -> bool:
    identity = identity_of(held.descriptor)
    return isinstance(identity, SocketIdentity) and identity.listening


def _spelled(held: Held) -> str:
    with socket.socket(fileno=os.dup(held.descriptor)) as listener:
        address = listener.getsockname()
    if isinstance(address, tuple):
        return f"{address[0]}:{address[1]}"
    return "@" + address[1:].decode() if isinstance(address, bytes) else address


def _now() -> float:
    return asyncio.get_running_loop().time()


_PROCESS_BEGAN = time.monotonic()
"""By the clock of the loop."""
