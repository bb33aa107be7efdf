"""Every exercise, solved as a student would: from the text of the task alone, by its rule.

No solver looks at the answer of the task; but for the table of policies, none asks the model.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

import devmemkit as dk
from devmemkit.exercises.student import EXERCISES, Given
from devmemkit.model.features import number
from tests.exercises.test_replies import is_interesting

CHOICE = re.compile(r"^- \*\*([a-f])\*\*: (.*)$", re.M)
KIB4 = 0x1000


def find(pattern: str, text: str) -> tuple[str, ...]:
    found = re.search(pattern, text, re.S)
    assert found is not None, (pattern, text)
    return found.groups()


def numbers(pattern: str, text: str) -> list[int]:
    return [int(one, 0) for one in find(pattern, text)]


def which_pages_die(text: str) -> object:
    (start,) = numbers(r"from `(\w+)` on", text)
    low, high = numbers(r"bytes `(\w+)` to `(\w+)`", text)
    return {*range((low - start) // KIB4, (high - start) // KIB4 + 1)}


def which_kernels(text: str) -> object:
    def dies(says: str) -> bool:
        kernel, file = find(r"Linux ([\d.]+), mapped through `(.*)`", says)
        return number(kernel) >= ((5, 8) if file == "/dev/mem" else (5, 12))

    return {letter for letter, says in CHOICE.findall(text) if dies(says)}


def whose_mapping(text: str) -> object:
    low, high = numbers(r"claims pages (\d) to (\d)", text)
    pages = {letter: numbers(r"page (\d)", says)[0] for letter, says in CHOICE.findall(text)}
    return {letter for letter, page in pages.items() if low <= page <= high}


def what_still_works(text: str) -> object:
    (dead,) = find(r"claims (page \d)", text)
    ends = {
        "once more": "EPERM", "pread": "EPERM", "write(2)": "EFAULT", "read(2)": "EFAULT",
        "debugger": "EIO", "mprotect": "works", "unmaps": "works", f"P reads {dead}": "SIGBUS",
    }  # fmt: skip

    def end(says: str) -> str:
        if "process_vm_readv" in says:
            return "EFAULT"
        return next((end for call, end in ends.items() if call in says and dead in says), "works")

    return {letter: end(says) for letter, says in CHOICE.findall(text)}


def last_page(text: str) -> object:
    (size,) = numbers(r"claims (\w+) bytes", text)
    return KIB4 - size % KIB4 + 1


def new_mappings(text: str) -> object:
    low, high = numbers(r"claimed pages (\d) to (\d)", text)

    def maps(says: str) -> bool:
        if "resource2" in says:
            return low > 0
        pages = [int(one) for one in re.findall(r"\d+", says)]
        return pages[-1] < low or pages[0] > high

    return {letter for letter, says in CHOICE.findall(text) if maps(says)}


CHECKS = {
    "range_is_allowed": "denied EPERM",
    "phys_mem_access_prot_allowed": "denied EINVAL",
    "pci_mmap_resource": "denied EINVAL",
}


def end_of(names: list[str], claimed: int, checks: dict[str, str]) -> str:
    """How a schedule ends by the notebook's table of steps; `claimed` pages from 0 on are."""
    filled: set[int] = set()
    taken = linked = found = False
    for at, name in enumerate(names):
        before = names[:at].count(name)
        taken = taken or name == "insert"
        linked = linked or name == "vma_link_file"
        if name in checks and taken and before < claimed:
            return checks[name]
        if name == "remap_pfn_range":
            filled = {0, 1, 2}
        elif name == "remap_pfn_range_complete":
            filled.add(before)
        elif name == "zap":
            found = found if before else linked
            filled -= {before} if found and before < claimed else set()
    left = sum(page < claimed for page in filled)
    return "killed" if not left else "survived" if left == claimed else "torn"


def steps(says: str) -> list[tuple[str, str]]:
    """Task and name of each step of a schedule in words."""
    return [
        (task, name)
        for task, names in re.findall(r"\*\*(\w+)\*\* ([^*\n]*)", says)
        for name, times in re.findall(r"`(\w+)`(?: \((\d) times\))?", names)
        for _ in range(int(times or 1))
    ]


def race(text: str) -> tuple[list[str], int, dict[str, str]]:
    """The steps of the mmap alone, the pages that are claimed, and the steps that check a page."""
    (mapper,) = find(r"- (\*\*mapper\*\* .*?)\n", text)
    names = [name for _, name in steps(mapper)]
    checks = dict(CHECKS)
    if names.count("phys_mem_access_prot_allowed") < 3:
        del checks["phys_mem_access_prot_allowed"]
    return names, 1 if "claims the first page" in text else 3, checks


