"""A successor that the predecessor starts itself (sections 1 and 7)."""

from __future__ import annotations

import asyncio
import hmac
import os
import subprocess
from typing import Dict, List, Optional

from running import start
from telling import tell
from vocabulary import SPAWNED_END_TIMEOUT

SOCKET_VARIABLE = "HEIRLOOM_SOCKET"
SECRET_VARIABLE = "HEIRLOOM_SECRET"


class Spawned:
    """The child, and the secret that it alone was told."""

    def __init__(self, argv: List[str], env: Dict[str, str], address: str) -> None:
        loop = asyncio.get_running_loop()
        self.began = loop.time()
        self._secret = os.urandom(32)
        self._used_up = loop.create_future()
        self._ended = loop.create_future()
        told = {SOCKET_VARIABLE: address, SECRET_VARIABLE: self._secret.hex()}
        self._process = subprocess.Popen(argv, env={**os.environ, **env, **told}, close_fds=True)
        self._watch = start(self._await_end())

    @property
    def pid(self) -> int:
        return self._process.pid

    def expects(self, secret: Optional[bytes]) -> bool:
        """Whether a `Hello` with this secret is the one that is waited for."""
        return secret is not None and not self._used_up.done() and hmac.compare_digest(secret, self._secret)

    def use_up(self, pid: int) -> None:
        """A secret is good for one handoff, here with this process."""
        self._used_up.set_result(pid)

    def used_by(self, pid: int, secret: Optional[bytes]) -> bool:
        """Whether this process has told this secret before."""
        return self._used_up.done() and self._used_up.result() == pid and secret == self._secret

    async def await_hello(self, deadline: float) -> Optional[str]:
        """Why none is going to come."""
        timeout = max(0.0, deadline - asyncio.get_running_loop().time())
        await asyncio.wait([self._ended, self._used_up], timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        if self._used_up.done():
            return None
        if self._ended.done():
            return "spawned successor ended before its Hello"
        return "Hello of the spawned successor did not come in time"

    async def end(self) -> None:
        """Its handoff has failed: it has a moment to end by itself."""
        await asyncio.wait([self._ended], timeout=SPAWNED_END_TIMEOUT)
        self._process.kill()  # does nothing to a process that has ended

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
