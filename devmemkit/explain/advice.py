"""What a user can do about a failed access, safest first; the model tries each change."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from devmemkit.explain.access import Access
from devmemkit.explain.calls import ACTOR, Calls, calls_of
from devmemkit.explain.cases import with_kernel
from devmemkit.explain.description import Description
from devmemkit.explain.owner import Owner, owner_of, unbound
from devmemkit.explain.platform import platform_device, served_by
from devmemkit.explain.platform import unbind as unbind_platform
from devmemkit.explain.shell import unbind
from devmemkit.explain.verdict import Verdict, end_of, later, verdict
from devmemkit.model import flags as fl
from devmemkit.model.machine import Machine, View
from devmemkit.model.pci.device import BDF
from devmemkit.model.process.task import Task
from devmemkit.model.resource.strict import DENY, page_is_allowed
from devmemkit.scenarios.play import play
from devmemkit.text.html import safe
from devmemkit.text.iomem_tree import is_driver
from devmemkit.text.lspci import Device

TABLES = {
    "ACPI Tables": "/sys/firmware/acpi/tables",
    "ACPI Non-volatile Storage": "/sys/firmware/acpi/tables",
    "System ROM": "/sys/firmware/dmi/tables (dmidecode reads it)",
    "Video ROM": "the rom file of the graphics device in /sys/bus/pci/devices",
    "Adapter ROM": "the rom file of its device in /sys/bus/pci/devices",
}
"""The file in which the kernel publishes the contents of a resource."""

FRAMEBUFFERS = ("BOOTFB", "simplefb", "simpledrm", "simple-framebuffer", "efifb", "vesafb")
"""Names of the firmware's framebuffer in /proc/iomem."""
NO_FRAMEBUFFER = (
    "boot with initcall_blacklist=sysfb_init, or with video=efifb:off if efifb is the holder: the "
    "screen stays dark until a driver takes the device"
)
UNNAMED = ("driver", "a driver")
"""What hypotheses call a driver that nobody knows."""
LEAVE_LOCKDOWN = "leave lockdown (Secure Boot off, no lockdown= on the command line)"


@dataclass(frozen=True)
class Advice:
    """One thing to `do`; `gives` is the outcome that the model then finds, None if it cannot tell.

    `risk` says what the change exposes, `command` is the part of `do` for a shell.
    """

    do: str
    gives: str | None
    risk: str = ""
    command: str = ""

    def __str__(self) -> str:
        return f"{self.do} [the model then: {self.gives}]" if self.gives else self.do


def advise(
    known: Description, machine: Machine, access: Access, found: Verdict
) -> Iterator[Advice]:
    """What to do about an access that fails or reads zeroes; nothing for one that succeeds."""
    if found.outcome == "ok" and not found.contents:
        return
    do, _, change = CHANGES[0]
    do = do.replace("/dev/mem", "/dev/port") if access.file == "/dev/port" else do
    able = change(machine)
    then = verdict(able, access)
    if then.key != found.key:  # what the process may do decides, whatever it asks for
        yield Advice(do if _opens(able, access) else f"first of all, {do}", then.outcome)
        yield from advise(known, able, access, then)
        return
    if access.op not in ("open", "iopl"):  # which are about no place
        yield from _instead(known, machine, access, found)
    enough = [*_changes(known, machine, access, lambda changed: _opens(changed, access))]
    yield from enough or [*_together(known, machine, access)] or _and_otherwise(machine, access)


def advise_about(
    known: Description, access: Access, machine: Machine | None, calls: Calls, do: str
) -> Iterator[Advice]:
    """What to do about a cause: `do`, and what makes its `calls` on the machine end well."""
    others = [] if machine is None else [*_advise_about(known, access, machine, calls)]
    if do and not any(do in one.do for one in others):
        yield Advice(do, None, next((risk for change, risk, _ in CHANGES if change == do), ""))
    yield from others


def _advise_about(
    known: Description, access: Access, machine: Machine, calls: Calls
) -> Iterator[Advice]:
    own = calls_of(access)
    if calls[-len(own) :] == own:  # what is before them happened before the access
        if others := calls[: -len(own)]:
            machine = play(machine, others).moments[-1].machine
        yield from advise(known, machine, access, verdict(machine, access))
        return
    owner, path = owner_of(machine, access.pages[0], access)
    freed = unbound(machine, owner)
    if owner and freed and _end(freed, calls) == "ok":
        bdf = next((one for one in reversed(path) if BDF.fullmatch(one)), "")
        yield from _unbinding(known, bdf, owner)
    yield from _changes(known, machine, access, lambda changed: _end(changed, calls) == "ok")


def _changes(
    known: Description, machine: Machine, access: Access, works: Callable[[Machine], bool]
) -> Iterator[Advice]:
    """Each change of CHANGES that is enough alone."""
    for do, risk, changed in _mildest(machine, works):
        yield Advice(do, "ok", _and_later(risk, known, changed, access))


