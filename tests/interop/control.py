"""The control socket: where it is, who listens there, who connects."""

from __future__ import annotations

import os
import select
import socket
import stat
from typing import Optional, Union

BACKLOG = 4096


class NobodyListens(Exception):
    """There is no predecessor."""


def connect(address: str) -> socket.socket:
    """Never blocks. Raises `NobodyListens`, and `BlockingIOError` if the queue is full."""
    connection = _new_socket()
    try:
        connection.setblocking(False)
        connection.connect(_sockaddr(address))
        connection.setblocking(True)
    except (ConnectionRefusedError, FileNotFoundError) as error:
        connection.close()
        raise NobodyListens(address) from error
    except BaseException:
        connection.close()
        raise
    return connection


class ControlListener:
    """The listening end. It is handed from owner to owner."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener

    @classmethod
    def bind(cls, address: str) -> "ControlListener":
        """Raises `OSError` (`EADDRINUSE`) if somebody listens there."""
        listener = _new_socket()
        try:
            _bind(listener, address)
            listener.listen(BACKLOG)
        except BaseException:
            listener.close()
            raise
        return cls(listener)

    @classmethod
    def inherited(cls, descriptor: int) -> "ControlListener":
        return cls(socket.socket(fileno=descriptor))

    def take_over(self) -> None:
        """From now on who connects is told our credentials; who connected before was told another's, and is closed.

        One that comes after listen(2) may be closed with those before it; it is made again.
        """
        self._listener.listen(BACKLOG)
        for _ in range(BACKLOG + 1):  # no more can have waited
            connection = self.accept()
            if connection is None:
                break
            connection.close()

    def accept(self) -> Optional[socket.socket]:
        """`None` if nobody waits. The listener is in whatever mode its first owner made it."""
        poll = select.poll()
        poll.register(self._listener, select.POLLIN)
        try:
            return self._listener.accept()[0] if poll.poll(0) else None
        except (BlockingIOError, ConnectionAbortedError):
            return None

    def fileno(self) -> int:
        return self._listener.fileno()

    def close(self) -> None:
        self._listener.close()


def is_control_listener(descriptor: int, met_at: object) -> bool:
    """Whether a descriptor is what `Welcome` has to bring: the listener that we are connected to."""
    try:
        with socket.socket(fileno=os.dup(descriptor)) as duplicate:
            listening = duplicate.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
            is_listener = bool(listening) and duplicate.type == socket.SOCK_SEQPACKET
            return is_listener and duplicate.family == socket.AF_UNIX and duplicate.getsockname() == met_at
    except OSError:
        return False


def _bind(listener: socket.socket, address: str) -> None:
    # The mode of a path socket is 0666 less the mask, from the moment it is there.
    mask = os.umask(0o177)
    try:
        listener.bind(_sockaddr(address))
    except OSError:
        if address.startswith("@") or not _left_over(address):
            raise
        os.unlink(address)
        listener.bind(_sockaddr(address))
    finally:
        os.umask(mask)


def _left_over(path: str) -> bool:
    """Whether it is a socket that nobody listens on."""
    if not stat.S_ISSOCK(os.lstat(path).st_mode):
        return False
    try:
        connect(path).close()
    except NobodyListens:
        return True
    except BlockingIOError:
        pass
    return False


def _sockaddr(address: str) -> Union[str, bytes]:
    encoded = address.encode()
    name = encoded[1:] if encoded.startswith(b"@") else encoded
    if not 1 <= len(name) <= 107:
        raise ValueError(f"the address {address!r} has {len(name)} bytes, 1 to 107 go")
    return b"\0" + name if encoded.startswith(b"@") else encoded


def _new_socket() -> socket.socket:
    return socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
