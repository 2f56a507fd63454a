"""A predecessor: begins a service, and hands it over to whoever comes."""

from __future__ import annotations

import argparse
import dataclasses
from typing import List

import application
from entry import Held
from misbehaving_predecessor import MISBEHAVIOURS
from handoff import Handoff
from orders import Orders
from owner import Owner, Service, Timeouts
from pid_file import PidFile
from running import forever, run
from spawning import told_by_predecessor
from state import Stated, sealed


async def main(arguments: argparse.Namespace) -> int:
    """Generation 1, with the entries that the arguments name."""
    told_by_predecessor()
    orders = Orders()
    orders.listen()
    timeouts = Timeouts(ready_ms=arguments.ready_ms, commit_ms=arguments.commit_ms)
    service = Service(arguments.address, arguments.service, arguments.build, PidFile(arguments.pid_file), timeouts)
    owner = Owner.of_first_generation(service)
    owner.held = _entries(arguments)
    owner.offer(_stated(arguments.state), _stated(arguments.words))
    if arguments.unsealed:
        owner.states = [dataclasses.replace(held, descriptor=sealed(b"", seals=0)) for held in owner.states]
    owner.handoff_type = MISBEHAVIOURS.get(arguments.misbehave, Handoff)
    orders.go_to_owner(owner)
    owner.open()
    owner.become_ready()
    return await forever()


def _entries(arguments: argparse.Namespace) -> List[Held]:
    entries = [application.tcp_listener(name, not arguments.nonblocking) for name in arguments.tcp]
    entries += [application.unix_listener(name) for name in arguments.unix]
    entries += [application.file(*named.split("=", 1)) for named in arguments.file]
    entries += application.many_files(arguments.many)
    return entries


def _stated(arguments: List[str]) -> List[Stated]:
    named = (argument.split("=", 2) for argument in arguments)
    return [Stated(name, schema, content.encode()) for name, schema, content in named]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--address", required=True, help="of the control socket; is bound")
    parser.add_argument("--service", required=True, help="the service label")
    parser.add_argument("--build", default="stranger", help="the build label")
    parser.add_argument("--pid-file", help="where the owner writes its number")
    parser.add_argument("--ready-ms", type=int, default=Timeouts.ready_ms)
    parser.add_argument("--commit-ms", type=int, default=Timeouts.commit_ms)
    parser.add_argument("--tcp", action="append", default=[], metavar="NAME")
    parser.add_argument("--nonblocking", action="store_true", help="make the TCP listeners non-blocking")
    parser.add_argument("--unix", action="append", default=[], metavar="NAME")
    parser.add_argument("--file", action="append", default=[], metavar="NAME=PATH")
    parser.add_argument("--many", type=int, default=0, metavar="N", help="so many open files more")
    parser.add_argument("--state", action="append", default=[], metavar="NAME=SCHEMA=TEXT")
    parser.add_argument("--words", action="append", default=[], metavar="NAME=SCHEMA=TEXT", help="to be said last")
    parser.add_argument("--unsealed", action="store_true", help="offer states in memory that can be changed")
    parser.add_argument("--misbehave", choices=sorted(MISBEHAVIOURS))
    return parser.parse_args()


if __name__ == "__main__":
    run(main(_arguments()))
