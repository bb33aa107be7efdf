"""The machines that fit a description: one model state for each case of the unknown facts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from devmemkit.explain.access import Access
from devmemkit.explain.calls import ACTOR
from devmemkit.explain.description import Description
from devmemkit.explain.hardware import HARDWARE
from devmemkit.explain.owner import concerned, near
from devmemkit.model import flags as fl
from devmemkit.model.features import VERSIONS
from devmemkit.model.kernel import Config, KernelProfile
from devmemkit.model.machine import Key, Machine
from devmemkit.model.pci.device import PciDevice
from devmemkit.model.process.task import Task, new_task
from devmemkit.model.resource.strict import LOW_MEGABYTE
from devmemkit.model.resource.tree import Resource, request_resource_conflict
from devmemkit.scenarios.machines import assemble, held_of
from devmemkit.text.iomem import uncollected
from devmemkit.text.iomem_tree import flags_and_desc
from devmemkit.text.lspci import Device
from devmemkit.text.release import kernels_of, lacks_strict_devmem
from devmemkit.text.system_files import told_of

MAP_RAM_ALONE = ("riscv",)
"""Architectures without rules of their own where read(2) and write(2) fault at all but RAM.

They have neither an xlate_dev_mem_ptr nor a valid_phys_addr_range (arch/riscv/include/asm/io.h).
"""

LOWMEM = 896 << 20
"""The most RAM that i386 maps directly, unless VMSPLIT or vmalloc= changes that."""

CONFIGS = {
    "IO_STRICT_DEVMEM=y": Config(),
    "IO_STRICT_DEVMEM=n": Config(io_strict_devmem=False),
    "STRICT_DEVMEM=n": Config(strict_devmem=False, io_strict_devmem=False),
}


@dataclass(frozen=True)
class Question:
    """An unknown fact: `what` it is, and its possible answers in words, the likeliest first."""

    name: str
    what: str
    answers: Mapping[str, Any]


Case = Mapping[str, Any]
"""The value of one answer to each question, by the question's name."""


class Machines:
    """The model's machines that fit a description; `questions` are the facts it leaves open.

    Facts that matter only to few accesses are asked only if `access` is one of them.
    """

    def __init__(self, known: Description, access: Access | None = None) -> None:
        self.known, self.access = known, access
        self.questions = (*_questions(known), *(_asked_by(known, access) if access else ()))
        self._bases: dict[tuple[int, bool, bool | None], Machine] = {}

    def cases(self) -> Iterator[tuple[tuple[str, ...], Case]]:
        """Each combination of answers, in words and by question; the likeliest first."""
        for words in product(*(question.answers for question in self.questions)):
            picked = zip(self.questions, words, strict=True)
            yield words, {question.name: question.answers[word] for question, word in picked}

    def machine(self, case: Case) -> Machine:
        """The machine of one case, with process P."""
        known = self.known
        config: Config = case.get("config") or next(iter(_configs(known).values()))
        kernel: KernelProfile = case.get("kernel") or next(iter(_kernels(known).values()))
        asked = ((name, case.get(name)) for name in ("low_megabyte", "copy_reach"))
        features = (*kernel.features, *(one for one in asked if one[1]))
        kernel = replace(kernel, arch=known.rules, page_shift=known.page_shift, features=features)
        where = known.phys_bits or case["bits"], case.get("held", True), case.get("reach")
        if where not in self._bases:
            self._bases[where] = self._base(*where, kernel)
        cmdline = " ".join(_cmdline(known, case))
        machine = self._bases[where].with_kernel(replace(kernel, config=config, cmdline=cmdline))
        if case.get("prefetch") and self.access is not None:
            machine = with_bar(machine, self.access, fl.IORESOURCE_MEM | fl.IORESOURCE_PREFETCH)
        return machine.with_({("mount", "/dev"): case["dev"]}) if "dev" in case else machine

    @uncollected()
    def _base(self, bits: int, held: bool, reach: bool | None, kernel: KernelProfile) -> Machine:
        """The machine that cases with different kernels share."""
        known, access = self.known, self.access
        devices = concerned(known, access) if access else [*known.found.values()]

        def tree(shared: Resource | None, end: int, ports: bool) -> Resource:
            """A copy of a dump's tree, or one of the BARs in its place, around the access."""
            whole = shared or _tree_of_bars(known.found.values(), end, ports, held)
            copy = near(whole, access, devices, ports=ports) if access else deepcopy(whole)
            copy.end = end
            return copy

        iomem = tree(known.memory, (1 << bits) - 1, False)
        ports = tree(known.ports, 0xFFFF, True)
        more: dict[Key, Any] = {"ioport": ports}
        for one in devices:
            held_bars = held_of(one.bars, iomem, ports) if one.driver != "" else ()
            driver = one.driver or (one.claimant if held_bars else None)
            more["pci", one.bdf] = PciDevice(one.bdf, one.bars, driver, held_bars)
        facts = {name: getattr(known, name) for name in ("mtrr_uc", "dev_mem", "dev_port")}
        more |= {name: value for name, value in facts.items() if value not in ((), None)}
        more |= {("mount", path): options for path, options in (known.mounts or {}).items()}
        able = frozenset({"SYS_ADMIN", "SYS_RAWIO"} if known.capable is not False else ())
        more |= {("mode", path): mode for path, mode in known.modes.items()}
        task = Task(root=known.root is not False, capabilities=able, group=known.group is True)
        more |= new_task(ACTOR, task)
        machine = assemble(kernel, iomem, bits, more)
        high = machine.high_memory if reach is None else reach << bits
        high = min(high, LOWMEM) if known.architecture == "i386" else high
        return Machine(kernel, machine.components, high_memory=high, phys_bits=bits)