def _mildest(
    machine: Machine, works: Callable[[Machine], bool]
) -> Iterator[tuple[str, str, Machine]]:
    """The changes of CHANGES after which it works; of kernels to build the first."""
    built = False
    for do, risk, change in CHANGES:
        builds = do.startswith("build ")
        if not (builds and built) and works(changed := change(machine)):
            built |= builds
            yield do, risk, changed


def _end(machine: Machine, calls: Calls) -> str:
    played = play(machine, calls)
    return end_of(played.acts, played.outcomes)


def _unbinding(known: Description, bdf: str, owner: Owner | None) -> Iterator[Advice]:
    """Unbind the driver that has a claim: a platform device's, or that of the PCI device around."""
    name = owner[0] if owner else ""
    if name in FRAMEBUFFERS:  # of a platform device inside the BAR
        yield Advice(NO_FRAMEBUFFER, None)
        return
    block = platform_device(owner)
    device = known.found.get(bdf, Device(bdf))
    if not block and (not bdf or (device.driver and device.claims is False)):
        return
    command = unbind_platform(block) if block else unbind(bdf, device.driver or "")
    served = block or device.driver or name
    risk = f"whatever {served} served is gone until it is bound again"
    yield Advice(f"unbind the driver: {command}", "ok", risk, command)


def advice_lines(advice: Sequence[Advice], title: str) -> Iterator[str]:
    """Advice as lines of text, below a title."""
    if advice:
        yield ""
        yield f"{title}, safest first:"
    for number, one in enumerate(advice, 1):
        yield f"  {number}. {one}"
        if one.risk:
            yield f"     risk: {one.risk}"


def advice_html(advice: Sequence[Advice], title: str) -> str:
    """Advice as a list in HTML, below a title; "" for none."""
    items = "".join(
        f"<li>{safe(str(one))}{f'<br>risk: {safe(one.risk)}' if one.risk else ''}</li>"
        for one in advice
    )
    return f"<p>{title}, safest first:</p><ol>{items}</ol>" if items else ""


def _and_later(risk: str, known: Description, machine: Machine, access: Access) -> str:
    """The risk, and whether a driver's claim would still end the mapping."""
    if not risk:
        return risk
    free = unbound(machine, owner_of(machine, access.pages[0], access)[0]) or machine
    then = later(known, free, access)
    if then is None:
        return risk
    kept = "keeps its mapping" if then.then == "ok" else f"gets {then.then} at its next touch"
    return f"{risk}; when a driver claims the region, the process {kept}"


def _opens(machine: Machine, access: Access) -> bool:
    then = verdict(machine, access)
    return (then.outcome, then.contents) == ("ok", "")


def _alters(changed: Machine, machine: Machine, access: Access) -> bool:
    return verdict(changed, access).key != verdict(machine, access).key


def _together(known: Description, machine: Machine, access: Access) -> Iterator[Advice]:
    """Changes that are enough together: at each step the mildest that helps."""
    done: list[tuple[str, str]] = []
    left = [*CHANGES]
    while helpful := [one for one in left if _alters(one[2](machine), machine, access)]:
        do, risk, change = helpful[0]
        left.remove(helpful[0])  # one that did not help alone may help now
        machine = change(machine)
        done.append((do, risk))
        if _opens(machine, access):
            risks = "; ".join(risk for _, risk in done if risk)
            risks = _and_later(risks, known, machine, access)
            yield Advice(", and ".join(do for do, _ in done), "ok", risks)
            return


def _and_otherwise(machine: Machine, access: Access) -> Iterator[Advice]:
    """Each change that is enough with another form of the access, if no such form is alone."""
    if any(_other_ways(machine, access)):
        return
    for do, risk, changed in _mildest(machine, lambda one: any(_other_ways(one, access))):
        for way in _other_ways(changed, access):
            yield Advice(f"{do}; {way.do}", "ok", risk)


def _instead(
    known: Description, machine: Machine, access: Access, found: Verdict
) -> Iterator[Advice]:
    """Other ways to the same data, on the same kernel."""
    name = found.owner[0] if found.owner else ""
    if name in TABLES:
        yield Advice(f"read it where the kernel publishes it: {TABLES[name]}", None)
    bdf = next((one for one in reversed((*found.path, name)) if BDF.fullmatch(one)), access.bdf)
    block = platform_device(found.owner) if found.claimed else ""
    if found.claimed and is_driver(name):
        owner = "the driver that" if name in UNNAMED else f"{block or name}, which"
        where = f": {served}" if (served := served_by(block)) else ""
        yield Advice(f"use the interface of {owner} owns it{where}", None)
    supposed = name in UNNAMED  # so which pages it has is not known
    yield from _other_ways(machine, access, parts=not supposed)
    if found.claimed and (bdf or block) and not BDF.fullmatch(name):
        freed = unbound(machine, found.owner)
        if freed is not None and _opens(freed, access):
            yield from _unbinding(known, bdf, found.owner)
        elif freed is not None and not any(_other_ways(machine, access)):
            for way in _other_ways(freed, access):
                for one in _unbinding(known, bdf, found.owner):
                    yield replace(one, do=f"{one.do}; {way.do}")
    if not supposed:
        yield from _free_pages(machine, access)
    as_root = CHANGES[0][2]
    wrong_call = found.outcome in ("EINVAL", "EIO") and not found.claimed
    if access.via == "port" or wrong_call or _opens(as_root(machine), access):
        return
    if block:
        yield Advice(f"give {block} to a program of yours with UIO (uio_pdrv_genirq)", None)
    elif bdf and known.found.get(bdf, Device(bdf)).driver != "pcieport":  # VFIO takes no bridge
        yield Advice(f"hand {bdf} to a program of yours with VFIO (vfio-pci) or UIO", None)


