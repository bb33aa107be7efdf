"""Exercises on orders: how a schedule ends, schedules to find, repairs that close a race."""

from __future__ import annotations

from random import Random
from typing import Any, NamedTuple

from devmemkit.exercises.exercise import (
    FILE,
    Item,
    Task,
    kernels,
    listed,
    listing,
    mixed,
    picked,
    worded,
)
from devmemkit.exercises.schedules import (
    follow,
    following,
    in_lines,
    in_words,
    places,
    schedule,
    to_the_end,
    unfinished,
)
from devmemkit.explore.check import explore
from devmemkit.explore.counterexample import Step
from devmemkit.explore.endings import race_outcomes
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.repairs import COPY_REPAIRS, REPAIRS
from devmemkit.scenarios.machines import VIAS
from devmemkit.scenarios.races.catalogue import concurrent
from devmemkit.scenarios.races.lab_race import CLAIMER, CLAIMS, MAPPER, PAGES, ending, race

KEY_STEPS = (
    *("range_is_allowed", "phys_mem_access_prot_allowed", "pci_mmap_resource", "insert"),
    *("remap_pfn_range", "remap_pfn_range_complete", "vma_link_file", "zap"),
)
"""The steps that decide how the race of an mmap and a claim ends."""
RULE = (
    "An mmap is denied if it checks a claimed page after `insert`. A `zap` takes the pages that "
    "are filled by then, of mappings that are linked by then; what is filled or linked later stays."
)
ENDS = (
    "*killed* means that the mapping loses all claimed pages, *survived* that it keeps them all, "
    "*torn*, on kernels where that is possible, that it loses some of the claimed pages and keeps "
    "others."
)


class Race(NamedTuple):
    """A race of one mmap and one claim: the kernel, the file, and what is claimed."""

    kernel: str
    via: str
    claim: str

    @classmethod
    def draw(cls, random: Random) -> Race:
        """A race on a kernel that revokes mappings of the file."""
        via = random.choice(VIAS)
        since = "5.8" if via == "devmem" else "5.12"
        return cls(random.choice(kernels(since=since)), via, random.choice(CLAIMS))

    def ends(self, steps: list[Step]) -> str:
        """How the race ended after all its steps."""
        mapped = dict(steps[-1].machine["program", MAPPER][1])["map0"]
        return ending(steps[-1].machine, mapped, PAGES if self.claim == "whole" else 1)

    def says(self) -> str:
        made = race(*self)
        alone = [in_words(to_the_end(made, (), (task,))) for task in (MAPPER, CLAIMER)]
        claimed = "all three pages" if self.claim == "whole" else "the first page"
        return (
            f"On Linux {self.kernel} the task *mapper* maps three pages of a BAR through "
            f"`{FILE[self.via]}`; the task *claimer*, a driver, claims {claimed}. Each by itself "
            f"takes these steps:\n\n- {alone[0]}\n- {alone[1]}\n\nIf the list has mappings of "
            "claimed pages, `zap` takes one step for each page, otherwise a single step. The race "
            f"ends in one of these ways: {listing(sorted(race_outcomes(*self)))}. {ENDS}"
        )


def endings(random: Random) -> Task:
    """Schedules of an mmap and a claim, each followed to its end."""
    drawn = Race.draw(random)
    made = race(*drawn)
    most = len(to_the_end(made, (), (MAPPER,)))

    def draw() -> list[Item]:
        items = []
        for least in (0, 2, most - 3):  # in the last one, the checks are over
            before, claimed = random.randint(least, most), random.randint(0, 4)
            first = [MAPPER] * before + [CLAIMER] * claimed + [MAPPER] * random.randint(0, 3)
            steps = to_the_end(made, first, (CLAIMER, MAPPER, CLAIMER))
            items.append(Item(in_lines(steps), drawn.ends(steps), places(steps, KEY_STEPS)))
        random.shuffle(items)
        return items

    items = mixed(draw, least=1)
    form = '{"a": "killed", "b": ..., "c": ...}'
    answer, judge = worded(items, race_outcomes(*drawn), form)
    return Task(
        f"{drawn.says()}\n\nHow do these schedules end?\n\n{listed(items)}",
        form, answer, judge, RULE,
        " ".join(f"({label}) {item.value}: {item.because}." for label, item in items.items()),
    )  # fmt: skip