def with_kernel(machine: Machine, **changes: Any) -> Machine:
    """The machine with fields of its KernelProfile changed."""
    return machine.with_kernel(replace(machine.kernel, **changes))


def with_bar(machine: Machine, access: Access, flags: int) -> Machine:
    """The machine with other flags of the access's BAR."""
    device: PciDevice = machine["pci", access.bdf]
    bars = (replace(b, flags=flags) if b.index == access.bar else b for b in device.bars)
    return machine.with_({("pci", access.bdf): replace(device, bars=tuple(bars))})


def _questions(known: Description) -> Iterator[Question]:
    if len(kernels := _kernels(known)) > 1:
        yield Question("kernel", "which rules the kernel follows", kernels)
    if known.lockdown is None and _may_be_locked(known):
        answers = {"no lockdown is in force": "", "lockdown is in force": "lockdown=integrity"}
        yield Question("lockdown", "whether lockdown is in force", answers)
    if known.cmdline is None:
        answers = {"iomem=relaxed was not given": "", "iomem=relaxed was given": "iomem=relaxed"}
        yield Question("relaxed", "the kernel's command line", answers)
    if len(configs := _configs(known)) > 1:
        yield Question("config", "the kernel's configuration", configs)
    if known.phys_bits is None:
        widths = dict.fromkeys(
            max(width, known.needed_bits) for width in HARDWARE[known.rules].bits
        )
        bits = {f"physical addresses have {width} bits": width for width in widths}
        yield Question("bits", "the width of physical addresses", bits)
    may_claim = (one for one in known.found.values() if one.bars and one.claims is not False)
    if known.iomem is None and any(may_claim):
        what = "what drivers claimed (there is no dump of /proc/iomem)"
        held = {"drivers claimed their BARs": True, "drivers claimed no BAR": False}
        yield Question("held", what, held)


def _configs(known: Description) -> dict[str, Config]:
    """The configurations that fit, in words, the likeliest first."""
    told = told_of(known.config or {})
    pat = told.pop("x86_pat", True)
    if told.get("devmem") is False:
        return {"the kernel has DEVMEM=n": Config(False, False, False, pat)}
    names = [*CONFIGS]
    if known.release is not None and lacks_strict_devmem(known.release):
        names.reverse()
    return {
        f"the kernel has {name}": replace(CONFIGS[name], x86_pat=pat)
        for name in names
        if all(getattr(CONFIGS[name], field) == on for field, on in told.items())
    }


