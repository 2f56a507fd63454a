"""Who is refused (section 7)."""

from __future__ import annotations

import dataclasses
import hmac
from typing import TYPE_CHECKING, Optional

from messages import Hello
from vocabulary import VERSION, RefuseReason

if TYPE_CHECKING:
    from owner import Owner


@dataclasses.dataclass
class Refusal:
    """What `Refuse` tells, and whether it ends the wait for a spawned successor."""

    reason: RefuseReason
    text: str
    needed: int = 0
    available: int = 0
    ends_spawn: bool = False


def objection_to(hello: Hello, owner: "Owner") -> Optional[Refusal]:
    """`None` if the handoff may begin. What is wrong with the successor for good goes first."""
    refusal = _incompatible(hello, owner) or _out_of_turn(hello, owner) or _too_small(hello, owner)
    if refusal is not None:
        refusal.ends_spawn = _is_awaited(hello, owner)
    return refusal


def _incompatible(hello: Hello, owner: "Owner") -> Optional[Refusal]:
    if not hello.lowest <= VERSION <= hello.highest:
        text = f"version {VERSION} is spoken here, {hello.lowest} to {hello.highest} were offered"
        return Refusal(RefuseReason.VERSION, text, VERSION, hello.highest)
    if hello.service != owner.service.label:
        text = f"this is {owner.service.label}, not {hello.service}"
        return Refusal(RefuseReason.ANOTHER_SERVICE, text)
    return None


def _out_of_turn(hello: Hello, owner: "Owner") -> Optional[Refusal]:
    if hello.secret is not None:
        if _is_awaited(hello, owner):
            return None
        return Refusal(RefuseReason.SECRET, "no successor with this secret is waited for")
    if owner.handed_over:
        return Refusal(RefuseReason.STOPPING, "the service was handed over")
    if owner.busy:
        return Refusal(RefuseReason.BUSY, "another handoff is under way")
    if len(owner.elders) > DRAINING_CAP:
        text = f"{len(owner.elders)} older generations are draining"
        return Refusal(RefuseReason.TOO_MANY_GENERATIONS_DRAINING, text)
    return None


def _too_small(hello: Hello, owner: "Owner") -> Optional[Refusal]:
    needed = len(owner.to_hand_over()) + 2
    if hello.free_slots >= needed:
        return None
    text = f"successor has {hello.free_slots} free descriptor slots, the handoff needs {needed}"
    return Refusal(RefuseReason.NOT_ENOUGH_DESCRIPTOR_SLOTS, text, needed, hello.free_slots)


def _is_awaited(hello: Hello, owner: "Owner") -> bool:
    awaited = owner.awaited
    if hello.secret is None or awaited is None or awaited.greeted:
        return False
    return hmac.compare_digest(hello.secret, awaited.secret)


DRAINING_CAP = 16
"""Most older generations; the protocol leaves the number to the predecessor."""
