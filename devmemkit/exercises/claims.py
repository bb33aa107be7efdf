"""Exercises on claims: which pages die, which last page stays, and whose mapping loses them."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

from devmemkit.exercises.exercise import Item, Task, kernels, listed, listing, mixed, picked
from devmemkit.model.flags import PAGE_SHIFT, PAGE_SIZE
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.resource.revoke import zapped_pages
from devmemkit.scenarios.catalogue import before
from devmemkit.scenarios.machines import PC
from devmemkit.scenarios.play import Act, Ref, play
from devmemkit.scenarios.stories.claims import ELSEWHERE
from devmemkit.scenarios.stories.script import C, P, Q, Window
from devmemkit.scenarios.stories.takeover import Takeover
from devmemkit.scenarios.words import page_states

RULE = (
    "A claim that revokes takes whole pages, from the page of its first byte on: as many as its "
    "size fills, rounded up."
)


def states(story: Takeover) -> list[str]:
    """The state of each page of the first mapping when the claim has returned."""
    machine, address = story.played.after("claim"), story.played.outcomes["map"].value
    vma = next(one for one in machine["vmas", "P"] if one.start == address)
    return page_states(machine, "P", vma)


def _see(story: Takeover) -> str:
    given = (
        f'kernel="{story.kernel}", region="{story.region}", pages={story.pages}, '
        f"claim_offset={story.claim_offset:#x}, claim_size={story.claim_size:#x}"
    )
    return f'See it: `dk.Takeover({given}).after("claim").figure()`'


def pages_die(random: Random) -> Task:
    """A claim that begins with a page and ends inside one."""
    pages, first, whole = random.randint(10, 16), random.randint(1, 4), random.randint(1, 4)
    story = Takeover(
        kernel=random.choice(kernels(revoking=True)),
        region=f"{random.choice((PC.pmem, PC.ivshmem_bar)):#x}",
        pages=pages,
        claim_offset=first * PAGE_SIZE,
        claim_size=whole * PAGE_SIZE + random.randrange(0x10, 0xFF0, 0x10),
    )
    start, (low, high) = story.node.start, story.claim
    items = {}
    for page, state in enumerate(states(story)):
        at = start + page * PAGE_SIZE
        owned = min(high, at + PAGE_SIZE - 1) - max(low, at) + 1
        has = f"the claim has {owned:#x} bytes of it" if owned > 0 else "no byte is claimed"
        items[page] = Item("", state == "zapped", has)
    answer, judge = picked(items, "{0, 9}")
    return Task(
        f"On Linux {story.kernel} a process maps {pages} pages of `{story.node.name}` through "
        f"`/dev/mem`, from `{start:#x}` on. Page 0 is the first. Then a driver claims the bytes "
        f"`{low:#x}` to `{high:#x}`, the last one included.\n\n"
        "Which pages of the mapping are gone when the claim has returned?",
        "{0, 9}", answer, judge, RULE,
        f"The claim lies in {len(answer)} pages; of the last one it has {(high & 0xFFF) + 1:#x} "
        f"bytes. {_see(story)}",
    )  # fmt: skip


def last_page(random: Random) -> Task:
    """A claim that begins inside a page, so that the page of its last byte can stay mapped."""
    first, whole = random.randint(1, 5), random.randint(1, 4)
    size = whole * PAGE_SIZE + random.randrange(0x10, 0xFF0, 0x10)
    story = Takeover(
        kernel=random.choice(kernels(revoking=True)),
        region=f"{random.choice((PC.pmem, PC.ivshmem_bar)):#x}",
        claim_offset=first * PAGE_SIZE,
        claim_size=size,
    )

    def left(x: int) -> list[int]:
        """The pages with a byte of a claim from `x` on that the claim does not take."""
        at = first * PAGE_SIZE + x
        _, taken = zapped_pages(at, size)
        return [*range(taken + 1, (at + size - 1 >> PAGE_SHIFT) + 1)]

    answer = next(x for x in range(PAGE_SIZE) if left(x))

    def judge(given: Any) -> str:
        if not isinstance(given, int) or not 0 <= given < PAGE_SIZE:
            raise ValueError(f"expected a number from 0 to 0xfff, got {given!r}")
        at = first * PAGE_SIZE + given
        played = states(replace(story, claim_offset=at))
        last = at + size - 1 >> PAGE_SHIFT
        where = f"with x = {given:#x} the claim's bytes lie in pages {first} to {last}"
        if played[last] == "zapped":
            return f"{where}, and page {last} is gone with the others"
        if given > 0 and left(given - 1):
            return f"{where}, and page {last} stays mapped; so it does with a smaller x"
        return ""

    return Task(
        f"On Linux {story.kernel} a process maps {story.pages} pages of `{story.node.name}` "
        f"through `/dev/mem`. A driver claims {size:#x} bytes, beginning in page {first}: at "
        f"offset `{first * PAGE_SIZE:#x} + x` of the mapping, with x from 0 to 0xfff.\n\n"
        "For small x the mapping loses every page that has a byte of the claim. From which x on "
        "does the page of the claim's last byte stay mapped? Answer with the smallest.",
        "0x123", answer, judge,
        f"{RULE} Where in its page the claim begins does not count.",
        f"{size:#x} bytes fill {whole + 1} pages, so pages {first} to {first + whole} go. With "
        f"x = {answer:#x} the last byte is the first of page {first + whole + 1}. "
        f"{_see(replace(story, claim_offset=first * PAGE_SIZE + answer))}",
    )  # fmt: skip


def whose(random: Random) -> Task:
    """A claim on mappings of three processes, one of them copied, one moved."""
    kernel = random.choice(kernels(revoking=True))
    window = Window(PC, "devmem", random.randint(1, 200))
    low = random.randint(1, 4)
    high = low + random.randint(1, 2)
    moved = random.randint(0, 6)
    story: tuple[Act, ...] = (
        window.open(P),
        window.open(Q, "open_q"),
        window.map(P, "map", 8),
        window.map(P, "copy", 8, shared=False),
        *(P.store(f"store{page}", page, 1, "copy") for page in range(1, 8, 2)),
        P("fork", "fork", child="C"),
        P("move", "mremap", address=Ref("map", moved * PAGE_SIZE), length=PAGE_SIZE,
          new_length=PAGE_SIZE, to=ELSEWHERE),
        window.map(Q, "part", 4, 3, fd="open_q"),
        window.claim(low * PAGE_SIZE, (high - low + 1) * PAGE_SIZE),
    )  # fmt: skip
    machine = before("PQ", KernelProfile(kernel))

    def draw() -> list[Item]:
        page = random.choice([page for page in range(8) if page != moved])
        even, odd = random.randrange(0, 8, 2), random.randrange(1, 8, 2)
        child, part = random.randrange(8), random.randint(3, 6)
        loads = [
            ("P reads page {} through its shared mapping", page, P.load("end", page)),
            ("P reads page {} of its private mapping", even, P.load("end", even, "copy")),
            ("P reads page {} of its private mapping", odd, P.load("end", odd, "copy")),
            ("the child reads page {} through the shared mapping", child, C.load("end", child)),
            ("Q reads page {}", part, Q.load("end", part - 3, "part")),
            ("P reads page {} where it has moved it", moved, P.load("end", 0, "move")),
        ]
        random.shuffle(loads)
        items = []
        for says, number, load in loads:
            ended = play(machine, (*story, load)).outcomes["end"]
            fact = "lies in the claim" if low <= number <= high else "has no byte of the claim"
            because = f"page {number} {fact}, and a claim takes its pages from every mapping"
            items.append(Item(says.format(number), ended.signal == "SIGBUS", because))
        return items

    items = mixed(draw)
    answer, judge = picked(items, '{"a", ...}')
    return Task(
        f"On Linux {kernel} process P maps 8 pages of persistent memory from `{window.start:#x}` "
        "on through `/dev/mem`, once shared and once private. Through the private mapping it "
        f"writes to pages 1, 3, 5 and 7. It forks, and then moves page {moved} of its shared "
        "mapping to another address with `mremap`. Process Q maps pages 3 to 6, shared. A driver "
        f"claims pages {low} to {high}. After that:\n\n{listed(items)}\n\n"
        "Which of these reads end in SIGBUS?",
        '{"a", ...}', answer, judge,
        "A claim finds all mappings of its pages through the file that they map: of every "
        "process, wherever they were moved to, and with the copies that a private mapping holds.",
        f"Pages {low} to {high} are gone from every mapping, so these reads end in SIGBUS: "
        f"{listing(sorted(answer))}.",
    )  # fmt: skip
