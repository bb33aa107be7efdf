"""The race on a kernel with a repaired mmap; touches during a claim; the cost of the repair.

The judge needs no kernel: it holds what was recorded against the model with that repair.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from typing import Any

from devmemkit.explore.endings import touch_outcomes
from devmemkit.lab import race
from devmemkit.lab.compare import Verdict
from devmemkit.lab.guest.boot import Guest, GuestError, boot
from devmemkit.lab.kernels.catalogue import Progress
from devmemkit.lab.kernels.kernel import Kernel
from devmemkit.lab.race import Judged
from devmemkit.lab.repair.build import NAME, build, put_in, source_digest
from devmemkit.model.repairs import UNLOCKED
from devmemkit.scenarios.machines import VIAS
from devmemkit.scenarios.races.lab_race import touch_in_order

TOUCHED = ("fault", UNLOCKED)
"""Those that populate by faults, and are raced with touches, too."""
WINDOWS = (0, 300)
"""Microseconds that the module leaves between a fault's check and its insertion."""
TOUCH_CONTROLS = ("none", "before", "after")
EARLY = {"delay": -50_000_000}
TOUCHED_PAGES = 512
"""Pages that are touched one after another: the agent then looks at each of them."""
LEAKS = {"survived", "torn"}
"""Endings of a claim after which a page can be reached."""

COUNTS = {4 << 10: 200, 2 << 20: 200, 1 << 30: 5}
"""Times that the instructions of an mmap are counted, by its length in bytes.

On 7.3 other tasks run in most of those of 2 MiB, so that a few would not do.
"""


@contextmanager
def repaired(
    kernel: Kernel, image: bytes, repair: str, window: int = 0, *, counted: bool = False
) -> Iterator[Guest]:
    """A guest whose kernel has the repair; its taint ends with it. GuestError when it fails."""
    with boot(kernel, shared_mib=race.SHARED_MIB, counted=counted, own=((NAME, image),)) as guest:
        put_in(guest, repair, window)
        yield guest


def sweep(repair: str, kernel: Kernel, progress: Progress) -> dict[str, Any]:
    """What race.sweep() measures, on a kernel with this repair, and three things more.

    "repair"; "module", the digest of its source; "touches", for the repairs in TOUCHED: trials in
    which a process touches TOUCHED_PAGES pages while all of the BAR is claimed, each with its
    "window"; "costs": for each way and length, the instructions of an mmap and those of the first
    load from it, as often as COUNTS says. KernelError when the module cannot be built, GuestError
    when a guest fails.
    """
    image = build(kernel, progress)
    touches: list[dict[str, Any]] = []
    with repaired(kernel, image, repair) as guest:
        found = race.sweep_in(guest, kernel, progress)
        if repair in TOUCHED:
            touches += _touches(guest, WINDOWS[0], kernel, progress)
    if repair in TOUCHED:
        with repaired(kernel, image, repair, WINDOWS[1]) as guest:
            touches += _touches(guest, WINDOWS[1], kernel, progress)
    with repaired(kernel, image, repair, counted=True) as guest:
        costs = [_cost(guest, via, *each) for via, each in product(VIAS, COUNTS.items())]
    told = {"repair": repair, "module": source_digest(), "costs": costs}
    return found | told | ({"touches": touches} if touches else {})


def _touches(guest: Guest, window: int, kernel: Kernel, progress: Progress) -> list[dict[str, Any]]:
    start, made = race.bar_start(guest), []
    with race.holding(guest, start, "whole"):
        for via in VIAS:
            mine = [touch(guest, start, via, window, "none") for _ in range(3)]
            duration = min(one["returned"] for one in mine)
            # the claim that comes after waits for more page tables than there will be
            for control, when in (("before", EARLY), ("after", {"grown": 2 * race.TABLES})):
                mine += [touch(guest, start, via, window, control, **when) for _ in range(3)]
            for number in range(race.TRIALS):
                delay = duration * number // (2 * race.TRIALS)
                mine.append(touch(guest, start, via, window, delay=delay))
            progress(f"{kernel.version}: {via}, touch, {window} us: {race.tally(mine)}")
            made += mine
    return made


