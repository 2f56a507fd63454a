"""A successor: takes a service over, and owns it from then on."""

from __future__ import annotations

import argparse
import asyncio
import errno
from typing import Optional

import state
from claim import Claim, GaveUp
from control import NobodyListens
from elder import Elder, is_elder
from misbehaving_successor import MISBEHAVIOURS, Misbehaved
from orders import Orders
from owner import Owner, Service
from pid_file import PidFile
from running import forever, run
from spawning import told_by_predecessor
from takeover import Refused, Takeover
from telling import tell
from vocabulary import RECONNECT_PAUSE


async def main(arguments: argparse.Namespace) -> int:
    """The status that the process ends with."""
    told_address, told_secret = told_by_predecessor()
    address, secret = (arguments.address, None) if arguments.address else (told_address, told_secret)
    if address is None:
        raise SystemExit("neither --address nor HEIRLOOM_SOCKET is given")
    orders = Orders()
    orders.listen()
    service = Service(address, arguments.service, arguments.build, PidFile(arguments.pid_file))
    takeover = MISBEHAVIOURS.get(arguments.misbehave, Takeover)(service, secret, arguments.hold)
    takeover.wants = [state.Wanted.parse(argument) for argument in arguments.take]
    takeover.hears = [state.Wanted.parse(argument) for argument in arguments.hear]
    orders.go_to_successor(takeover)
    try:
        owner = await _own(takeover)
    except Misbehaved:
        return 0
    except Refused as refusal:
        return 0 if arguments.misbehave else _failed(f"refused: {refusal}")
    except GaveUp as failure:
        return _failed(str(failure))
    finally:
        service.pid_file.discard()
    orders.go_to_owner(owner)
    owner.open()
    if takeover.ready:
        owner.become_ready()
    return await forever()


async def _own(takeover: Takeover) -> Owner:
    """Takes over; where nobody listens it begins the service."""
    while True:
        try:
            return _heir(takeover, await takeover.run())
        except NobodyListens:
            owner = _begin(takeover.service)
        if owner is not None:
            return owner
        await asyncio.sleep(RECONNECT_PAUSE)


def _begin(service: Service) -> Optional[Owner]:
    """`None` if somebody else began it first: binding settles who does."""
    try:
        owner = Owner.of_first_generation(service)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return None
        raise
    tell("owned", generation=1, adopted=False, late_state="")
    return owner


def _heir(takeover: Takeover, claim: Claim) -> Owner:
    """Everything that was inherited, and the predecessor as the youngest of the elders."""
    inheritance = takeover.inheritance
    generation = inheritance.welcome.generation
    owner = Owner(takeover.service, generation, inheritance.token, inheritance.listener)
    owner.held = [held for held in inheritance.held.values() if not is_elder(held) and not state.is_state(held)]
    _heir_of_state(owner, takeover, claim)
    owner.elders = [Elder.inherited(held) for held in inheritance.held.values() if is_elder(held)]
    if claim.adopted:
        takeover.channel.close()
    else:
        owner.elders.append(Elder(takeover.channel, generation - 1, inheritance.welcome.pid))
    tell("owned", generation=generation, adopted=claim.adopted, late_state=claim.late_state.hex())
    return owner


def _heir_of_state(owner: Owner, takeover: Takeover, claim: Claim) -> None:
    """It was for us alone: what we know of it we offer ourselves."""
    for held in takeover.inheritance.held.values():
        if state.is_state(held):
            held.close()
    words = []
    for wanted in takeover.hears:
        heard = state.hear(wanted, claim.late_state)
        if heard is not None:
            words.append(heard)
            tell("heard", name=heard.name, schema=heard.schema, content=heard.content.decode())
    owner.offer(takeover.taken, words)


def _failed(why: str) -> int:
    tell("failed", why=why)
    return 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--address", help="of the control socket; else HEIRLOOM_SOCKET and HEIRLOOM_SECRET tell")
    parser.add_argument("--service", required=True, help="the service label")
    parser.add_argument("--build", default="stranger", help="the build label")
    parser.add_argument("--pid-file", help="where the owner writes its number")
    parser.add_argument("--hold", action="store_true", help="become ready only when ordered")
    parser.add_argument("--take", action="append", default=[], metavar="NAME=SCHEMA|SCHEMA", help="a state")
    parser.add_argument("--hear", action="append", default=[], metavar="NAME=SCHEMA|SCHEMA", help="last words")
    parser.add_argument("--misbehave", choices=sorted(MISBEHAVIOURS))
    return parser.parse_args()


if __name__ == "__main__":
    run(main(_arguments()))
