"""The PID file: written beside and renamed, so that nobody reads half of it."""

from __future__ import annotations

import os
from typing import Optional


def publish(path: Optional[str]) -> None:
    """Our number, decimal, and a newline."""
    if path is None:
        return
    beside = f"{path}.{os.getpid()}"
    with open(beside, "w", encoding="ascii") as file:
        file.write(f"{os.getpid()}\n")
    os.rename(beside, path)