def how_it_ends(text: str) -> object:
    _, claimed, checks = race(text)
    return {
        letter: end_of([name for _, name in steps(says)], claimed, checks)
        for letter, says in re.findall(r"^- \*\*([abc])\*\*: \n((?:    - .*\n?)+)", text, re.M)
    }


def find_the_schedule(text: str) -> object:
    """The claim as a whole after the last check; torn: when some of its pages are filled."""
    names, claimed, checks = race(text)
    last = max(at for at, name in enumerate(names) if name in checks) + 1
    if "ends *torn*" not in text:
        return ["mapper"] * last + ["claimer"] * 4 + ["mapper"] * (len(names) - last)
    first = names.index("remap_pfn_range_complete") + 1
    return " ".join(
        ["mapper"] * first + ["claimer"] * (3 + claimed) + ["mapper"] * (len(names) - first)
    )


def break_it(text: str) -> object:
    """One task up to the step that relies on an earlier one, the other, and then that step."""
    claim = "C0 " * len([name for task, name in steps(text) if task == "C0"])
    if "Process U0 writes" in text:  # the driver reads on both sides of the copy
        return f"U0 U0 A0 {claim[3:]} U0 C0"
    if "Process U0 reads" in text:
        return f"U0 U0 A0 {claim} " + "U0 " * (1 + ("fetch_page" in text))
    if "Task init" in text:
        return "init init B0 init init B0 B0"
    revoke = "C0 " * (3 * ("both_ends" in text))  # C1 finds it taken, and falls asleep too late
    return f"C0 C1 {revoke} C0 C1"


def repair_it(text: str) -> object:
    if "write(2)" in text:
        return {"bounce-locked"}
    return {"recheck", "bounce-locked"} if "read(2)" in text else {"recheck", "fault"}


def which_policy(text: str) -> object:
    """Strike out the policies that answer otherwise; the table of policies may be asked."""
    kernel, file = find(r"on Linux ([\d.]+) with pages mapped through `(.*?)`", text)
    via = "devmem" if file == "/dev/mem" else "sysfs"
    told = dict(re.findall(r"^\| (?!question)([^|-]+) \| ([^|]*) \|$", text, re.M))
    left = set(re.findall(r"^- `(\w+)`: ", text, re.M))
    for cell in dk.policy_matrix(kernel=kernel, via=via):
        if told.get(cell.question, cell.answer) != cell.answer:
            left -= {cell.policy}
    (one,) = left
    return one


class Told(dk.RevokeAll):
    """Processes are told, and nothing is taken away."""

    after_insert = ("both_ends", "notify")


class ToldByFault(dk.FaultRecheck):
    """Processes are told; a fault checks its page."""

    after_insert = ("both_ends", "notify", "wait_for_unmap", "zap_begin", "zap")


class RefusedByFault(dk.RefuseClaim):
    """A claim is refused; a fault checks its page."""

    on_fault = "insert"


class Nobody(dk.DenyIdle):
    """Nobody maps, so a claim has nothing to do."""

    after_insert = ()


def write_a_policy(text: str) -> object:
    if "DMA after the claim" in text:
        return Nobody
    if "process learns of the claim" not in text:
        return RefusedByFault
    return Told if "unmodified program is killed" in text else ToldByFault


SOLVE: dict[str, Callable[[str], Any]] = {
    name: globals()[name.replace("-", "_")] for name in EXERCISES
}


@pytest.mark.parametrize("name", EXERCISES)
def test_a_student_solves_it(name: str) -> None:
    given = Given(EXERCISES[name], 7)
    assert str(given.check(...)) == "not answered yet"
    reply = given.check(SOLVE[name](given.task.text))
    assert reply.right, (given.task.text, reply)
    assert reply.says.startswith("Right. ")
    assert given.solved


SEEDS = {"which-policy": 10, "write-a-policy": 30, "repair-it": 40, "break-it": 60}
"""Students for which a task takes its time; others have a hundred."""


@pytest.mark.slow
@pytest.mark.parametrize("name", EXERCISES)
def test_every_student_has_a_task_worth_solving_and_solves_it(name: str) -> None:
    seeds, texts = range(SEEDS.get(name, 100)), set()
    for seed in seeds:
        given = Given(EXERCISES[name], seed)
        texts.add(given.task.text)
        assert is_interesting(given.task), (seed, given.task)
        reply = given.check(SOLVE[name](given.task.text))
        assert reply.right, (seed, given.task.text, reply)
    assert len(texts) > min(len(seeds) // 3, 20), "too many students have the same task"
