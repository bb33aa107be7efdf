"""Playing scenarios in guests: `lab record` keeps the outcomes, `lab run` compares them at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

from devmemkit.lab.accesses import attempt
from devmemkit.lab.compare import format_comparisons
from devmemkit.lab.fuzz.conform import conform
from devmemkit.lab.fuzz.generate import Sequence as RandomSequence
from devmemkit.lab.guest.boot import Guest, GuestError, boot
from devmemkit.lab.guest.perform import Performed, perform
from devmemkit.lab.kernels.catalogue import Progress
from devmemkit.lab.kernels.kernel import Kernel
from devmemkit.lab.race import sweep
from devmemkit.lab.recordings import manifest
from devmemkit.lab.recordings import random_runs as runs
from devmemkit.lab.recordings.encode import encode_story
from devmemkit.lab.recordings.judge import judge
from devmemkit.lab.recordings.machine import about
from devmemkit.lab.recordings.recording import Recording
from devmemkit.lab.recordings.replay import replay
from devmemkit.lab.repair.sweep import sweep as repaired
from devmemkit.lab.reproducers import reproduce
from devmemkit.lab.timeline import timeline
from devmemkit.model.kernel import KernelProfile
from devmemkit.scenarios.catalogue import SCENARIOS, stories
from devmemkit.scenarios.machines import IVSHMEM_BAR, PMEM
from devmemkit.scenarios.stories.script import Story

Ranges = tuple[tuple[int, int], ...]
CLEAR: Ranges = ((PMEM, 16 << 20), (IVSHMEM_BAR, 16 << 20))
"""The memory that stories write to: (start, size), zeroed before each."""


def play_stories(
    kernel: Kernel, played: Sequence[Story], progress: Progress
) -> Iterator[tuple[Story, Performed]]:
    """Play stories in as few boots as possible; GuestError when a guest fails.

    A new command line needs a boot, and so does a story that leaves its guest changed.
    """
    with ExitStack() as stack:
        guest, cmdline, clear = None, "", CLEAR
        for story in played:
            if guest is None or story.cmdline != cmdline or not _is_fresh(guest, clear):
                stack.close()
                guest, cmdline = stack.enter_context(boot(kernel, story.cmdline)), story.cmdline
                progress(f"{kernel.release}: up after {guest.boot_seconds:.1f} s {cmdline}".strip())
                # under lockdown nothing can write there, so it need not be cleared
                locked = KernelProfile(kernel.version, cmdline=cmdline).lockdown
                clear = () if locked else CLEAR
                guest.reset(*clear)
            yield story, perform(guest, story.acts)


def _is_fresh(guest: Guest, clear: Ranges) -> bool:
    try:
        guest.reset(*clear)
    except GuestError:
        return False
    return True


OPS = 100_000
"""Number of outcomes that a random run compares."""


def _random(kernel: Kernel, progress: Progress) -> dict[str, Any]:
    operations = runs.operations()
    sequences = runs.sequences_of(operations)
    ends: list[Any] = []

    def keep(made: RandomSequence, performed: Performed) -> None:
        ends.append(runs.encode_ends(made.acts, performed))

    found = conform(kernel, runs.SEED, OPS, progress, recorded=sequences, keep=keep)
    if found.ended == "interrupted":
        raise KeyboardInterrupt
    if not found.complete:
        raise GuestError(f"conform: expected {OPS} operations, it ended: {found.ended}")
    if found.sequences > len(sequences):
        raise GuestError(f"conform: expected {OPS} operations in {len(sequences)} sequences")
    packed = runs.pack_ends(kernel.version, runs.digest(operations), ends)
    return {**found.to_dict(), **packed}


MEASURED: dict[str, tuple[str, Callable[[Kernel, Progress], Any]]] = {
    "boot": ("timeline", timeline),
    "mmap-vs-claim": ("race", sweep),
    "conform": ("conform", _random),
    "reproducers": ("reproducers", reproduce),
    "explain": ("explain", attempt),
    **{name: ("race", partial(repaired, one)) for name, one in manifest.REPAIR_RACES.items()},
}
"""Scenarios that are not stories of acts: the name of what is measured, and how."""

NAMES = (*SCENARIOS, *MEASURED)


def check(scenario: str) -> str:
    """The name of a scenario that exists; ValueError lists them."""
    if scenario not in NAMES:
        raise ValueError(f"scenario: expected one of {', '.join(NAMES)}; got {scenario!r}")
    return scenario


def record(scenario: str, kernel: Kernel, progress: Progress) -> Recording:
    """Play a scenario on a kernel and keep every outcome.

    ValueError for a scenario that does not exist, GuestError when a guest fails.
    """
    if check(scenario) in MEASURED:
        name, measure = MEASURED[scenario]
        content = {name: measure(kernel, progress)}
    else:
        played = play_stories(kernel, stories(scenario), progress)
        content = {"stories": [encode_story(*one) for one in played]}
    beside = {runs.FILE: runs.operations()} if scenario == "conform" else {}
    return Recording(scenario, about(kernel, scenario), content, beside)


def run(scenario: str, booted: Sequence[Kernel], *, progress: Progress = print) -> bool:
    """Play a scenario on each kernel and print both outcomes; True if all agree.

    ValueError for a scenario that does not exist or a kernel that the model does not know,
    GuestError for a guest that fails.
    """
    check(scenario)
    found = {kernel.version: record(scenario, kernel, progress) for kernel in booted}
    if scenario in MEASURED:
        return replay(found.values(), progress)
    count, agree = 0, True
    for same in zip(*map(judge, found.values()), strict=True):
        comparisons = {v: one.comparison for v, one in zip(found, same, strict=True)}
        story = same[0].story
        progress(f"\n{story.name}: {story.says}\n{format_comparisons(comparisons)}")
        count += sum(len(one.rows) for one in comparisons.values())
        agree = agree and not any(one.divergences for one in comparisons.values())
    names = ", ".join(kernel.release for kernel in booted)
    progress(f"\n{scenario} on {names}: {count} acts, {'all agree' if agree else 'they differ'}")
    return agree
