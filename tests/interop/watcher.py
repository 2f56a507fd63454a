"""A tool: watches a service and tells what it is told, until the service closes the connection."""

from __future__ import annotations

import argparse
import socket

from control import connect
from messages import Abort, Happened, StatusReport, Watch, parse
from telling import tell
from vocabulary import MAX_FRAME_BYTES, Event, Phase, RefuseReason, named


def main(arguments: argparse.Namespace) -> None:
    with connect(arguments.address) as connection:
        connection.send(Watch().frame())
        while True:
            frame = _receive(connection)
            if not frame:
                break
            _tell(parse(frame))
    tell("closed")


def _receive(connection: socket.socket) -> bytes:
    """The kernel tells of a reset before it hands out what is queued, and tells it once (section 1)."""
    try:
        return connection.recv(MAX_FRAME_BYTES)
    except ConnectionResetError:
        return connection.recv(MAX_FRAME_BYTES)


def _tell(message: object) -> None:
    if isinstance(message, StatusReport):
        draining = [[elder.generation, elder.pid, elder.open] for elder in message.draining]
        listed = [[entry.kind, entry.name] for entry in message.listed]
        tell("report", pid=message.pid, phase=named(Phase, message.phase), draining=draining, listed=listed)
    elif isinstance(message, Happened):
        _tell_event(message)
    elif isinstance(message, Abort):
        tell("abort", reason=message.reason, text=message.text)
    elif message is not None:
        raise SystemExit(f"{message!r} is nothing to tell a watcher")


def _tell_event(message: Happened) -> None:
    number = named(RefuseReason, message.number) if message.event == Event.REFUSED else message.number
    tell(
        named(Event, message.event),
        pid=message.pid,
        generation=message.generation,
        phase=named(Phase, message.phase),
        took_ms=message.took_ms,
        number=number,
        text=message.text,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--address", required=True, help="of the control socket")
    main(parser.parse_args())
