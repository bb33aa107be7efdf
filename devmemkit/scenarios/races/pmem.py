"""The race of nd_pmem's three claims and a process that maps in the gaps between them."""

from __future__ import annotations

from dataclasses import replace

from devmemkit.model import flags as fl
from devmemkit.model.drivers.nvdimm import INFO_BLOCK, LEGACY, Namespace
from devmemkit.model.flags import PAGE_SIZE
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.machine import View
from devmemkit.model.resource.tree import Resource
from devmemkit.scenarios.machines import NAMESPACE, PC
from devmemkit.scenarios.play import Act, Ref
from devmemkit.scenarios.races.one_bar import node_machine, with_user
from devmemkit.scenarios.races.properties import reaches
from devmemkit.scenarios.races.scenario import Concurrent, Program, Property
from devmemkit.scenarios.stories.script import Process

PAGES = INFO_BLOCK // PAGE_SIZE + 1


def nd_pmem(kernel: KernelProfile, *, users: int = 1) -> Concurrent:
    """nd_pmem takes a namespace of 12 KiB while processes map its first page and write there.

    The repair "fault" closes the race of an mmap and a claim, unless the kernel has another repair,
    so that a finding is due to the gaps between the claims.
    """
    kernel = replace(kernel, repair=kernel.repair or "fault")
    end = PC.pmem + PAGES * PAGE_SIZE - 1
    node = Resource(PC.pmem, end, LEGACY, fl.IORESOURCE_MEM, fl.IORES_DESC_PERSISTENT_MEMORY_LEGACY)
    machine = node_machine(kernel, node, ("nd", NAMESPACE), Namespace(NAMESPACE, PC.pmem, end))
    programs: dict[str, Program] = {}
    for number in range(users):
        pid = f"U{number}"
        machine, fd = with_user(machine, pid, "devmem")
        me = Process(pid)
        mmap = me("map", "mmap_devmem", fd=fd, offset=PC.pmem, length=PAGE_SIZE)
        programs[pid] = Program((mmap, me("store", "store", address=Ref("map"), value=1, size=1)))
    processes = tuple(programs)
    bind = Act("bind", "D0", "bind", {"bdf": NAMESPACE, "driver": "nd_pmem"})
    programs["D0"] = Program((bind,), keep=("bind",))

    def reached(m: View) -> bool:
        return any(reaches(m, pid, programs[pid], PC.pmem, PAGE_SIZE) for pid in processes)

    def looked_at(m: View) -> bool:
        """Whether the driver is behind its first look at the info block."""
        frames = [dict(frame) for frame in m.get(("stack", "D0"), ())]
        return any(f["operation"] == "nd_pmem_probe" and f["at"] > 1 for f in frames)

    def bound(m: View) -> bool:
        return m["nd", NAMESPACE].driver is not None

    asked = (
        Property("always", "nobody reaches the info block once the driver has looked at it",
                 lambda m: not (looked_at(m) and reached(m))),
        Property("always", "nobody reaches a namespace that is bound",
                 lambda m: not (bound(m) and reached(m))),
        Property("sometimes", "the driver is bound", bound),
    )  # fmt: skip
    return Concurrent("nd-pmem", machine, programs, asked, (processes,))
