"""The policies side by side: every cell of the table is a search."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from devmemkit.explore.check import explore, searched
from devmemkit.explore.names import kind
from devmemkit.explore.progress import must_come
from devmemkit.explore.search import Searched
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.policy import POLICIES
from devmemkit.scenarios.claim_path import reached
from devmemkit.scenarios.races import policies as asked
from devmemkit.scenarios.races.scenario import Concurrent

REPAIRED = "RevokeAll, recheck"
ROWS: dict[str, tuple[str, str]] = {name: (name, "") for name in POLICIES} | {
    REPAIRED: ("RevokeAll", "recheck")
}
"""By the name of a row: its policy, and the repair of the mmap."""


UNDECIDED = "undecided"
"""The answer of a search that hit a bound."""

OWN = {"stack", "program", "outcome"}
"""Where a task is; no part of the machine that it works on."""


class _Answer(NamedTuple):
    answer: str
    good: bool
    states: int
    transitions: int
    example: str = ""
    decides: bool = True


_Ask = Callable[[KernelProfile, str], _Answer]


class Cell(NamedTuple):
    """An answer; what it rests on: states that were searched, or the shortest way to an example.

    `decides` is False where the search hit a bound, or says "no" for want of anything to happen.
    """

    policy: str
    question: str
    answer: str
    good: bool
    states: int
    transitions: int
    example: str
    decides: bool


def _found(build: Callable[[KernelProfile, str], Concurrent], *, good: bool) -> _Ask:
    """A question whose answer is "yes" where something is found; `good` if that is well."""

    def ask(kernel: KernelProfile, via: str) -> _Answer:
        result = explore(build(kernel, via))
        if result.verdict == "bounded":
            return _Answer(UNDECIDED, False, result.states, result.transitions, decides=False)
        yes = result.verdict == "found"
        answer = "yes" if yes else "; ".join(["no", *(f"never: {one}" for one in result.vacuous)])
        example = result.counterexample.line() if result.counterexample else ""
        decides = not result.vacuous
        return _Answer(answer, yes == good, result.states, result.transitions, example, decides)

    return ask


def _comes_up(process: str) -> _Ask:
    def ask(kernel: KernelProfile, via: str) -> _Answer:
        made = asked.comes_up(kernel, via, process)
        progress = must_come(made, asked.has_come_up(made))
        if progress.holds is None:
            return _Answer(UNDECIDED, False, progress.states, 0, decides=False)
        said = "yes" if progress.holds else f"no: {progress.stuck}"
        return _Answer(said, bool(progress.holds), progress.states, 0, progress.line())

    return ask


def footprint(kernel: KernelProfile, via: str) -> tuple[set[str], Searched]:
    """The kinds of components that a claim reads or replaces in any order with an mmap."""
    made = asked.touch_after(kernel, via)
    system, found = searched(made, partial_order=False, symmetry=False, asks=False)
    tree = system.trees[system.tasks.index(asked.C)]
    kinds = {
        kind(key)
        for leaf in tree.leaves
        if leaf.said is not None and leaf.said.operation == "request_mem_region"
        for key in (*leaf.reads, *leaf.writes)
    }
    return kinds - OWN, found


def _depends(kernel: KernelProfile, via: str) -> _Answer:
    """What a claim takes or calls, by the kernel's names."""
    touched, found = footprint(kernel, via)
    names = reached(kernel, touched)
    good = names == ["resource_lock"]
    return _Answer(", ".join(names), good, len(found.before), found.transitions)


QUESTIONS: dict[str, _Ask] = {
    "touch after the claim": _found(asked.touch_after, good=False),
    "corrupt before the claim": _found(asked.corrupt_before, good=False),
    "driver comes up, process unmaps": _comes_up("unmaps"),
    "driver comes up, process keeps": _comes_up("keeps"),
    "driver comes up, process comes back": _comes_up("comes back"),
    "page lost without notice": _found(asked.lose_unnoticed, good=False),
    "map a device without driver": _found(asked.map_idle, good=True),
    "map it when its driver has let go": _found(asked.map_released, good=True),
    "map it beside its driver": _found(asked.map_claimed, good=True),
    "claim depends on": _depends,
}


def matrix(version: str, via: str = "devmem", rows: tuple[str, ...] = ()) -> Iterator[Cell]:
    """Every cell of the table, row by row; ValueError for a row that there is not."""
    for row in rows or ROWS:
        if row not in ROWS:
            raise ValueError(f"policy: expected one of {', '.join(ROWS)}; got {row!r}")
        policy, repair = ROWS[row]
        kernel = KernelProfile(version, policy_name=policy, repair=repair)
        for question, ask in QUESTIONS.items():
            yield Cell(row, question, *ask(kernel, via))
