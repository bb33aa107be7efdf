"""Exercises on files and calls: which kernel revokes what, and which call gets which error."""

from __future__ import annotations

from random import Random
from typing import Any

from devmemkit.exercises.exercise import Item, Task, kernels, listed, listing, mixed, picked, worded
from devmemkit.model.features import number
from devmemkit.model.flags import PAGE_SIZE
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.policy import POLICIES
from devmemkit.scenarios.catalogue import before
from devmemkit.scenarios.machines import PC
from devmemkit.scenarios.play import Ref, play
from devmemkit.scenarios.stories.bar_story import BarStory
from devmemkit.scenarios.stories.script import D, G, P, Q, Window, in_page
from devmemkit.scenarios.words import format_ending

BARS = ((PC.ivshmem, 2), (PC.nvme, 0), (PC.e1000, 0))


def which_kernels(random: Random) -> Task:
    """One story on kernels with different policies, through both files."""
    device, bar = random.choice(BARS)

    def draw() -> list[Item]:
        items = []
        old, new = kernels()[:6], kernels()[6:]
        for kernel in sorted(random.sample(old, 4) + random.sample(new, 2), key=number):
            story = BarStory(kernel, device=device, bar=bar)
            file, key = random.choice(((f"resource{bar}", "load_p"), ("/dev/mem", "load_q")))
            what = f"on Linux {kernel}, {story.profile.policy.what}"
            says = f"Linux {kernel}, mapped through `{file}`"
            items.append(Item(says, story.played.outcomes[key].signal == "SIGBUS", what))
        return items

    def since(policy: str) -> str:
        return POLICIES[policy].since

    items = mixed(draw)
    answer, judge = picked(items, '{"a", ...}')
    return Task(
        f"A process maps BAR {bar} of the PCI device `{device}`, which no driver has. Then a "
        "driver claims the whole BAR, and the process reads the first page again:\n\n"
        f"{listed(items)}\n\nWhich of these reads end in SIGBUS?",
        '{"a", ...}', answer, judge,
        f"Linux {since('ExcludeNew')} refuses new mappings of what is claimed, "
        f"{since('RevokeDevmem')} also takes away old ones through /dev/mem, and a later release "
        "also those through the files of PCI devices.",
        f"That later one is {since('RevokeAll')}. "
        f'See it: `dk.BarStory(kernel="6.12", device="{device}", bar={bar}).outcomes()`',
    )  # fmt: skip


def _calls(window: Window, page: int) -> list[Item]:
    """Calls on a page: each in words, the call itself, and the fact that decides how it ends."""
    here = f"page {page}"
    at: dict[str, Any] = {"address": in_page("map", page)}
    whole: dict[str, Any] = {"address": Ref("map", page * PAGE_SIZE), "length": PAGE_SIZE}
    where = window.start + page * PAGE_SIZE
    copy = "the kernel makes this access for the process; a fault in it sends no signal"
    change = "this changes the mapping, which is still there, and touches no page"
    tree = "this is a new access, which the kernel checks against the resource tree"
    peek = "a debugger's access asks the mapping for its page table entry, then goes to the device"
    pin = "this call pins pages of RAM, of which a mapping of device memory has none"
    return [
        Item(f"P reads {here}", P.load("end", page), "the process touches the page itself"),
        Item(f"P gives {here} to write(2) as buffer", P("end", "copy_from_user", **at), copy),
        Item(f"P gives {here} to read(2) as buffer", P("end", "copy_to_user", **at), copy),
        Item(f"a debugger of P peeks at {here}", G("end", "ptrace_peek", pid="P", **at), peek),
        Item(f"another process reads {here} with process_vm_readv",
             G("end", "process_vm_readv", pid="P", **at), pin),
        Item(f"P makes {here} read-only with mprotect",
             P("end", "mprotect", prot="r", **whole), change),
        Item(f"P unmaps {here}", P("end", "munmap", **whole), change),
        Item(f"P maps {here} once more", window.map(P, "end", 1, page), tree),
        Item(f"P reads {here} with pread(2) on /dev/mem",
             P("end", "read_devmem", fd=Ref("open"), offset=where, count=8), tree),
    ]  # fmt: skip


