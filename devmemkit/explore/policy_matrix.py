"""The table of policies: a row each, a column for each question; a cell is a search's result."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from devmemkit.explore.check import explore
from devmemkit.explore.names import kind
from devmemkit.explore.progress import must_come
from devmemkit.explore.search import DEADLOCK, SearchResult, search
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.policy import GROUP, POLICIES
from devmemkit.model.repairs import REPAIRS
from devmemkit.scenarios.claim_path import reached
from devmemkit.scenarios.play import Played
from devmemkit.scenarios.races import questions
from devmemkit.scenarios.races.scenario import Concurrent

REPAIRED = "RevokeAll, recheck"
"""The row of the kernel's policy with a repaired mmap."""
MOST_STATES = 5_000
"""Where a search of the table gives up, far above what the built-in policies need."""
UNDECIDED = "undecided"
"""The answer when the search reached a bound."""
OWN = {"stack", "program", "outcome"}
"""Components that hold a task's own position, not the machine that it works on."""
ALONE = "resource_lock"
"""What a claim depends on if it depends on nothing outside of kernel/resource.c."""
PAGES = (1, 2, 4)
"""Pages that are mapped and claimed, to see how the hold of a lock grows with them."""


def table_rows() -> dict[str, tuple[str, str]]:
    """By the name of a row: its policy, and the repair of the mmap; registered policies too."""
    return {name: (name, "") for name in POLICIES} | {REPAIRED: ("RevokeAll", "recheck")}


def row_in_words(row: str) -> str:
    """What the policy of a row is, and the repair."""
    policy, repair = table_rows()[row]
    return POLICIES[policy].what + (f"; {REPAIRS[repair]}" if repair else "")


class Cell(NamedTuple):
    """The answer to one question about one policy, and the search that gave it.

    `good` says whether the answer is the one `wanted`: a driver has what it claimed to itself, a
    process has the rest. `example` are the steps of an example, if the search found one. A story
    counts its moments as `states`; `transitions` is 0 where none were counted. `decides` is False
    when the search reached a bound or a deadlock, or when "no" is vacuous.
    """

    answer: str
    good: bool
    states: int
    transitions: int
    example: str = ""
    decides: bool = True
    policy: str = ""
    question: str = ""
    wanted: str = ""


def _undecided(wanted: str, states: int, transitions: int = 0) -> Cell:
    return Cell(UNDECIDED, False, states, transitions, decides=False, wanted=wanted)


Ask = Callable[[KernelProfile, str], Cell]
"""Asks a question of a kernel with a policy, for one way to map (`via`)."""


def _by_search(build: Callable[[KernelProfile, str], Concurrent], wanted: str) -> Ask:
    """A question answered "yes" when a state that breaks the property is found, "no" without one.

    A deadlock leaves it open: the search ends there.
    """

    def ask(kernel: KernelProfile, via: str) -> Cell:
        result = explore(build(kernel, via), MOST_STATES)
        if result.verdict == "bounded":
            return _undecided(wanted, result.states, result.transitions)
        example = result.counterexample
        size = result.states, result.transitions
        if example and example.broken == DEADLOCK:
            return Cell(DEADLOCK, False, *size, example.line(), decides=False, wanted=wanted)
        yes = example is not None
        answer = "yes" if yes else "; ".join(["no", *(f"never: {one}" for one in result.vacuous)])
        good, decides = yes == (wanted == "yes"), not result.vacuous
        line = example.line() if example else ""
        return Cell(answer, good, *size, line, decides, wanted=wanted)

    return ask


def _by_progress(process: str) -> Ask:
    """Whether the driver comes up in every fair schedule, whatever the process does meanwhile."""

    def ask(kernel: KernelProfile, via: str) -> Cell:
        made = questions.comes_up(kernel, via, process)
        progress = must_come(made, questions.has_come_up(made), MOST_STATES)
        if progress.holds is None:
            return _undecided("yes", progress.states)
        said = "yes" if progress.holds else f"no: {progress.stuck}"
        return Cell(said, progress.holds, progress.states, 0, progress.line(), wanted="yes")

    return ask


