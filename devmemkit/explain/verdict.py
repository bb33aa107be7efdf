"""How one access ends on one machine, the checks on its way, and what a later claim changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from devmemkit.explain.access import Access
from devmemkit.explain.calls import ACTOR, calls_of, mapping, touch
from devmemkit.explain.description import Description
from devmemkit.explain.kernel_functions import function_of, says_of
from devmemkit.explain.owner import Owner, claim_of, claims_of, owner_of
from devmemkit.model.errors import Outcome
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.machine import Machine, View
from devmemkit.model.process.task import find_vma
from devmemkit.model.resource.strict import DENY, ZERO, has_ram, iomem_is_exclusive, page_is_allowed
from devmemkit.model.step import step_names
from devmemkit.scenarios.play import Act, Played, play
from devmemkit.scenarios.words import format_ending


@dataclass(frozen=True)
class Check:
    """One check: the kernel function, its file, what it tests, and its result.

    `result` is "passed", "not reached", or the errno or signal that the check gave.
    """

    function: str
    file: str
    says: str
    result: str


@dataclass(frozen=True)
class Verdict:
    """How an access ends: `outcome` is "ok", an errno's name or a signal's.

    `page` is the page frame that decided (None if no page did), `decided` the index of the deciding
    check, `why` its sentence. `contents` is "zeroes" if the kernel hides the memory's contents.
    `owner` is the resource that decided, else the innermost one at the address, `path` names the
    resources around it, `beside` the others whose claims share the page. `claimed` says whether a
    driver has the page, `shared` why the kernel does not keep others from a claimed page ("" if it
    does). `page_shift` is the kernel's.
    """

    outcome: str
    page: int | None
    checks: tuple[Check, ...]
    decided: int
    why: str
    contents: str
    owner: Owner | None
    path: tuple[str, ...]
    beside: tuple[str, ...]
    claimed: bool
    shared: str
    page_shift: int

    @property
    def deciding_check(self) -> Check:
        """The check that decided."""
        return self.checks[self.decided]

    @property
    def key(self) -> tuple[object, ...]:
        """Verdicts with equal keys are the same answer to a user."""
        return self.outcome, self.page, self.deciding_check.function, self.contents, self.owner


@dataclass(frozen=True)
class Later:
    """After the claim that `when` names, the next touch ends in `then`, at page frame `page`."""

    when: str
    then: str
    page: int | None

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for claims that end a mapping in the same way."""
        return self.then, self.page


def verdict(machine: Machine, access: Access) -> Verdict:
    """Play the access on the machine."""
    return verdict_of(play(machine, calls_of(access)), access)


def verdict_of(played: Played, access: Access) -> Verdict:
    """The verdict from calls that were played for an access."""
    outcome = played.outcomes[last_of(played.acts, played.outcomes).key]
    checks = _checks(played)
    decided = next(
        (i for i, check in enumerate(checks) if check.result == format_ending(outcome)),
        max((i for i, check in enumerate(checks) if check.result == "passed"), default=0),
    )
    page = _page(played, outcome)
    at = access.pages[0] if page is None else page
    view = View(played.before)
    owner, path = owner_of(played.before, at, access)
    exclusive = access.via != "port" and iomem_is_exclusive(view, at) is not None
    allowed = page_is_allowed(view, at) if access.via == "devmem" else None
    zeroes = outcome.ok and not access.maps and allowed == ZERO
    claims = claims_of(played.before, at, access)
    return Verdict(
        format_ending(outcome),
        page,
        tuple(checks),
        decided,
        outcome.why + _because(view, access, page),
        "zeroes" if zeroes else "",
        owner,
        path,
        tuple(dict.fromkeys(name for name, *_ in claims if owner and name != owner[0])),
        exclusive or bool(claims),
        "" if exclusive and allowed in (None, DENY) else _why_shared(played.before.kernel, access),
        access.page_shift,
    )


def _because(m: View, access: Access, page: int | None) -> str:
    """Why a page is refused that no driver has: it is RAM."""
    if page is None or access.via != "devmem" or page_is_allowed(m, page) != DENY:
        return ""
    if not has_ram(m, page):
        return ""
    above = " above 1 MiB" if m.kernel["low_megabyte"] else ""
    return f": it is RAM{above}, which STRICT_DEVMEM keeps from every process"


def _why_shared(kernel: KernelProfile, access: Access) -> str:
    if access.via == "port":
        return "no port is"
    if not kernel.config.io_strict_devmem:
        return "IO_STRICT_DEVMEM=n" if kernel.config.strict_devmem else "STRICT_DEVMEM=n"
    if not kernel.strict_iomem_checks:
        return "iomem=relaxed"
    return "before Linux 4.5" if not kernel.policy.excludes_busy else "below 1 MiB"


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


def last_of(calls: Sequence[Act], outcomes: Mapping[str, Outcome]) -> Act:
    """The last call that has an outcome; its outcome is that of the whole access."""
    return [call for call in calls if call.key in outcomes][-1]


def end_of(calls: Sequence[Act], outcomes: Mapping[str, Outcome]) -> str:
    """How the calls ended: "ok", an errno's name or a signal's."""
    return format_ending(outcomes[last_of(calls, outcomes).key])


def _checks(played: Played) -> list[Check]:
    """Each step of the process's calls once, in the kernel's order."""
    kernel = played.before.kernel
    found: list[Check] = []
    for call in played.acts:
        if call.actor != ACTOR:
            continue
        events = [played.moments[i].event for i in played.moments_of(call.key)]
        for step in step_names(kernel, call.operation):
            mine = [event for event in events if event.step == step]
            if not mine and events and played.outcomes[call.key].ok:
                continue  # the call succeeded without this step
            result = "passed" if mine else "not reached"
            if mine and mine[-1].outcome is not None and not mine[-1].outcome.ok:
                result = format_ending(mine[-1].outcome)
            function, file = function_of(call.operation, step, kernel)
            if result == "passed" and call.operation in ("load", "store"):
                function, file = "(the CPU: no fault)", ""
            found.append(Check(function, file, says_of(step, kernel.arch), result))
    return found


def _page(played: Played, outcome: Outcome) -> int | None:
    if outcome.page is not None or outcome.si_addr is None:
        return outcome.page
    vma = find_vma(View(played.moments[-1].machine), ACTOR, outcome.si_addr)
    return None if vma is None else vma.pgoff + ((outcome.si_addr - vma.start) >> vma.page_shift)
