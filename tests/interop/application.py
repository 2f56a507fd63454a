"""The service that the tests see: it opens, keeps, reads and writes what the owner hands on."""

from __future__ import annotations

import asyncio
import os
import select
import socket
from typing import Iterable

from entry import Held
from owner import Owner
from telling import tell
from vocabulary import EntryKind

CLIENT_TIMEOUT = 5.0
"""Seconds that a client gets to come or to say something; the protocol has no say in it."""


def tcp_listener(name: str, blocking: bool) -> Held:
    """Every generation shares the mode; a service may insist on one."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setblocking(blocking)
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    return Held(EntryKind.TCP_LISTENER, name, listener.detach())


def unix_listener(name: str) -> Held:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(b"\0" + name[1:].encode() if name.startswith("@") else name)
    listener.listen()
    return Held(EntryKind.UNIX_STREAM_LISTENER, name, listener.detach())


def file(name: str, path: str) -> Held:
    return Held(EntryKind.FILE, name, os.open(path, os.O_RDONLY | os.O_CLOEXEC))


def many_files(count: int) -> Iterable[Held]:
    return (file(f"many {number}", "/dev/null") for number in range(count))


class Application:
    """What an owner's orders do to its entries."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner

    async def keep(self, listener: str, name: str) -> None:
        """Accepts a client and makes it an entry."""
        with await self._accept(listener) as client:
            await self._owner.until_changes_are_allowed()
            self._owner.held.append(Held(EntryKind.TCP_CONNECTION, name, os.dup(client.fileno())))
        tell("kept", name=name)

    async def read(self, name: str) -> None:
        """What there is, waiting a little if there is nothing."""
        descriptor = self._held(name).descriptor
        await _until_ready(descriptor, select.POLLIN)
        data = os.read(descriptor, 4096)
        tell("read", name=name, data=data.decode(errors="replace"))

    def write(self, name: str, text: str) -> None:
        os.write(self._held(name).descriptor, f"{text}\n".encode())
        tell("wrote", name=name)

    async def serve(self, listener: str) -> None:
        """One client: a line, an answer, the end."""
        with await self._accept(listener) as client:
            line = await _line(client)
            client.sendall(f"stranger {self._owner.generation}\n".encode())
        tell("served", name=listener, data=line)

    async def _accept(self, listener: str) -> socket.socket:
        held = self._held(listener)
        with socket.socket(fileno=os.dup(held.descriptor)) as duplicate:
            await _until_ready(held.descriptor, select.POLLIN)
            return duplicate.accept()[0]

    def _held(self, name: str) -> Held:
        return next(held for held in self._owner.held if held.name == name)


async def _line(client: socket.socket) -> str:
    data = b""
    while not data.endswith(b"\n"):
        await _until_ready(client.fileno(), select.POLLIN)
        received = client.recv(4096)
        if not received:
            break
        data += received
    return data.decode(errors="replace").rstrip("\n")


async def _until_ready(descriptor: int, events: int) -> None:
    """Polls: a file cannot be watched by the loop, and is always ready."""
    poll = select.poll()
    poll.register(descriptor, events)
    until = asyncio.get_running_loop().time() + CLIENT_TIMEOUT
    while not poll.poll(0) and asyncio.get_running_loop().time() < until:
        await asyncio.sleep(0.005)
