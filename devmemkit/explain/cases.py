"""The machines that a description may mean: one model state for every case of what is unknown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from devmemkit.explain.access import ACTOR
from devmemkit.explain.description import Description, Device
from devmemkit.explain.facts import candidates, config_of, parse_release
from devmemkit.model import flags as fl
from devmemkit.model.kernel import VERSIONS, Config, KernelProfile
from devmemkit.model.machine import Key, Machine
from devmemkit.model.pci.device import PciDevice
from devmemkit.model.process.task import Task, new_task
from devmemkit.model.resource.tree import Resource, request_resource_conflict
from devmemkit.scenarios.machines import assemble, held_of
from devmemkit.text.iomem_tree import tree_of

LEAST_BITS, MOST_BITS = 36, 52
"""Physical address widths of x86 with 64 bits."""

CONFIGS = {
    "IO_STRICT_DEVMEM=y": Config(),
    "IO_STRICT_DEVMEM=n": Config(io_strict_devmem=False),
    "STRICT_DEVMEM=n": Config(strict_devmem=False, io_strict_devmem=False),
}


@dataclass(frozen=True)
class Question:
    """One thing that is not known, and what it may be; the first is taken for the likeliest."""

    name: str
    answers: tuple[tuple[str, Any], ...]


Case = Mapping[str, Any]
"""An answer for each question, by name."""


class Machines:
    """The model's machines for a description; `questions` is what it leaves open."""

    def __init__(self, known: Description) -> None:
        self.known = known
        self.questions = tuple(_questions(known))
        self._bases: dict[tuple[int, bool], Machine] = {}

    def cases(self) -> Iterator[tuple[tuple[str, ...], Case]]:
        """Every combination: what it assumes, in words, and its answers; the likeliest first."""
        names = [question.name for question in self.questions]
        for picks in product(*(question.answers for question in self.questions)):
            yield tuple(w for w, _ in picks), dict(zip(names, (v for _, v in picks), strict=True))

    def machine(self, case: Case) -> Machine:
        """The machine of one case, with process P that asks."""
        known = self.known
        config = config_of(dict(known.config)) if known.config else case.get("config", Config())
        version = case.get("kernel") or candidates(parse_release(known.release or ""))[0]
        where = known.phys_bits or case["bits"], case.get("held", True)
        if where not in self._bases:
            self._bases[where] = self._base(*where, KernelProfile(version))
        cmdline = " ".join(_cmdline(known, case))
        return with_kernel(self._bases[where], version=version, config=config, cmdline=cmdline)

    def _base(self, bits: int, held: bool, kernel: KernelProfile) -> Machine:
        """All but the kernel, which differs from case to case and changes nothing of it."""
        known = self.known
        end = (1 << bits) - 1
        if known.iomem is not None:
            tree = tree_of(known.iomem, root_end=end)
        else:
            root = Resource(0, end, "PCI mem", fl.IORESOURCE_MEM)
            tree = _tree_of_bars(known.devices.values(), root, held)
        devices = known.devices.values()
        if known.ioports is not None:
            ports = tree_of(known.ioports, root_end=0xFFFF, ports=True)
        else:
            ports = _tree_of_bars(devices, Resource(0, 0xFFFF, "PCI IO", fl.IORESOURCE_IO), held)
        more: dict[Key, Any] = {"ioport": ports}
        for one in devices:
            held_bars = held_of(one.bars, tree, ports) if one.driver else ()
            more["pci", one.bdf] = PciDevice(one.bdf, one.bars, one.driver, held_bars)
        if known.mtrr_uc:
            more["mtrr_uc"] = known.mtrr_uc
        for name in ("dev_mem", "dev_port"):
            if getattr(known, name) is not None:
                more[name] = getattr(known, name)
        able = frozenset({"SYS_ADMIN", "SYS_RAWIO"} if known.capable else ())
        task = Task(root=known.root, capabilities=able)
        more |= new_task(ACTOR, task)
        return assemble(kernel, tree, bits, more)


def with_kernel(machine: Machine, **changes: Any) -> Machine:
    """The machine under another kernel: `changes` are those of its KernelProfile."""
    return machine.with_kernel(replace(machine.kernel, **changes))


def needed_bits(known: Description) -> int:
    """Bits that the description's highest address takes."""
    ends = [entry.end for entry in known.iomem.entries] if known.iomem else []
    ends += [bar.end for device in known.devices.values() for bar in device.bars]
    return max((end.bit_length() for end in ends), default=0)


def _questions(known: Description) -> Iterator[Question]:
    if known.release is None:
        newest = tuple(reversed(VERSIONS))
        yield Question("kernel", tuple((f"Linux {version}", version) for version in newest))
    elif len(near := candidates(parse_release(known.release))) > 1:
        rules = tuple((f"Linux {known.release} follows the rules of {v}", v) for v in near)
        yield Question("kernel", rules)
    if known.lockdown is None and _may_be_locked(known):
        yield Question(
            "lockdown",
            (("no lockdown is in force", ""), ("lockdown is in force", "lockdown=integrity")),
        )
    if known.cmdline is None:
        yield Question(
            "relaxed",
            (("iomem=relaxed was not given", ""), ("iomem=relaxed was given", "iomem=relaxed")),
        )
    if known.config is None:
        yield Question(
            "config", tuple((f"the kernel has {name}", one) for name, one in CONFIGS.items())
        )
    if known.phys_bits is None:
        least = max(LEAST_BITS, needed_bits(known))
        widths = dict.fromkeys((MOST_BITS, least) if least < MOST_BITS else (least,))
        yield Question(
            "bits", tuple((f"physical addresses have {bits} bits", bits) for bits in widths)
        )
    if known.iomem is None and any(device.driver for device in known.devices.values()):
        yield Question(
            "held",
            (("drivers claimed their BARs", True), ("drivers claimed no BAR", False)),
        )


def _may_be_locked(known: Description) -> bool:
    """Whether lockdown would change a kernel that is meant: it knows it, and has not got it yet."""
    cmdline = known.cmdline or ""
    versions = VERSIONS if known.release is None else candidates(parse_release(known.release))
    return any(
        KernelProfile(version, cmdline=f"{cmdline} lockdown=integrity").lockdown
        and not KernelProfile(version, cmdline=cmdline).lockdown
        for version in versions
    )


def _cmdline(known: Description, case: Case) -> Iterable[str]:
    """The command line that makes the model's kernel what this one is.

    Secure Boot turns lockdown on without a word there, and where securityfs says "none" a word
    there did nothing.
    """
    words = (known.cmdline or "").split()
    if known.lockdown is not None:
        words = [word for word in words if not word.startswith("lockdown=")]
    yield from words
    if known.lockdown in ("integrity", "confidentiality"):
        yield f"lockdown={known.lockdown}"
    yield from (case[name] for name in ("lockdown", "relaxed") if case.get(name))


def _tree_of_bars(devices: Iterable[Device], root: Resource, held: bool) -> Resource:
    """A tree of nothing but BARs, each claimed by its device's driver, for want of a dump."""
    kind = root.flags
    bars = [(bar, one) for one in devices for bar in one.bars if bar.length and bar.flags & kind]
    for bar, device in sorted(bars, key=lambda pair: pair[0].start):
        node = Resource(bar.start, bar.end, device.bdf, kind)
        if request_resource_conflict(root, node) is None and held and device.driver:
            driver = Resource(bar.start, bar.end, device.driver, kind | fl.IORESOURCE_BUSY)
            request_resource_conflict(node, driver)
    return root
