"""A successor that the predecessor starts itself."""

from __future__ import annotations

import asyncio
import os
import subprocess
from typing import Dict, List, Optional

from running import start
from telling import tell

SOCKET_VARIABLE = "HEIRLOOM_SOCKET"
SECRET_VARIABLE = "HEIRLOOM_SECRET"


class Spawned:
    """The child, and the secret that it alone was told."""

    def __init__(self, argv: List[str], env: Dict[str, str], address: str, now: float) -> None:
        self.secret = os.urandom(32)
        self.began = now
        self.greeted = False
        told = {SOCKET_VARIABLE: address, SECRET_VARIABLE: self.secret.hex()}
        self._process = subprocess.Popen(argv, env={**os.environ, **env, **told}, close_fds=True)
        self._ended = asyncio.get_running_loop().create_future()
        self._watch = start(self._await_end())

    @property
    def pid(self) -> int:
        return self._process.pid

    async def await_hello(self, deadline: float) -> Optional[str]:
        """Why none is going to come. To be ignored once it came."""
        timeout = max(0.0, deadline - asyncio.get_running_loop().time())
        await asyncio.wait([self._ended], timeout=timeout)
        if self._ended.done():
            return "spawned successor ended before its Hello"
        return "Hello of the spawned successor did not come in time"

    async def _await_end(self) -> None:
        loop = asyncio.get_running_loop()
        pidfd = os.pidfd_open(self.pid)
        ended = loop.create_future()
        loop.add_reader(pidfd, lambda: ended.done() or ended.set_result(None))
        await ended
        loop.remove_reader(pidfd)
        os.close(pidfd)
        tell("child-exited", pid=self.pid, status=self._process.wait())
        self._ended.set_result(None)


def told_by_predecessor() -> "tuple[Optional[str], Optional[bytes]]":
    """Address and secret, if somebody spawned us. Taken out of the environment: they are not for our own children."""
    address = os.environ.pop(SOCKET_VARIABLE, None)
    secret = os.environ.pop(SECRET_VARIABLE, None)
    return address, None if secret is None else bytes.fromhex(secret)