def _asked_by(known: Description, access: Access) -> Iterator[Question]:
    """What only some accesses depend on."""
    if access.wc and known.assumes(access.bdf):  # a dump has no flags of BARs
        answers = {"the BAR is prefetchable": True, "the BAR is not prefetchable": False}
        yield Question("prefetch", "whether the BAR is prefetchable", answers)
    if access.via != "devmem":
        return
    rules, this = known.rules, known.this_architecture
    if rules == "other" and access.pages[0] < LOW_MEGABYTE:
        answers = {
            f"{this} has no rule of its own below 1 MiB": False,
            f"{this} has x86's rule below 1 MiB": True,
        }
        yield Question("low_megabyte", f"what {this} does below 1 MiB", answers)
    if access.maps:
        if access.exec and known.mounts is None:
            options = {
                "/dev is not mounted noexec": None,
                "/dev is mounted noexec": frozenset({"noexec"}),
            }
            yield Question("dev", "how /dev is mounted", options)
        return
    if rules == "other" and known.architecture not in MAP_RAM_ALONE:
        does = f"the kernel has RAM alone mapped for {access.op}(2)"
        reaches = {does: "mapped RAM", does.replace("RAM alone", "devices, too,"): "high_memory"}
        yield Question("copy_reach", f"what {access.op}(2) reaches on {this}", reaches)
    if rules != "arm64" and not _shows_ram(known):
        answers = {"RAM ends below the address": False, "RAM reaches beyond the address": True}
        if access.start < 1 << 32:  # most machines have more than 4 GiB
            answers = dict(reversed(answers.items()))
        yield Question("reach", "where RAM ends", answers)


def _shows_ram(known: Description) -> bool:
    entries = known.iomem.entries if known.iomem else ()
    return any(flags_and_desc(e.name, e.start)[0] & fl.IORESOURCE_SYSRAM for e in entries)


def _kernels(known: Description) -> dict[str, KernelProfile]:
    """The kernels that fit, in words; a kernel without lockdown does not fit if it is in force."""
    locked = known.lockdown in ("integrity", "confidentiality")
    if known.release is not None:
        return kernels_of(known.release, lockdown=locked, arch=known.rules)
    every = {
        f"the kernel is Linux {number}": KernelProfile(number) for number in reversed(VERSIONS)
    }
    return {words: kernel for words, kernel in every.items() if kernel["lockdown"] or not locked}


def _may_be_locked(known: Description) -> bool:
    """Whether a kernel that fits supports lockdown, and its command line does not turn it on."""
    cmdline = known.cmdline or ""
    return any(
        replace(kernel, cmdline=f"{cmdline} lockdown=integrity").lockdown
        and not replace(kernel, cmdline=cmdline).lockdown
        for kernel in _kernels(known).values()
    )


def _cmdline(known: Description, case: Case) -> Iterable[str]:
    """The command line that gives the model's kernel the state of the real one.

    A known lockdown state replaces lockdown=: Secure Boot turns lockdown on without that word, and
    if securityfs says "none" the word had no effect.
    """
    words = (known.cmdline or "").split()
    if known.lockdown is not None:
        words = [word for word in words if not word.startswith("lockdown=")]
    yield from words
    if known.lockdown in ("integrity", "confidentiality"):
        yield f"lockdown={known.lockdown}"
    yield from (case[name] for name in ("lockdown", "relaxed") if case.get(name))


def _tree_of_bars(devices: Iterable[Device], end: int, ports: bool, held: bool) -> Resource:
    """A tree of the BARs, which drivers have claimed if `held`; replaces a dump."""
    kind = fl.IORESOURCE_IO if ports else fl.IORESOURCE_MEM
    root = Resource(0, end, "PCI IO" if ports else "PCI mem", kind)
    bars = [(bar, one) for one in devices for bar in one.bars if bar.length and bar.flags & kind]
    for bar, device in sorted(bars, key=lambda pair: pair[0].start):
        node = Resource(bar.start, bar.end, device.bdf, kind)
        if request_resource_conflict(root, node) is None and held and device.claims is not False:
            driver = Resource(bar.start, bar.end, device.claimant, kind | fl.IORESOURCE_BUSY)
            request_resource_conflict(node, driver)
    return root
