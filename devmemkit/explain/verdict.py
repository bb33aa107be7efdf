"""How one access ends on one machine: the model's own operations, and the checks they made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from devmemkit.explain.access import ACTOR, Access, acts_of
from devmemkit.explain.functions import function_of, says
from devmemkit.explain.owner import owner_of
from devmemkit.model.errors import Outcome
from devmemkit.model.flags import PAGE_SHIFT
from devmemkit.model.machine import Machine, View
from devmemkit.model.process.task import find_vma
from devmemkit.model.resource.strict import ZERO, iomem_is_exclusive, page_is_allowed
from devmemkit.model.step import step_names
from devmemkit.scenarios.play import Act, Played, play
from devmemkit.scenarios.words import format_ending


@dataclass(frozen=True)
class Check:
    """One check of the chain: the kernel function, what it tests, what it came to.

    `result` is "passed", the errno or signal that it gave, or "not reached".
    """

    function: str
    file: str
    says: str
    result: str


@dataclass(frozen=True)
class Verdict:
    """How an access ends: `outcome` is "ok", an errno's name or a signal's.

    `page` is the physical page frame at which it happens, None where it is not about a page,
    `decided` the index in `checks` of the one that decided, `why` its sentence, `contents` is
    "zeroes" where the kernel shows none of what is there. `owner` is the resource in the way, or
    the innermost one at the address, `claimed` whether it is BUSY.
    """

    outcome: str
    page: int | None
    checks: tuple[Check, ...]
    decided: int
    why: str
    contents: str
    owner: tuple[str, int, int] | None
    path: tuple[str, ...]
    claimed: bool

    @property
    def key(self) -> tuple[object, ...]:
        """What two machines must share to be one answer."""
        function = self.checks[self.decided].function
        return self.outcome, self.page, function, self.contents, self.owner


def verdict(machine: Machine, access: Access) -> Verdict:
    """Run the access on the machine."""
    return judge(play(machine, acts_of(access)), access)


def judge(played: Played, access: Access) -> Verdict:
    """What acts that were played came to, for the access that they are."""
    last = last_of(played.acts, played.outcomes)
    outcome = played.outcomes[last.key]
    checks = _checks(played)
    decided = next(
        (i for i, check in enumerate(checks) if check.result not in ("passed", "not reached")),
        max((i for i, check in enumerate(checks) if check.result == "passed"), default=0),
    )
    before = played.before
    page = _page(played, outcome)
    at = access.pages[0] if page is None else page
    owner, path = owner_of(before, at) if access.via != "port" else (None, ())
    view = View(before)
    zero = access.via == "devmem" and outcome.ok and access.op in ("read", "write", "load", "store")
    shown = "zeroes" if zero and page_is_allowed(view, at) == ZERO and not access.maps else ""
    return Verdict(
        format_ending(outcome),
        page,
        tuple(checks),
        decided,
        outcome.why,
        shown,
        owner,
        path,
        iomem_is_exclusive(view, at) is not None,
    )


def last_of(acts: Sequence[Act], outcomes: Mapping[str, Outcome]) -> Act:
    """The last act that was played, by model or kernel: its outcome is that of the whole."""
    return [act for act in acts if act.key in outcomes][-1]


def end_of(acts: Sequence[Act], outcomes: Mapping[str, Outcome]) -> str:
    """How acts ended: "ok", an errno's name or a signal's."""
    return format_ending(outcomes[last_of(acts, outcomes).key])


def _checks(played: Played) -> list[Check]:
    """The steps as checks, each once however often it ran, then those that were not reached."""
    kernel = played.before.kernel
    found: list[Check] = []
    for act in played.acts:
        if act.actor != ACTOR:
            continue
        events = [played.moments[i].event for i in played.moments_of(act.key)]
        ran = [event.step for event in events]
        for step in step_names(kernel, act.operation):
            mine = [event for event in events if event.step == step]
            result = "passed" if mine else "not reached"
            if mine and mine[-1].outcome is not None and not mine[-1].outcome.ok:
                result = format_ending(mine[-1].outcome)
            if not mine and ran and played.outcomes[act.key].ok:
                continue  # another kernel's order, or a step that was not needed
            function, file = function_of(act.operation, step)
            found.append(Check(function, file, says(kernel, act.operation, step), result))
    return found


def _page(played: Played, outcome: Outcome) -> int | None:
    if outcome.page is not None or outcome.si_addr is None:
        return outcome.page
    vma = find_vma(View(played.moments[-1].machine), ACTOR, outcome.si_addr)
    return None if vma is None else vma.pgoff + ((outcome.si_addr - vma.start) >> PAGE_SHIFT)
