"""Races while booting: claims before the iomem inode, and resource files made twice."""

from __future__ import annotations

from dataclasses import replace

from devmemkit.model import flags as fl
from devmemkit.model.boot import INITCALLS
from devmemkit.model.flags import PAGE_SIZE
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.machine import Key, Machine, View
from devmemkit.model.pci.device import Bar, PciDevice
from devmemkit.model.process.task import new_task
from devmemkit.scenarios.play import Act
from devmemkit.scenarios.races.one_bar import PAGES, START, bar_machine, claims
from devmemkit.scenarios.races.properties import no_bug, properties
from devmemkit.scenarios.races.scenario import Concurrent, Program, Property
from devmemkit.scenarios.stories.script import Process

TWICE = "no resource file is made twice"
WHOLE = "every device has all its files"
A_FILE = "a device has a file"

FS = tuple(name for name, level in INITCALLS.items() if level == "fs")
"""In the kernel's order: the initcall that makes the inode, then that of /dev/mem."""


def _initcalls(*names: str) -> Program:
    return Program(tuple(Act(name, "init", name) for name in names))


def before_boot(kernel: KernelProfile) -> Machine:
    """The machine with neither inode nor /dev/mem, and process U0."""
    return bar_machine(kernel).with_({"iomem_inode": False, "dev_mem": False, **new_task("U0")})


def maps_early(*first: Act) -> Program:
    """After the acts `first`, U0 opens /dev/mem and maps the BAR."""
    me = Process("U0")
    acts = me.open_mem(dsync=True), me.map_mem("map", "maps it", START, PAGES)
    return Program((*first, *acts), keep=("open",))


def early_claim(
    kernel: KernelProfile, *, drivers: int = 1, initcalls: tuple[str, ...] = FS
) -> Concurrent:
    """Drivers claim at any time of the boot; a process maps as soon as /dev/mem exists.

    The repair "recheck" closes the race of an mmap and a claim, unless the kernel has another
    repair, so that a finding is due to the order of `initcalls`.
    """
    kernel = replace(kernel, repair=kernel.repair or "recheck")
    claimers = tuple(f"C{number}" for number in range(drivers))
    programs = {"init": _initcalls(*initcalls), "U0": maps_early()}
    programs |= {task: claims(task, 1) for task in claimers}
    asked = (no_bug(programs), *properties(programs, ("U0",), claimers))
    return Concurrent("early-claim", before_boot(kernel), programs, asked, (claimers,))


def device(bdf: str, start: int, *indices: int) -> PciDevice:
    """A device with BARs of one page each, one after the other."""
    starts = zip(indices, range(start, start + PAGE_SIZE * len(indices), PAGE_SIZE), strict=True)
    bars = (Bar(index, at, at + PAGE_SIZE - 1, fl.IORESOURCE_MEM) for index, at in starts)
    return PciDevice(bdf, tuple(bars))


def adds(task: str, bdf: str) -> Act:
    """The driver of a host bridge adds a device."""
    return Act("add", task, "pci_add_device", {"bdf": bdf})


def attribute_creation(kernel: KernelProfile, *, buses: int = 1) -> Concurrent:
    """Each host bridge adds a device while the last initcalls run."""
    devices = tuple(f"0000:{number:02x}:00.0" for number in range(buses))
    parts: dict[Key, object] = {"iomem_inode": False}
    programs = {"init": _initcalls("iomem_init_inode", "pci_sysfs_init")}
    for number, bdf in enumerate(devices):
        parts["pci", bdf] = device(bdf, START + (number << 20), 0, 2)
        task = f"B{number}"
        programs[task] = Program((adds(task, bdf),), keep=("add",))
    twice, whole = file_properties(dict.fromkeys(devices, 2))
    made = Property("sometimes", A_FILE, lambda m: any(m.get(("sysfs", bdf)) for bdf in devices))
    asked = (twice, no_bug(programs), whole, made)
    return Concurrent("attribute-creation", Machine(kernel, parts), programs, asked)


def file_properties(files: dict[str, int]) -> tuple[Property, Property]:
    """The properties of the resource files of devices; `files` is their number by device."""

    def whole(m: View) -> bool:
        return all(len(m.get(("sysfs", bdf), ())) == count for bdf, count in files.items())

    return (
        Property("always", TWICE, lambda m: not any(m.get(("duplicate", bdf)) for bdf in files)),
        Property("at end", WHOLE, whole),
    )