def find_schedule(random: Random) -> Task:
    """A schedule by which a mapping survives a claim, in part or as a whole."""
    drawn = Race.draw(random)
    goal = random.choice(sorted(race_outcomes(*drawn) & {"survived", "torn"}))
    made = race(*drawn)
    every = range(len(to_the_end(made, (), (MAPPER,))))
    tried = (to_the_end(made, [MAPPER] * first, (CLAIMER, MAPPER)) for first in every)
    answer = " ".join(step.task for step in next(one for one in tried if drawn.ends(one) == goal))

    def judge(given: Any) -> str:
        steps, stopped = follow(made, schedule(given, made))
        if stopped:
            return stopped
        if left := following(made, steps[-1].machine):
            return f"these {len(steps)} steps do not end the race: {unfinished(left)}"
        ended = drawn.ends(steps)
        return "" if ended == goal else f"it ends {ended}: {places(steps, KEY_STEPS)}"

    return Task(
        f"{drawn.says()}\n\nFind a schedule that ends *{goal}*: the names of the tasks, one for "
        "each step, until both have ended. Python may count for you: "
        f'`"{MAPPER} " * 2 + "{CLAIMER} " * 4`.',
        f'"{MAPPER} {CLAIMER} {MAPPER}"', answer, judge, RULE,
        f"One way is {in_words(follow(made, answer.split())[0])}.",
    )  # fmt: skip


def repairs(random: Random) -> Task:
    """Which of four repairs close a race."""
    of_mmap = random.random() < 0.5
    drawn = Race.draw(random)
    name = random.choice(("write-vs-claim", "read-vs-claim"))
    items = {}
    for repair in REPAIRS if of_mmap else COPY_REPAIRS:
        if of_mmap:
            ways = race_outcomes(*drawn, repair)
            closes = not ways & {"survived", "torn"}
            says = f"with it the race can end {listing(sorted(ways))}"
        else:
            result = explore(concurrent(name, KernelProfile(drawn.kernel, repair=repair)))
            closes = result.verdict == "not-found"
            says = f"none of its {result.states} states is wrong"
            if example := result.counterexample:
                says = f"“{example.broken}” is violated by {example}"
        items[repair] = Item((REPAIRS if of_mmap else COPY_REPAIRS)[repair], closes, says)
    call, wish = {
        "write-vs-claim": ("write(2)", "nobody writes to the page once the driver has claimed it"),
        "read-vs-claim": ("read(2)", "no process reads what the driver writes after its claim"),
    }[name]
    what = f"a {call} of /dev/mem, whose buffer the process fills when it likes, and a claim"
    wish += ", and no claim waits for a process"
    if of_mmap:
        part = "all" if drawn.claim == "whole" else "the first page"
        what = f"an mmap of `{FILE[drawn.via]}` and a claim of {part} of what it maps"
        wish = "no page of the claim stays mapped"
    form = '{"one of them", ...}'
    answer, judge = picked(items, form)
    return Task(
        f"On Linux {drawn.kernel} two operations race: {what}. Four repairs change the order of "
        f"the steps:\n\n{listed(items)}\n\nWhich of them close the race, so that in every schedule "
        f"{wish}?",
        form, answer, judge,
        "A check closes a race only if nothing can change between the check and the access: the "
        "check comes last, or a lock that a claim needs is held over both. A repair that holds "
        "that lock while it waits for a process makes the claim wait, too.",
        " ".join(f"({label}) {item.because}." for label, item in items.items()),
    )  # fmt: skip
