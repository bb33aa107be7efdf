"""Claims in every order against mmaps in the making, and against other claims and releases."""

from __future__ import annotations

from itertools import pairwise

from devmemkit.model import access, claim, devmem, mm, pcisysfs  # noqa: F401 - register them
from devmemkit.model import flags as fl
from devmemkit.model.flags import PAGE_SHIFT, PAGE_SIZE
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.machine import Key, Machine, View
from devmemkit.model.pci import Bar, PciDevice
from devmemkit.model.resource import Resource
from devmemkit.model.step import run
from devmemkit.model.task import new_task
from devmemkit.scenarios.concurrent import Concurrent, Property
from devmemkit.scenarios.program import Program, act_at, held
from devmemkit.scenarios.story import Act, Ref

BDF, BAR, START = "0000:00:05.0", 2, 0xF800_0000
"""A device without a driver of its own, and the BAR that is mapped and claimed."""
PAGES = 2
"""Pages of the BAR; each is a step of its own where the kernel goes page by page."""
VIAS = ("devmem", "sysfs")
"""Through which file processes map."""


def bar_machine(kernel: KernelProfile, pages: int = PAGES) -> Machine:
    """The smallest machine with a BAR: an idle node in the tree, and its device."""
    root = Resource(0, (1 << 40) - 1, "PCI mem", fl.IORESOURCE_MEM)
    end = START + pages * PAGE_SIZE - 1
    node = Resource(START, end, BDF, fl.IORESOURCE_MEM)
    node.parent = root
    root.children.append(node)
    bar = Bar(BAR, START, end, fl.IORESOURCE_MEM)
    parts: dict[Key, object] = {
        "iomem": root,
        "iomem_inode": True,
        "clock": 0,
        ("pci", BDF): PciDevice(BDF, (bar,)),
    }
    return Machine(kernel, parts, fine=True)


def with_user(machine: Machine, pid: str, via: str) -> tuple[Machine, int]:
    """A process that has opened the file; the machine and the descriptor."""
    machine = machine.with_({(kind, pid): part for kind, part in new_task().items()})
    if via == "devmem":
        machine, opened, _ = run(machine, pid, "open_devmem", pid=pid, dsync=True)
    else:
        machine, opened, _ = run(machine, pid, "open_resource", pid=pid, bdf=BDF, bar=BAR)
    return machine.with_({("outcome", pid): None}), opened.value


def maps(
    pid: str, fd: int, via: str, rounds: int, pages: int = PAGES, *, touch: bool = False
) -> Program:
    """A process that maps the BAR and unmaps it again, so many times; between them it may touch."""
    acts: list[Act] = []
    for turn in range(rounds):
        where = {"pid": pid, "fd": fd, "length": pages * PAGE_SIZE}
        where["offset"] = START if via == "devmem" else 0
        key = f"map{turn}"
        acts.append(Act(key, pid, "mmap_devmem" if via == "devmem" else "mmap_resource", where))
        if touch:
            at = {"pid": pid, "address": Ref(key), "size": 1}
            acts.append(Act(f"load{turn}", pid, "load", at))
        gone = {"pid": pid, "address": Ref(key), "length": pages * PAGE_SIZE}
        acts.append(Act(f"munmap{turn}", pid, "munmap", gone))
    return Program(tuple(acts))


def claims(task: str, rounds: int, pages: int = PAGES) -> Program:
    """A driver that claims the first `pages` of the BAR and releases them, so many times."""
    where = {"start": START, "size": pages * PAGE_SIZE}
    acts: list[Act] = []
    for turn in range(rounds):
        acts.append(Act(f"claim{turn}", task, "request_mem_region", where))
        acts.append(Act(f"release{turn}", task, "release_mem_region", where, needs=f"claim{turn}"))
    return Program(tuple(acts))


