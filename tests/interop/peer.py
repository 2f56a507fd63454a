"""Who sits at the other end of a connection, as the kernel tells it."""

from __future__ import annotations

import errno
import os
import select
import signal
import socket
import struct
from typing import Optional


class Peer:
    """The process that connected, or that called listen(2) last on the socket connected to."""

    def __init__(self, connection: socket.socket) -> None:
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
        self.pid, self.uid, _ = _UCRED.unpack(credentials)
        self.pidfd = _pidfd_of(connection, self.pid)

    @property
    def trusted(self) -> bool:
        """Our own user or root (section 1; there is no explicit list here)."""
        if self.uid not in (os.geteuid(), 0):
            return False
        return self.uid != _nameless() or _names_everybody() or self._takes_signals()

    @property
    def dead(self) -> bool:
        """Whether the kernel says so. A process that could not be referred to any more is dead as well."""
        return self.pidfd is None or _readable(self.pidfd)

    def _takes_signals(self) -> bool:
        """The kernel compares users for that as they are, not as they are called in our namespace."""
        try:
            if self.pidfd is not None:
                signal.pidfd_send_signal(self.pidfd, 0)
                return True
        except OSError:
            pass
        return False

    def kill(self) -> bool:
        """Whether we may."""
        try:
            if self.pidfd is not None:
                signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)
        except ProcessLookupError:
            pass
        except PermissionError:
            return False
        return True

    def close(self) -> None:
        if self.pidfd is not None:
            os.close(self.pidfd)
            self.pidfd = None


def _pidfd_of(connection: socket.socket, pid: int) -> Optional[int]:
    """`None` for a process that has ended."""
    try:
        return connection.getsockopt(socket.SOL_SOCKET, _SO_PEERPIDFD)
    except OSError as error:
        # Before Linux 6.16 one that was waited for is told by EINVAL.
        if error.errno in (errno.ESRCH, errno.EINVAL):
            return None
        if error.errno != errno.ENOPROTOOPT:
            raise
    # Before Linux 6.5 the number has to do.
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        return None


def _nameless() -> int:
    """Whom the kernel tells instead of a user that our namespace has no name for."""
    with open("/proc/sys/kernel/overflowuid", encoding="ascii") as told:
        return int(told.read())


def _names_everybody() -> bool:
    with open("/proc/self/uid_map", encoding="ascii") as map_of_users:
        return map_of_users.read().split() == ["0", "0", "4294967295"]


def _readable(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))


_UCRED = struct.Struct("iII")
_SO_PEERPIDFD = 77