def touch(
    guest: Guest, start: int, via: str, window: int, control: str = "", **when: int
) -> dict[str, Any]:
    """One trial as in sweep(); `when` is that of race(), from the first touch on."""
    where = {"path": race.PATHS[via], "offset": start if via == "devmem" else 0, "start": start}
    length = TOUCHED_PAGES << 12
    made = race.trial(guest, via, "whole", control, when, **where, length=length, touch=True)
    return made | {"window": window}


def _cost(guest: Guest, via: str, length: int, count: int) -> dict[str, Any]:
    """Instructions of an mmap and of the first load from it: one CPU runs nothing else."""
    start, pid = race.bar_start(guest), f"{via}{length}"
    opens = {
        "devmem": {"operation": "open_devmem", "dsync": True},
        "sysfs": {"operation": "open_resource", "bdf": race.BDF, "bar": race.RESOURCE},
    }
    who = {"pid": pid}
    calls: list[dict[str, Any]] = [{"operation": "process", **who}, {**opens[via], **who}]
    offset = start if via == "devmem" else 0
    for _ in range(count):
        at = {"ref": len(calls), "plus": 0}
        name = "mmap_devmem" if via == "devmem" else "mmap_resource"
        fd = {"ref": 1, "plus": 0}
        calls += [
            {"operation": name, **who, "fd": fd, "length": length, "offset": offset,
             "prot": "rw", "shared": True},
            {"operation": "load", **who, "address": at, "size": 1},
            {"operation": "munmap", **who, "address": at, "length": length},
        ]  # fmt: skip
    answers = guest.do(*calls)
    if any("signal" in one for one in answers):
        raise GuestError(f"{via}: expected loads to reach the device, got a signal")
    times = [one["ns"] for one in answers[2:]]
    return {"via": via, "length": length, "mmap": times[0::3], "load": times[1::3]}


def dearer(
    recorded: dict[str, Any], usual: dict[str, Any], via: str, length: int, what: str = "mmap"
) -> float:
    """How many times the instructions of `usual` an mmap, or the first "load" from it, takes.

    Both are what sweep() gave. The least of all runs is taken: in others an interrupt came.
    """
    least = [
        min(row[what])
        for one in (recorded, usual)
        for row in one["costs"]
        if (row["via"], row["length"]) == (via, length)
    ]
    return float(least[0] / least[1])


def judge(recorded: dict[str, Any], arch: str = "x86_64") -> list[Judged]:
    """Hold what sweep() gave against the model: races, touches, and last whether anything leaked.

    The last is PASSED when a page could be reached after a claim in at least one trial, or in
    none, as the model's search has it.
    """
    judged = race.judge(recorded, arch)
    version, repair = recorded["version"], race.model_repair(recorded)
    for via, window in product(VIAS, WINDOWS if "touches" in recorded else ()):
        mine = [t for t in recorded["touches"] if (t["via"], t["window"]) == (via, window)]
        controls = {name: touch_in_order(version, via, name, repair) for name in TOUCH_CONTROLS}
        possible = touch_outcomes(version, via, repair)
        judged.append(race.judge_trials(via, f"touch, {window} us", mine, possible, controls))
    return [*judged, leaks(judged)]


def leaked(judged: list[Judged]) -> bool:
    """Whether a page was reached after a claim, in any trial."""
    return any(LEAKS & one.seen.keys() for one in judged)


def leaks(judged: list[Judged]) -> Judged:
    """All cells as one, without their trials: whether a page leaked, here and in the model."""
    possible = frozenset().union(*(one.possible for one in judged))
    found, expected = leaked(judged), bool(LEAKS & possible)
    verdict, why = Verdict.PASSED, ""
    if found and not expected:
        verdict, why = Verdict.FAILED, "a page was reached after a claim, in the model never"
    elif expected and not found:
        verdict, why = Verdict.UNDECIDED, "no page was reached after a claim; in the model one can"
    return Judged("both ways", "leaks", {}, possible, 0, verdict, why)