def calls(random: Random) -> Task:
    """Calls on a page that a claim took, and on one beside it."""
    kernel = random.choice(kernels(revoking=True))
    window = Window(PC, "devmem", random.randint(1, 200))
    dead = random.randint(1, 6)
    story = (window.open(P), window.map(P, "map", 8), window.claim(dead * PAGE_SIZE, PAGE_SIZE))
    machine = before("P", KernelProfile(kernel))

    def ended(call: Item, fact: str) -> Item:
        outcome = play(machine, (*story, call.value)).outcomes["end"]
        return Item(call.says, format_ending(outcome, "works"), f"{fact}, and {call.because}")

    alive = random.choice((dead - 1, dead + 1))
    on_dead = [ended(call, f"page {dead} is claimed") for call in _calls(window, dead)]
    on_alive = [ended(call, f"page {alive} is not claimed") for call in _calls(window, alive)]
    words = sorted({item.value for item in (*on_dead, *on_alive)})

    def draw() -> list[Item]:
        drawn = random.sample([*zip(on_dead, on_alive, strict=True)], 6)
        items = [dead for dead, _ in drawn[:4]] + [alive for _, alive in drawn[4:]]
        return random.sample(items, 6)

    items = mixed(draw)
    form = '{"a": "works", "b": ...}'
    answer, judge = worded(items, words, form)
    return Task(
        f"On Linux {kernel} process P maps 8 pages of persistent memory through `/dev/mem`, and "
        f"a driver claims page {dead}. Then one of these happens:\n\n{listed(items)}\n\n"
        f"How does each end? One of: {listing(words)}.",
        form, answer, judge,
        "Ask who looks for the page: the process (a fault), the kernel in a copy, a debugger "
        "through the mapping, nobody, or a new check of the resource tree.",
        "Notebook 01 shows what a dead page does to each caller; `devmemkit lab run claims` plays "
        "it on a real kernel.",
    )  # fmt: skip


def new_mapping(random: Random) -> Task:
    """New mappings of a BAR that is claimed in part, through both files."""
    kernel = random.choice(kernels(since="4.5"))
    start, bar = PC.ivshmem_bar, 2
    low = random.choice((0, random.randint(1, 5)))
    high = low + random.randint(1, 3)
    machine = before("PQ", KernelProfile(kernel))
    story = (
        P.open_bar(PC.ivshmem, bar, "open_p"),
        Q.open_mem("open_q", dsync=True),
        D.claim(start + low * PAGE_SIZE, (high - low + 1) * PAGE_SIZE),
    )

    def draw() -> list[Item]:
        items = []
        for turn in range(6):
            pages = random.randint(1, 3)
            first = random.randint(max(0, low - 3), high + 2)
            last = first + pages - 1
            where = f"page {first}" if pages == 1 else f"pages {first} to {last}"
            if turn % 2:
                act = P.map_bar("end", "", first, pages, "open_p")
                fact = f"page 0 of the BAR is {'' if low == 0 else 'not '}claimed"
                because = f"the kernel checks only where the BAR begins, and {fact}"
            else:
                act = Q.map_mem("end", "", start + first * PAGE_SIZE, pages, "open_q")
                taken = sum(low <= page <= high for page in range(first, last + 1))
                because = f"every page is checked through /dev/mem, and {taken or 'none'} of them "
                because += "is claimed" if taken < 2 else "are claimed"
            says = f"{where} through `{f'resource{bar}' if turn % 2 else '/dev/mem'}`"
            items.append(Item(says, play(machine, (*story, act)).outcomes["end"].ok, because))
        return items

    items = mixed(draw)
    answer, judge = picked(items, '{"a", ...}')
    return Task(
        f"On Linux {kernel} a driver has claimed pages {low} to {high} of BAR {bar} of "
        f"`{PC.ivshmem}`; the other pages are idle. A process, which has opened `/dev/mem` and "
        f"`resource{bar}` of that device, maps anew:\n\n{listed(items)}\n\n"
        "Which of these calls of `mmap` succeed?",
        '{"a", ...}', answer, judge,
        "The two files ask different questions: /dev/mem asks of every page in the range whether "
        "it is claimed, the file of the BAR asks it of the BAR's first page.",
        "Page 0 of the BAR is " + (
            "idle, so every mmap of its file succeeds, of claimed pages too."
            if low else "claimed, so its file cannot be mapped at all."
        ),
    )  # fmt: skip