def reaches(m: View, pid: str, program: Program, start: int, size: int) -> bool:
    """Whether a process can touch one of these bytes: it has a PTE, and is not in the mmap."""
    if act_at(m, pid, program).startswith("mmap_"):
        return False
    first, last = start >> PAGE_SHIFT, (start + size - 1) >> PAGE_SHIFT
    runs = m["pagetable", pid].runs
    return any(pfn <= last and pfn + high - low >= first for low, high, pfn in runs)


def properties(
    programs: dict[str, Program], processes: tuple[str, ...], claimers: tuple[str, ...]
) -> tuple[Property, ...]:
    """What is asked of every order of claims: of the drivers, of the processes, of the tree."""

    def owned(m: View) -> list[tuple[int, int]]:
        acts = [act for task in claimers for act in held(m, task, programs[task])]
        return [(act.arguments["start"], act.arguments["size"]) for act in acts]

    def nobody_reaches(m: View) -> bool:
        places = owned(m)
        return not any(reaches(m, u, programs[u], *place) for place in places for u in processes)

    def no_two_own(m: View) -> bool:
        places = sorted(owned(m))
        return all(a + size <= b for (a, size), (b, _) in pairwise(places))

    def somebody_maps(m: View) -> bool:
        return any(reaches(m, u, programs[u], START, PAGE_SIZE) for u in processes)

    return (
        Property("always", "nobody reaches what a driver has claimed", nobody_reaches),
        Property("always", "no two drivers have claimed one byte", no_two_own),
        Property("always", "the tree is sound", lambda m: is_sound(m["iomem"])),
        Property("sometimes", "a claim has succeeded", lambda m: bool(owned(m))),
        Property("sometimes", "a page is mapped", somebody_maps),
    )


def is_sound(node: Resource) -> bool:
    """Whether siblings are sorted and disjoint, children inside their parent, all the way down."""
    below = node.children
    return (
        all(node.start <= child.start <= child.end <= node.end for child in below)
        and all(a.end < b.start for a, b in pairwise(below))
        and all(child.parent is node and is_sound(child) for child in below)
    )


def mmap_vs_claim(
    kernel: KernelProfile,
    *,
    via: str = "devmem",
    users: int = 1,
    drivers: int = 1,
    rounds: int = 1,
    pages: int = PAGES,
    claimed: int = PAGES,
) -> Concurrent:
    """Processes map the BAR while drivers claim its first `claimed` pages.

    ValueError for a way to map that is not known.
    """
    if via not in VIAS:
        raise ValueError(f"via: expected one of {', '.join(VIAS)}; got {via!r}")
    machine = bar_machine(kernel, pages)
    programs: dict[str, Program] = {}
    processes = tuple(f"U{number}" for number in range(users))
    for pid in processes:
        machine, fd = with_user(machine, pid, via)
        programs[pid] = maps(pid, fd, via, rounds, pages, touch=kernel.repair == "fault")
    claimers = tuple(f"C{number}" for number in range(drivers))
    programs |= {task: claims(task, rounds, claimed) for task in claimers}
    asked = properties(programs, processes, claimers)
    return Concurrent("mmap-vs-claim", machine, programs, asked, (processes, claimers))


def claim_vs_release(
    kernel: KernelProfile, *, via: str = "devmem", drivers: int = 2, rogue: bool = True
) -> Concurrent:
    """Drivers claim one region, which a process has mapped; a `rogue` releases it unasked.

    The kernel does not ask who releases. ValueError for a way to map that is not known.
    """
    made = mmap_vs_claim(kernel, via=via, drivers=drivers)
    (user,), claimers = made.alike
    first = made.programs[user].acts[0]
    fixed = {name: value for name, value in first.arguments.items() if name != "pid"}
    machine, _, _ = run(made.machine, user, first.operation, pid=user, **fixed)
    programs = made.programs | {user: Program(())}
    if rogue:
        (claim, _) = programs[claimers[0]].acts
        unasked = Act("unasked", "R0", "release_mem_region", claim.arguments)
        programs["R0"] = Program((unasked,))
    asked = properties(programs, (user,), claimers)
    machine = machine.with_({("outcome", user): None})
    return Concurrent("claim-vs-release", machine, programs, asked, (claimers,))
