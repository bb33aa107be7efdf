"""Small machines for the model's tests: a tree with RAM, an idle pmem range and one PCI device."""

from __future__ import annotations

from typing import Any

import devmemkit.model.operations  # noqa: F401 - registers every operation
from devmemkit.model import flags as fl
from devmemkit.model.drivers.nvdimm import namespaces
from devmemkit.model.errors import Blocked, Outcome
from devmemkit.model.kernel import Config, KernelProfile
from devmemkit.model.machine import Key, Machine
from devmemkit.model.pci.device import Bar, PciDevice
from devmemkit.model.process.task import Task, new_task
from devmemkit.model.resource.tree import Resource
from devmemkit.model.step import OPERATIONS, finished, run, start, take_step

ALL = ("5.10", "6.1", "6.12", "7.3")
"""The kernels that were measured for what all kernels do."""

PAGE = fl.PAGE_SIZE
RAM = fl.IORESOURCE_SYSTEM_RAM | fl.IORESOURCE_BUSY
MEM = fl.IORESOURCE_MEM
BUSY = fl.IORESOURCE_MEM | fl.IORESOURCE_BUSY
PMEM = 0x4000_0000
"""Start of the idle pmem range, 256 pages, below high_memory."""
HIGH = 0x6000_0000
"""high_memory."""
BDF = "0000:00:03.0"
BAR0 = 0xE000_0000
"""BAR 0: 64 pages of memory, idle."""
BAR2 = 0xE010_0000
"""BAR 2: 4 pages, prefetchable."""
PORTS = 0xC000
"""BAR 4: 32 I/O ports."""
PREFETCH = MEM | fl.IORESOURCE_PREFETCH


def node(
    start: int, end: int, name: str, flags: int = MEM, *below: Resource, desc: int = 0
) -> Resource:
    """A resource with its subtree."""
    made = Resource(start, end, name, flags, desc)
    for child in below:
        child.parent = made
        made.children.append(child)
    return made


def iomem(*more: Resource) -> Resource:
    """The machine's tree; `more` are further top-level nodes above 4 GiB or in the low hole."""
    top = [
        node(0x1000, 0x9_EFFF, "System RAM", RAM),
        node(0xF_0000, 0xF_FFFF, "System ROM", BUSY),
        node(0x10_0000, 0x3FFF_FFFF, "System RAM", RAM, node(0x100_0000, 0x1FF_FFFF, "code", RAM)),
        node(PMEM, PMEM + 256 * PAGE - 1, "Persistent Memory (legacy)", desc=5),
        node(0x5000_0000, HIGH - 1, "System RAM", RAM),
        node(
            0xE000_0000,
            0xEFFF_FFFF,
            "PCI Bus 0000:00",
            MEM,
            node(BAR0, BAR0 + 64 * PAGE - 1, BDF),
            node(BAR2, BAR2 + 4 * PAGE - 1, BDF, PREFETCH),
        ),
        *more,
    ]
    return node(0, (1 << 40) - 1, "PCI mem", MEM, *sorted(top, key=lambda r: r.start))


def machine(
    version: str = "6.12",
    *pids: str,
    policy: str | None = None,
    repair: str = "",
    cmdline: str = "",
    config: Config | None = None,
    tree: Resource | None = None,
    fine: bool = False,
    inode: bool = True,
    task: Task | None = None,
) -> Machine:
    """A machine with processes `pids` ("p" alone when none is named)."""
    kernel = KernelProfile(version, config or Config(), cmdline, policy, repair)
    ports = node(
        0, 0xFFFF, "PCI IO", fl.IORESOURCE_IO, node(PORTS, PORTS + 31, BDF, fl.IORESOURCE_IO)
    )
    bars = (
        Bar(0, BAR0, BAR0 + 64 * PAGE - 1, MEM),
        Bar(2, BAR2, BAR2 + 4 * PAGE - 1, PREFETCH),
        Bar(4, PORTS, PORTS + 31, fl.IORESOURCE_IO),
    )
    parts: dict[Key, Any] = {
        "iomem": tree or iomem(),
        "ioport": ports,
        "clock": 0,
        "iomem_inode": inode or None,
        ("pci", BDF): PciDevice(BDF, bars),
    }
    parts.update({("nd", space.name): space for space in namespaces(parts["iomem"])})
    for pid in pids or ("p",):
        parts.update(new_task(pid, task))
    return Machine(
        kernel,
        {key: part for key, part in parts.items() if part is not None},
        high_memory=HIGH,
        fine=fine,
    )


