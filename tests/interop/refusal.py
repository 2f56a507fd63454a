"""Who is refused (section 7)."""

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

    @property
    def uses_up_secret(self) -> bool:
        """Another process that is told the secret would be refused as well."""
        return self.reason in (RefuseReason.VERSION, RefuseReason.NOT_ENOUGH_DESCRIPTOR_SLOTS)


def objection_to(hello: Hello, owner: "Owner") -> Optional[Refusal]:
    """The first that applies; `None` if the handoff may begin."""
    return _incompatible(hello, owner) or _out_of_turn(hello, owner) or _too_small(hello, owner)


def _incompatible(hello: Hello, owner: "Owner") -> Optional[Refusal]:
    if not hello.lowest <= VERSION <= hello.highest:
        text = f"version {VERSION} is spoken here, {hello.lowest} to {hello.highest} were offered"
        return Refusal(RefuseReason.VERSION, text, VERSION, hello.highest)
    if hello.service != owner.service.label:
        text = f"this is {owner.service.label}, not {hello.service}"
        return Refusal(RefuseReason.ANOTHER_SERVICE, text)
    return None


def _out_of_turn(hello: Hello, owner: "Owner") -> Optional[Refusal]:
    if owner.expects(hello.secret):
        return None
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


def _too_small(hello: Hello, owner: "Owner") -> Optional[Refusal]:
    needed = len(owner.to_hand_over()) + 2
    if hello.free_slots >= needed:
        return None
    text = f"successor has {hello.free_slots} free descriptor slots, the handoff needs {needed}"
    return Refusal(RefuseReason.NOT_ENOUGH_DESCRIPTOR_SLOTS, text, needed, hello.free_slots)