def _other_ways(machine: Machine, access: Access, *, parts: bool = True) -> Iterator[Advice]:
    """The first other form of the access that succeeds, among them `parts` of the range."""
    op = "load" if access.op == "read" else "store"
    reads = access.op in ("read", "write") and access.via != "port"
    usual = access.maps and access.via == "devmem" and not access.sync
    inside = access.page_size - access.start % access.page_size
    file = f"resource{access.bar}"
    device = machine.get(("pci", access.bdf))
    bar = device and device.bar(access.bar)
    in_memory = access.via in ("sysfs", "proc") and bar and bar.flags & fl.IORESOURCE_MEM
    forms: tuple[tuple[object, str, dict[str, Any]], ...] = (
        (access.exec, "map it without PROT_EXEC", {"exec": False}),
        (access.wc, f"use {file} in place of {file}_wc", {"wc": False}),
        (reads, f"map it and {op} there, instead of {access.op}(2)", {"op": op}),
        (access.via == "proc", f"map {file} of sysfs", {"via": "sysfs"}),
        (in_memory, "go through /dev/mem", {"via": "devmem"}),
        (usual, "open /dev/mem with O_SYNC", {"sync": True}),
        (
            parts and access.maps and access.length > inside,
            f"map one page only ({inside:#x} bytes)",
            {"length": inside},
        ),
    )
    for is_other, do, change in forms:
        if is_other and _opens(machine, replace(access, **change)):
            yield Advice(do, "ok")
            return


def _free_pages(machine: Machine, access: Access) -> Iterator[Advice]:
    """The longest run of pages in the range that the process may map."""
    first, last = access.pages
    if access.via != "devmem" or not access.maps or first == last or last - first > 1 << 20:
        return
    view = View(machine)
    pages = groupby(range(first, last + 1), lambda page: page_is_allowed(view, page) != DENY)
    free = max(([*run] for allowed, run in pages if allowed), key=len, default=[])
    if 0 < len(free) <= last - first:
        start, end = free[0], free[-1] + 1
        at = max(access.start, start << access.page_shift)
        length = min(access.start + access.length, end << access.page_shift) - at
        gives = verdict(machine, replace(access, start=at, length=length)).outcome
        yield Advice(f"map only the free pages: {length:#x} bytes at {at:#x}", gives)


def _io_lax(machine: Machine) -> Machine:
    if not machine.kernel.config.io_strict_devmem:
        return machine
    return with_kernel(machine, config=replace(machine.kernel.config, io_strict_devmem=False))


def _with_nodes(machine: Machine) -> Machine:
    """The machine outside of the container, whose /dev has the nodes that the kernel has."""
    nodes = {"dev_mem": machine.kernel.config.devmem, "dev_port": True}
    missing = (name for name, has in nodes.items() if has and machine.get(name) is False)
    return machine.with_(dict.fromkeys(missing, True))


def _lax(machine: Machine) -> Machine:
    if machine.kernel.config.devmem and not machine.kernel.config.strict_devmem:
        return machine
    config = machine.kernel.config
    config = replace(config, devmem=True, strict_devmem=False, io_strict_devmem=False)
    return with_kernel(machine, config=config).with_({"dev_mem": True})


REGISTERS = (
    "every driver's registers and memory become writable to root's programs: a stray store can "
    "hang the machine or destroy data"
)

CHANGES: tuple[tuple[str, str, Callable[[Machine], Machine]], ...] = (
    (
        "run it as root with CAP_SYS_RAWIO: docker run --cap-add SYS_RAWIO --device /dev/mem, or "
        "outside of the container",
        "",
        lambda machine: _with_nodes(machine).with_({("task", ACTOR): Task()}),
    ),
    (
        "boot with iomem=relaxed",
        REGISTERS,
        lambda machine: with_kernel(
            machine, cmdline=f"{machine.kernel.cmdline} iomem=relaxed".strip()
        ),
    ),
    (
        LEAVE_LOCKDOWN,
        "lockdown protects the kernel from root: without it a stolen root account owns the kernel",
        lambda machine: with_kernel(
            machine,
            cmdline=" ".join(
                word for word in machine.kernel.cmdline.split() if word[:9] != "lockdown="
            ),
        ),
    ),
    ("build a kernel with IO_STRICT_DEVMEM=n", REGISTERS, _io_lax),
    (
        "build a kernel with DEVMEM=y and STRICT_DEVMEM=n",
        "all of memory becomes reachable, the kernel's own too",
        _lax,
    ),
)
"""Changes of the machine, each with its risk."""