def kinds_of_a_claim(kernel: KernelProfile, via: str) -> tuple[set[str], SearchResult]:
    """The kinds of components that a claim reads or replaces, in any interleaving with an mmap."""
    made = questions.touch_after(kernel, via)
    system, found = search(made, MOST_STATES)
    tree = system.trees[system.tasks.index(questions.C)]
    kinds = {
        kind(key)
        for leaf in tree.leaves
        if leaf.result is not None and leaf.result.operation == "request_mem_region"
        for key in (*leaf.reads, *leaf.writes)
    }
    return kinds - OWN, found


def _dependencies(kernel: KernelProfile, via: str) -> Cell:
    """The locks and subsystems that a claim takes or calls, by the kernel's names."""
    kinds, found = kinds_of_a_claim(kernel, via)
    if found.bound:
        return _undecided(ALONE, found.states, found.transitions)
    names = ", ".join(reached(kernel, kinds))
    return Cell(names, names == ALONE, found.states, found.transitions, wanted=ALONE)


def _by_story(say: Callable[[Played], str], wanted: str) -> Ask:
    """A question that one story answers; "no mapping" or "no claim" leaves it open."""

    def ask(kernel: KernelProfile, via: str) -> Cell:
        played = questions.taken_away(kernel, via)
        said = say(played)
        decides = said not in ("no mapping", "no claim")
        return Cell(said, said == wanted, len(played.moments), 0, decides=decides, wanted=wanted)

    return ask


def _rmap_steps(kernel: KernelProfile, via: str) -> Cell:
    """The steps of a claim of n pages (PAGES) in which it holds the rmap lock: "n", or numbers."""
    stories = [questions.taken_away(kernel, via, pages) for pages in PAGES]
    counts = tuple(map(questions.steps_locked, stories))
    same = str(counts[0]) if len(set(counts)) == 1 else ", ".join(map(str, counts))
    said = "n" if counts == PAGES else same
    return Cell(said, said == "0", sum(len(one.moments) for one in stories), 0, wanted="0")


# in the order of the table's columns
QUESTIONS: dict[str, Ask] = {
    "touch after the claim": _by_search(questions.touch_after, wanted="no"),
    "corrupt before the claim": _by_search(questions.corrupt_before, wanted="no"),
    "driver comes up, process unmaps": _by_progress("unmaps"),
    "driver comes up, process keeps": _by_progress("keeps"),
    "driver comes up, process comes back": _by_progress("comes back"),
    "page lost without notice": _by_search(questions.lose_unnoticed, wanted="no"),
    "map a device without driver": _by_search(questions.map_idle, wanted="yes"),
    "map it when its driver has let go": _by_search(questions.map_released, wanted="yes"),
    "map it beside its driver": _by_search(questions.map_claimed, wanted="yes"),
    "process learns of the claim": _by_story(questions.learns, wanted="at the claim"),
    "unmodified program is killed": _by_search(questions.killed, wanted="no"),
    "mapping works after the release": _by_story(questions.works_again, wanted="yes"),
    "DMA after the claim": _by_search(questions.dma_after, wanted="no"),
    "rmap lock held for n pages": _rmap_steps,
    "claim depends on": _dependencies,
}


def matrix(version: str, via: str = "devmem", rows: tuple[str, ...] = ()) -> Iterator[Cell]:
    """Every cell of the table, row by row; ValueError for a row that there is not."""
    known = table_rows()
    for row in rows or known:
        if row not in known:
            names = f"{'; '.join(known)} (a package adds its own: entry points {GROUP})"
            raise ValueError(f"policy: expected one of {names}; got {row!r}")
        policy, repair = known[row]
        kernel = KernelProfile(version, policy_name=policy, repair=repair)
        for question, ask in QUESTIONS.items():
            yield ask(kernel, via)._replace(policy=row, question=question)