def with_pid(name: str, actor: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments, with the actor as process where the operation has one."""
    return {"pid": actor, **arguments} if "pid" in OPERATIONS[name].needs else arguments


def do(m: Machine, name: str, actor: str = "p", /, **arguments: Any) -> tuple[Machine, Outcome]:
    """Run one operation; `pid` is the actor's unless given."""
    after, outcome, _ = run(m, actor, name, **with_pid(name, actor, arguments))
    return after, outcome


def ok(m: Machine, name: str, actor: str = "p", /, **arguments: Any) -> tuple[Machine, Any]:
    """Run one operation that must succeed; the machine and the value."""
    after, outcome = do(m, name, actor, **arguments)
    assert outcome.ok, f"{name}: {outcome} ({outcome.why})"
    return after, outcome.value


def claim_(m: Machine, begin: int, size: int, **more: Any) -> Machine:
    """A driver's successful request_mem_region."""
    return ok(m, "request_mem_region", "driver", start=begin, size=size, **more)[0]


def mapped(
    m: Machine, offset: int, pages: int, actor: str = "p", *, dsync: bool = True, **more: Any
) -> tuple[Machine, int]:
    """Open /dev/mem and map `pages` from `offset`; the machine and the address."""
    m, fd = ok(m, "open_devmem", actor, dsync=dsync)
    return ok(m, "mmap_devmem", actor, fd=fd, offset=offset, length=pages * PAGE, **more)


def bar_mapped(m: Machine, bar: int, pages: int, actor: str = "p", **more: Any) -> Any:
    """Open resourceN and map its first `pages`; the machine and the address."""
    m, fd = ok(m, "open_resource", actor, bdf=BDF, bar=bar)
    return ok(m, "mmap_resource", actor, fd=fd, length=pages * PAGE, **more)


def live(m: Machine, address: int, pages: int, actor: str = "p") -> list[bool]:
    """For each page of a mapping, whether a load works; the others are SIGBUS/BUS_ADRERR there."""
    found = []
    for page in range(pages):
        at = address + page * PAGE
        outcome = do(m, "load", actor, address=at)[1]
        if not outcome.ok:
            assert (outcome.signal, outcome.si_code) == ("SIGBUS", "BUS_ADRERR"), outcome
            assert outcome.si_addr == at
        found.append(outcome.ok)
    return found


def begin(m: Machine, actor: str, name: str, /, **arguments: Any) -> Machine:
    """The actor at the first step of an operation."""
    return start(m, actor, name, **with_pid(name, actor, arguments))


def step_to(m: Machine, actor: str, name: str) -> Machine:
    """Take the actor's steps until one called `name` has been taken."""
    for _ in range(10_000):
        m, event = take_step(m, actor)
        if event.step == name:
            return m
    raise AssertionError(f"{actor} never took {name}")


def finish(m: Machine, actor: str) -> tuple[Machine, Outcome]:
    """Take the actor's remaining steps."""
    while not finished(m, actor):
        m, _ = take_step(m, actor)
    return m, m["outcome", actor]


def blocked(m: Machine, actor: str) -> str | None:
    """What the actor's next step waits for; None when it can run."""
    before = m.value()
    try:
        take_step(m, actor)
    except Blocked as waits:
        assert m.value() == before
        return waits.on
    return None


def interleavings(m: Machine, *actors: str) -> list[Machine]:
    """The final machines of every interleaving of what the actors have begun."""
    seen, ends, todo = set[Machine](), list[Machine](), [m]
    while todo:
        m = todo.pop()
        if m in seen:
            continue
        seen.add(m)
        running = [actor for actor in actors if not finished(m, actor)]
        able = [actor for actor in running if blocked(m, actor) is None]
        assert able or not running, "deadlock"
        todo += [take_step(m, actor)[0] for actor in able]
        if not running:
            ends.append(m)
    return ends


def node_at(m: Machine, begin: int, size: int, tree: str = "iomem") -> Resource:
    """The innermost node of exactly this range."""
    found: list[Resource] = [
        r for r in m[tree].walk() if (r.start, r.end) == (begin, begin + size - 1)
    ]
    return found[-1]
