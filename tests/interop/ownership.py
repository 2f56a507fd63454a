"""The token (section 9): whoever serves holds it."""

from __future__ import annotations

import enum
import fcntl
import os


class Try(enum.Enum):
    """What came of one try: whether the lock was got, and whether the attempt was the one asked for."""

    GOT_OWN = enum.auto()
    GOT_ANOTHER = enum.auto()
    HELD_OWN = enum.auto()
    HELD_ANOTHER = enum.auto()


class Token:
    """One open description of the memfd. The lock is the description's, not the process's."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def new(cls, attempt: int) -> "Token":
        """A fresh one, locked."""
        token = cls(os.memfd_create("token", os.MFD_CLOEXEC))
        token._write(attempt)
        fcntl.flock(token._descriptor, fcntl.LOCK_EX)
        return token

    @property
    def attempt(self) -> int:
        return int.from_bytes(os.pread(self._descriptor, 8, 0), "little")

    def begin_attempt(self) -> int:
        """Adds one; whatever was begun before is void. Only for who holds the token."""
        self._write(self.attempt + 1)
        return self.attempt

    def second_description(self) -> int:
        """A descriptor to give away: a duplicate would share the lock."""
        return os.open(f"/proc/self/fd/{self._descriptor}", os.O_RDWR | os.O_CLOEXEC)

    def try_for(self, attempt: int) -> Try:
        """The attempt is read whether the lock was got or not."""
        got = self._lock()
        own = self.attempt == attempt
        if got:
            return Try.GOT_OWN if own else Try.GOT_ANOTHER
        return Try.HELD_OWN if own else Try.HELD_ANOTHER

    def unlock(self) -> None:
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        os.close(self._descriptor)

    def _lock(self) -> bool:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _write(self, attempt: int) -> None:
        os.pwrite(self._descriptor, attempt.to_bytes(8, "little"), 0)
