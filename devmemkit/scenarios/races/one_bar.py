"""The smallest machine, with one BAR, and programs that map or claim the BAR."""

from __future__ import annotations

from devmemkit.model import flags as fl
from devmemkit.model.flags import PAGE_SIZE
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.machine import Key, Machine
from devmemkit.model.pci.device import Bar, PciDevice
from devmemkit.model.process.task import new_task
from devmemkit.model.resource.tree import Resource, request_resource_conflict
from devmemkit.model.step import run
from devmemkit.scenarios.machines import check_via
from devmemkit.scenarios.play import Act, Ref
from devmemkit.scenarios.races.scenario import Program
from devmemkit.scenarios.stories.script import Process

BDF, BAR, START = "0000:00:05.0", 2, 0xF800_0000
"""A device without a driver of its own, and the BAR that is mapped and claimed."""
PAGES = 2
"""Pages of the BAR; a step of its own each, where the kernel goes page by page."""


def bar_machine(kernel: KernelProfile, pages: int = PAGES) -> Machine:
    """The smallest machine with a BAR: an idle node in the tree, and its device."""
    end = START + pages * PAGE_SIZE - 1
    device = PciDevice(BDF, (Bar(BAR, START, end, fl.IORESOURCE_MEM),))
    return node_machine(kernel, Resource(START, end, BDF, fl.IORESOURCE_MEM), ("pci", BDF), device)


def node_machine(
    kernel: KernelProfile, node: Resource, key: Key, owner: object, *, high_memory: int = 0
) -> Machine:
    """A machine whose tree holds one idle node, and the device or namespace that owns the node."""
    root = Resource(0, (1 << 40) - 1, "PCI mem", fl.IORESOURCE_MEM)
    request_resource_conflict(root, node)
    parts: dict[Key, object] = {"iomem": root, "iomem_inode": True, "clock": 0, key: owner}
    return Machine(kernel, parts, high_memory=high_memory, fine=True)


def with_user(machine: Machine, pid: str, via: str) -> tuple[Machine, int]:
    """Add a process with the file open; give its descriptor; ValueError for an unknown `via`."""
    check_via(via)
    machine = machine.with_(new_task(pid))
    if via == "devmem":
        machine, opened, _ = run(machine, pid, "open_devmem", pid=pid, dsync=True)
    else:
        machine, opened, _ = run(machine, pid, "open_resource", pid=pid, bdf=BDF, bar=BAR)
    return machine.with_({("outcome", pid): None}), opened.value


def maps(
    pid: str, fd: int, via: str, rounds: int, pages: int = PAGES, *, first: int = 0,
    touch: bool = False,
) -> Program:  # fmt: skip
    """A process that maps `pages` from `first` on, may `touch` them, and unmaps, `rounds` times."""
    me, acts = Process(pid), list[Act]()
    mmap, start = ("mmap_devmem", START) if via == "devmem" else ("mmap_resource", 0)
    where = {"fd": fd, "length": pages * PAGE_SIZE, "offset": start + first * PAGE_SIZE}
    for turn in range(rounds):
        mapped = Ref(f"map{turn}")
        acts.append(me(mapped.key, mmap, "maps it", **where))
        if touch:
            acts.append(me(f"load{turn}", "load", address=mapped, size=1))
        acts.append(me(f"munmap{turn}", "munmap", address=mapped, length=where["length"]))
    return Program(tuple(acts))


def claims(task: str, rounds: int, pages: int = PAGES) -> Program:
    """A driver that claims and releases the first `pages` of the BAR `rounds` times."""
    where = {"start": START, "size": pages * PAGE_SIZE}
    acts: list[Act] = []
    for turn in range(rounds):
        acts.append(Act(f"claim{turn}", task, "request_mem_region", where))
        acts.append(Act(f"release{turn}", task, "release_mem_region", where, needs=f"claim{turn}"))
    return Program(tuple(acts))
