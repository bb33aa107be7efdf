"""What will end a mapping that was granted: the claim by the region's driver, played after it."""

from __future__ import annotations

from dataclasses import dataclass

from devmemkit.explain.access import Access
from devmemkit.explain.calls import mapping, touch
from devmemkit.explain.description import Description
from devmemkit.explain.owner import claim_of
from devmemkit.explain.verdict import verdict_of
from devmemkit.model.machine import Machine
from devmemkit.scenarios.play import play


@dataclass(frozen=True)
class Later:
    """After the claim that `when` names, the next touch ends in `then`, at page frame `page`."""

    when: str
    then: str
    page: int | None


def later(known: Description, machine: Machine, access: Access) -> Later | None:
    """How the next touch ends after a driver claims the region; None if nothing can be claimed."""
    claim = claim_of(known, machine, access) if access.maps else None
    if claim is None:
        return None
    played = play(machine, (*mapping(access), claim, touch("touch", "load")))
    if claim.key not in played.outcomes or not played.outcomes[claim.key].ok:
        return None
    end = verdict_of(played, access)
    name, start, size = (claim.arguments[key] for key in ("name", "start", "size"))
    return Later(f"{name} claims {start:#x}-{start + size - 1:#x}", end.outcome, end.page)
