"""Who is refused (section 7): at once, or once the generation before us was waited for."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Optional

from messages import Hello
from vocabulary import MAX_DRAINING_GENERATIONS, VERSION, Phase, RefuseReason

if TYPE_CHECKING:
    from owner import Owner


@dataclasses.dataclass
class Refusal:
    """What `Refuse` tells."""

    reason: RefuseReason
    text: str
    needed: int = 0
    available: int = 0


def objection_to(hello: Hello, pid: int, owner: "Owner") -> Optional[Refusal]:
    """The first that applies at once; `None` if it is the successor's turn."""
    return _incompatible(hello, owner) or _out_of_turn(hello, pid, owner)


def shortage_of(hello: Hello, owner: "Owner") -> Optional[Refusal]:
    """Asked last: what is handed over is what there is when the attempt begins."""
    needed = len(owner.to_hand_over()) + 2
    if hello.free_slots >= needed:
        return None
    text = f"successor has {hello.free_slots} free descriptor slots, the handoff needs {needed}"
    return Refusal(RefuseReason.NOT_ENOUGH_DESCRIPTOR_SLOTS, text, needed, hello.free_slots)


def _incompatible(hello: Hello, owner: "Owner") -> Optional[Refusal]:
    if not hello.lowest <= VERSION <= hello.highest:
        text = f"version {VERSION} is spoken here, {hello.lowest} to {hello.highest} were offered"
        return Refusal(RefuseReason.VERSION, text, VERSION, hello.highest)
    if hello.service != owner.service.label:
        text = f"this is {owner.service.label}, not {hello.service}"
        return Refusal(RefuseReason.ANOTHER_SERVICE, text)
    return None


def _out_of_turn(hello: Hello, pid: int, owner: "Owner") -> Optional[Refusal]:
    if owner.expects(hello.secret):
        return None
    if owner.is_with(pid, hello.secret):
        return Refusal(RefuseReason.SECRET_USED_BY_THIS_PROCESS, "another of your services takes this one over")
    if hello.secret is not None:
        return Refusal(RefuseReason.SECRET, "no successor with this secret is waited for")
    if owner.phase is Phase.STARTING:
        return Refusal(RefuseReason.NOT_READY, "the service is not ready yet")
    if owner.handed_over:
        return Refusal(RefuseReason.BUSY, "the service was handed over")
    if owner.busy:
        return Refusal(RefuseReason.BUSY, "another handoff is under way")
    if len(owner.elders) > MAX_DRAINING_GENERATIONS:
        text = f"{len(owner.elders)} older generations are draining"
        return Refusal(RefuseReason.TOO_MANY_GENERATIONS_DRAINING, text)
    return None
