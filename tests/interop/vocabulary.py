"""The numbers of the protocol (sections 4 and 6) and its fixed bounds.

Numbers that nobody knows are no errors: `named` shows them as numbers.
"""

from __future__ import annotations

import enum
from typing import Type

VERSION = 1

MUST_UNDERSTAND = 0x8000
"""The bit of a kind that forbids skipping it."""


class Kind(enum.IntEnum):
    """What a frame says."""

    HELLO = 0x8001
    WELCOME = 0x8002
    REFUSE = 0x8003
    MANIFEST = 0x8004
    RECEIVED = 0x8005
    PROGRESS = 0x0006
    READY = 0x8007
    COMMIT = 0x8008
    RELEASED = 0x8009
    OWNED = 0x800A
    RETIRED = 0x000B
    ABORT = 0x800C
    STATUS = 0x800D
    STATUS_REPORT = 0x800E
    UPGRADE = 0x800F
    OUTCOME = 0x8010
    DRAINING = 0x0011
    OPEN = 0x0012
    WATCH = 0x8013
    HAPPENED = 0x0014


class RefuseReason(enum.IntEnum):
    """Why a predecessor does not begin a handoff."""

    BUSY = 1
    NOT_READY = 2
    VERSION = 3
    ANOTHER_SERVICE = 4
    NOT_ENOUGH_DESCRIPTOR_SLOTS = 5
    SECRET = 6
    STOPPING = 7
    TOO_MANY_GENERATIONS_DRAINING = 8
    SECRET_USED_BY_THIS_PROCESS = 9


class Cause(enum.IntEnum):
    """Why a handoff failed, for programs."""

    REFUSED = 1
    EXITED = 2
    TIMED_OUT = 3
    GIVEN_UP = 4
    PROTOCOL_BROKEN = 5
    NOT_STARTED = 6
    VOID = 7


class AbortReason(enum.IntEnum):
    """Why a handoff that had begun ends."""

    TIMED_OUT = 1
    PROTOCOL_BROKEN = 2
    DESCRIPTOR_MISMATCH = 3
    STOPPING = 4
    APPLICATION_GAVE_UP = 5
    CHANGED_DURING_THE_HANDOFF = 6
    COULD_NOT_BE_PUBLISHED = 7
    TAKEN_BACK = 8
    SYSTEM_ERROR = 9
    DESCRIPTORS_CUT_OFF = 10


class Phase(enum.IntEnum):
    """What an owner is doing."""

    STARTING = 1
    SERVING = 2
    SPAWNING = 3
    GREETING = 4
    TRANSFERRING = 5
    PREPARING = 6
    COMMITTING = 7
    RELEASING = 8
    RECLAIMING = 9
    FENCING = 10
    DRAINING = 11
    STOPPED = 12


class Event(enum.IntEnum):
    """What a watcher is told."""

    BEGAN = 1
    PHASE = 2
    PROGRESS = 3
    READY = 4
    OWNED = 5
    FAILED = 6
    TAKEN_BACK = 7
    REFUSED = 8
    RETIRED = 9
    STOPPED = 10


class EntryKind(enum.IntEnum):
    """What an entry of the manifest is to its owner."""

    TCP_LISTENER = 1
    UDP_SOCKET = 2
    UNIX_STREAM_LISTENER = 3
    UNIX_DATAGRAM_SOCKET = 4
    UNIX_SEQUENTIAL_LISTENER = 5
    TCP_CONNECTION = 6
    UNIX_STREAM_CONNECTION = 7
    FILE = 8
    ANY_DESCRIPTOR = 9
    ELDER = 10
    STATE = 11
    LAST_WORDS = 12


def named(numbers: Type[enum.IntEnum], number: int) -> str:
    """The words of section 6 for a number, or the number itself."""
    try:
        return numbers(number).name.lower().replace("_", " ")
    except ValueError:
        return str(number)


HEADER_BYTES = 12
MAX_FRAME_BYTES = 65_536
MAX_BATCH_ENTRIES = 250
MAX_UNACKNOWLEDGED = 1_000
MAX_STATE_BYTES = 1 << 30

# Seconds. What sections 7 and 8 fix and no `Welcome` tells.
FIRST_FRAME_TIMEOUT = 2.0
DRAINING_TIMEOUT = 2.0
STEP_TIMEOUT = 5.0
MAX_COMMIT_TIMEOUT = 60.0
TRY_INTERVAL = 0.010
RECONNECT_PAUSE = 0.005
RECONNECT_LIMIT = 5.0
SPAWNED_END_TIMEOUT = 2.0

MAX_SILENT_CONNECTIONS = 16
MAX_DRAINING_GENERATIONS = 2
