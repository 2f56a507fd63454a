"""Orders of the test: lines on standard input. Its end ends the process as if killed."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from typing import Callable, Coroutine, Dict, List, Optional

from application import Application
from owner import Owner
from running import start
from takeover import Takeover

Order = Callable[[str], Optional[Coroutine]]


class Orders:
    """Whom a line goes to depends on what the process has become."""

    def __init__(self) -> None:
        self._known: Dict[str, Order] = {"end": lambda _: _end_at_once()}
        self._tasks: List["asyncio.Task"] = []

    def listen(self) -> None:
        """A thread reads: standard input may be a file, which the loop cannot watch."""
        loop = asyncio.get_running_loop()
        threading.Thread(target=_read_lines, args=(loop, self._obey), daemon=True).start()

    def go_to_successor(self, takeover: Takeover) -> None:
        self._known["ready"] = lambda _: takeover.become_ready()
        self._known["progress"] = takeover.make_progress

    def go_to_owner(self, owner: Owner) -> None:
        application = Application(owner)
        self._known.update(
            {
                "ready": lambda _: owner.become_ready(),
                "spawn": lambda rest: _spawn(owner, rest),
                "keep": lambda rest: application.keep(*_two(rest)),
                "read": application.read,
                "write": lambda rest: application.write(*_two(rest)),
                "serve": application.serve,
                "draining": lambda _: owner.say_draining(),
                "open": lambda rest: owner.say_open(int(rest)),
                "drained": lambda _: _drained(owner),
            }
        )

    def _obey(self, line: str) -> None:
        order, _, rest = line.partition(" ")
        work = self._known[order](rest)
        if work is not None:
            self._tasks.append(start(work))


async def _drained(owner: Owner) -> None:
    await owner.retire()
    _end_at_once()


def _spawn(owner: Owner, rest: str) -> Coroutine:
    command = json.loads(rest)
    return owner.spawn(command["argv"], command.get("env", {}))


def _two(rest: str) -> List[str]:
    """The name of a listener has no spaces; what comes behind it may."""
    first, _, second = rest.partition(" ")
    return [first, second]


def _end_at_once() -> None:
    os._exit(0)


def _read_lines(loop: asyncio.AbstractEventLoop, obey: Callable[[str], None]) -> None:
    """Reads without a buffer of its own: a successor that we spawn reads the same pipe."""
    pending = b""
    while True:
        chunk = os.read(0, 4096)
        if not chunk:
            _end_at_once()
        *lines, pending = (pending + chunk).split(b"\n")
        for line in lines:
            if line.strip():
                loop.call_soon_threadsafe(obey, line.decode())
