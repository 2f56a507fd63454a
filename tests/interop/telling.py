"""Events for the test: one JSON object a line on standard output."""

from __future__ import annotations

import json
import os
from typing import Any


def tell(event: str, **details: Any) -> None:
    """In one write: a successor that we spawn shares our standard output."""
    line = json.dumps({"event": event, **details}) + "\n"
    os.write(1, line.encode())
