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
from devmemkit.lab.fuzz.places import PLACES
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
from devmemkit.lab.repair.build import NAME, build, put_in, source_digest
from devmemkit.lab.repair.sweep import sweep as repaired
from devmemkit.lab.reproducers import reproduce
from devmemkit.lab.timeline import timeline
from devmemkit.model.kernel import KernelProfile
from devmemkit.scenarios.catalogue import stories
from devmemkit.scenarios.machines import LABS
from devmemkit.scenarios.stories.script import Story

Ranges = tuple[tuple[int, int], ...]


def to_clear(lab: str) -> Ranges:
    """The memory of a machine that stories write to: (start, size), zeroed before each."""
    return (LABS[lab].pmem, 16 << 20), (LABS[lab].ivshmem_bar, 16 << 20)


def play_stories(
    kernel: Kernel, played: Sequence[Story], progress: Progress, lab: str = "2g", repair: str = ""
) -> Iterator[tuple[Story, Performed]]:
    """Play stories in as few boots as possible, with a named repair, or PASS, in the kernel.

    A new command line needs a boot, and so does a story that leaves its guest changed. KernelError
    when the module of the repairs cannot be built, GuestError when a guest fails.
    """
    own = ((NAME, build(kernel, progress)),) if repair else ()
    with ExitStack() as stack:
        guest, cmdline, clear = None, "", to_clear(lab)
        for story in played:
            if guest is None or story.cmdline != cmdline or not _is_fresh(guest, clear):
                stack.close()
                cmdline = story.cmdline
                guest = stack.enter_context(boot(kernel, cmdline, lab=lab, own=own))
                if repair:
                    put_in(guest, repair)
                progress(f"{kernel.release}: up after {guest.boot_seconds:.1f} s {cmdline}".strip())
                # under lockdown nothing can write there, so it need not be cleared
                locked = KernelProfile(kernel.version, cmdline=cmdline).lockdown
                clear = () if locked else to_clear(lab)
                guest.reset(*clear)
            yield story, perform(guest, story.acts)


def _is_fresh(guest: Guest, clear: Ranges) -> bool:
    try:
        guest.reset(*clear)
    except GuestError:
        return False
    return True


def _random(kernel: Kernel, progress: Progress, lab: str = "2g") -> dict[str, Any]:
    operations, ops = runs.operations(lab), PLACES[lab].ops
    sequences = runs.sequences_of(operations, lab)
    ends: list[Any] = []

    def keep(made: RandomSequence, performed: Performed) -> None:
        ends.append(runs.encode_ends(made.acts, performed))

    found = conform(kernel, runs.SEED, ops, progress, recorded=sequences, keep=keep, lab=lab)
    if found.ended == "interrupted":
        raise KeyboardInterrupt
    if not found.complete:
        raise GuestError(f"conform: expected {ops} operations, it ended: {found.ended}")
    if found.sequences > len(sequences):
        raise GuestError(f"conform: expected {ops} operations in {len(sequences)} sequences")
    packed = runs.pack_ends(kernel.version, lab, runs.digest(operations), ends)
    return {**found.to_dict(), **packed}


MEASURED: dict[str, tuple[str, Callable[..., Any]]] = {
    "boot": ("timeline", timeline),
    "mmap-vs-claim": ("race", sweep),
    "conform": ("conform", _random),
    "reproducers": ("reproducers", reproduce),
    "explain": ("explain", attempt),
    **{name: ("race", partial(repaired, one)) for name, one in manifest.REPAIR_RACES.items()},
}
"""Scenarios that are not stories of acts: the name of what is measured, and how.

Those that are played on other machines than the first take a name of LABS as a third argument.
"""


def check(scenario: str, lab: str) -> str:
    """The name of a scenario that there is on a machine of the lab; ValueError says what is."""
    if scenario not in manifest.NAMES:
        known = ", ".join(manifest.NAMES)
        raise ValueError(f"scenario: expected one of {known}; got {scenario!r}")
    if not manifest.is_on(lab, scenario):
        on = dict.fromkeys(
            one.flavour for one in LABS.values() if manifest.is_on(one.name, scenario)
        )
        wanted = "memory: expected 2g" if lab == "5g" else f"arch: expected {' or '.join(on)}"
        raise ValueError(f"{wanted} for {scenario}, got {lab}")
    return scenario


def record(scenario: str, kernel: Kernel, progress: Progress, lab: str = "2g") -> Recording:
    """Play a scenario on a kernel, on a machine of the lab, and keep every outcome.

    ValueError for a scenario that does not exist or not on this machine, GuestError when a guest
    fails.
    """
    if check(scenario, lab) in MEASURED:
        name, measure = MEASURED[scenario]
        content = {name: measure(kernel, progress, *(() if lab == "2g" else (lab,)))}
    else:
        repair = manifest.REPAIRED_STORIES.get(scenario, "")
        told = stories("write-vs-claim" if repair else scenario, lab)
        played = play_stories(kernel, told, progress, lab, repair)
        content = {"stories": [encode_story(*one) for one in played]}
        if repair:
            content["repaired"] = {"repair": repair, "module": source_digest()}
    beside = {PLACES[lab].file: runs.operations(lab)} if scenario == "conform" else {}
    return Recording(scenario, about(kernel, scenario, lab), content, beside)


def run(
    scenario: str, booted: Sequence[Kernel], *, lab: str = "2g", progress: Progress = print
) -> bool:
    """Play a scenario on each kernel and print both outcomes; True if all agree.

    ValueError for a scenario that does not exist or a kernel that the model does not know,
    GuestError for a guest that fails.
    """
    check(scenario, lab)
    found = {kernel.version: record(scenario, kernel, progress, lab) for kernel in booted}
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
