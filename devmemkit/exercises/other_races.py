"""An exercise on the races of other calls: a schedule that violates what should hold."""

from __future__ import annotations

from random import Random
from typing import Any

from devmemkit.exercises.exercise import Task, kernels
from devmemkit.exercises.schedules import (
    follow,
    following,
    in_words,
    schedule,
    to_the_end,
    unfinished,
)
from devmemkit.explore.check import explore
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.machine import View
from devmemkit.scenarios.races.catalogue import concurrent

BUFFER = "with a buffer that is missing until thread A0 fills it; driver C0 claims the page"
BROKEN = {
    "write-vs-claim": (
        f"Process U0 writes to a page of /dev/mem, {BUFFER}, and reads it twice.",
        "`check_page` asks the resource tree, `copy_page` takes the bytes from the buffer and "
        "waits while it is missing.",
        "the driver's two reads differ, because the write(2) lands between them",
    ),
    "read-vs-claim": (
        f"Process U0 reads a page of /dev/mem, {BUFFER}, and writes to it.",
        "`check_page` asks the resource tree, `copy_page` puts the bytes into the buffer and waits "
        "while it is missing. Where there is a `fetch_page`, it copies them out of memory first.",
        "the read(2) gives the process what the driver wrote after its claim",
    ),
    "attribute-creation": (
        "Task init runs initcalls, the last of which makes the files of all devices that it finds; "
        "task B0 adds a device.",
        "Once `set_sysfs_initialized` has run, `pci_bus_add_device` makes the files of its device; "
        "`for_each_pci_dev` makes those of every device that `device_add` has put on the bus. "
        "`pci_create_attr` makes one file.",
        "both have made the same file",
    ),
    "muxed-claims": (
        "Drivers C0 and C1 share a region in turn: each claims it, sleeps while the other has it, "
        "and releases it.",
        "If `insert` finds the region taken, `fall_asleep` marks the driver as asleep, and it goes "
        "on with `schedule` when a `release` has woken it.",
        "one of them sleeps for ever: the other has ended",
    ),
}
"""The races to break: who is in them, what their steps do, and what is to happen."""


def break_it(random: Random) -> Task:
    """A schedule that violates a property of another race."""
    name = random.choice([*BROKEN])
    tasks, meaning, wanted = BROKEN[name]
    for kernel in random.sample(kernels(), len(kernels())):
        made = concurrent(name, KernelProfile(kernel))
        if example := explore(made).counterexample:
            break
    else:
        raise AssertionError(f"{name}: expected a kernel that has this race, found none")
    holds = {one.name: one.holds for one in made.properties}.get(example.broken)  # not a deadlock

    def judge(given: Any) -> str:
        steps, stopped = follow(made, schedule(given, made))
        left = following(made, steps[-1].machine) if steps else {}
        if holds is None and left and not any(left.values()) and not stopped:
            return ""
        if holds is not None and any(not holds(View(step.machine)) for step in steps):
            return ""
        return (
            stopped or f"after these {len(steps)} steps this has not happened: {unfinished(left)}"
        )

    alone = to_the_end(made, (), [*made.programs] * 2)
    programs = "\n".join(
        f"- {in_words(step for step in alone if step.task == task)}" for task in made.programs
    )
    return Task(
        f"{tasks} On Linux {kernel} they take these steps, if one runs after the other:\n\n"
        f"{programs}\n\n{meaning}\n\nFind a schedule after which {wanted}. Write the names of the "
        "tasks, one for each step. A task that waits can take no step.",
        f'"{" ".join(made.programs)}"', " ".join(step.task for step in example.steps), judge,
        "Look for what one task checks or decides in one step and relies on in a later one, and "
        "let the other task change it in between.",
        f"The shortest is {in_words(example.steps)}.",
    )  # fmt: skip
