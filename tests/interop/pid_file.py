"""The PID file (section 9): written beside its place and renamed into it, so that nobody reads half of one."""

from __future__ import annotations

import os
from typing import Optional


class PidFile:
    """Where a service has one."""

    def __init__(self, path: Optional[str]) -> None:
        self._path = path
        self._beside = f"{path}.{os.getpid()}"
        self._written = False

    def write(self) -> None:
        """Beside its place. Whoever comes to own only has to rename it."""
        if self._path is None:
            return
        with open(self._beside, "w", encoding="ascii") as file:
            file.write(f"{os.getpid()}\n")
        self._written = True

    def take_over(self) -> None:
        """Into its place."""
        if not self._written:
            self.write()
        if self._written:
            os.rename(self._beside, self._path)
        self._written = False

    def discard(self) -> None:
        """What was written and is not going to be renamed."""
        if self._written:
            os.unlink(self._beside)
            self._written = False
