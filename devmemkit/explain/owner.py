"""The resource that owns a page, the driver that would claim it, the machine without its claim."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, islice

from devmemkit.explain.access import Access
from devmemkit.explain.calls import DRIVER, claim
from devmemkit.explain.description import Description
from devmemkit.explain.platform import platform_device
from devmemkit.model.drivers.nvdimm import LEGACY
from devmemkit.model.machine import Machine, View
from devmemkit.model.pci.device import BDF, PciDevice
from devmemkit.model.resource.claim import path_to
from devmemkit.model.resource.strict import has_ram, iomem_is_exclusive
from devmemkit.model.resource.tree import Resource
from devmemkit.scenarios.play import Act, play
from devmemkit.text.lspci import CLAIM_NOTHING, Device

Owner = tuple[str, int, int]
"""A resource's name, its first and its last byte."""

DRIVERS = {"Persistent Memory": "nd_pmem", LEGACY: "nd_pmem", "Soft Reserved": "device_dax"}
"""The driver that claims a resource outside of PCI devices."""


def owner_of(machine: Machine, page: int, access: Access) -> tuple[Owner | None, tuple[str, ...]]:
    """The resource that decides about a page, and the names of those around it, outermost first.

    That is a claim, else System RAM, else the innermost resource; of several in a page the first
    with a byte of the access. An access to ports is about its ports instead of a page.
    """
    tree, asked, whole = _asked(machine, page, access)
    ram = access.via != "port" and has_ram(View(machine), page)
    if ram:
        node = iomem_is_exclusive(View(machine), page)
    else:
        node = next(chain(claims_in(tree, *asked), claims_in(tree, *whole)), None)
    if node is None:
        inside: Resource | None = tree
        while inside is not None:
            inside = next(iter(inside.overlapping(*asked)), None)
            node = inside or node
        while ram and node and not node.system_ram:
            node = node.parent
    if node is None or node is tree:
        return None, ()
    around = path_to(node)[:-1]
    return (node.name, node.start, node.end), tuple(name for _, _, name in around)


def claims_of(machine: Machine, page: int, access: Access) -> tuple[Owner, ...]:
    """The drivers' claims of parts of a page, or of the ports, exclusive or not."""
    tree, _, whole = _asked(machine, page, access)
    return tuple((node.name, node.start, node.end) for node in claims_in(tree, *whole))


Span = tuple[int, int]


def _asked(machine: Machine, page: int, access: Access) -> tuple[Resource, Span, Span]:
    """The tree, the bytes of an access in a page, and those of the page; for ports twice theirs."""
    whole = page << access.page_shift, ((page + 1) << access.page_shift) - 1
    first, last = access.start, access.start + max(access.length, 1) - 1
    if access.via == "port":
        return machine["ioport"], (first, last), (first, last)
    return machine["iomem"], (max(first, whole[0]), min(last, whole[1])), whole


def claims_in(tree: Resource, start: int, end: int) -> Iterator[Resource]:
    """The outermost claims by drivers of some of the bytes, in the order of address."""
    for node in tree.overlapping(start, end):
        if node.busy and not node.system_ram:
            yield node
        else:
            yield from claims_in(node, start, end)


def claim_of(known: Description, machine: Machine, access: Access) -> Act | None:
    """The claim that the driver of the access's first page would make; None if there is none.

    The driver of a device claims the whole resource, a driver that nothing names the page.
    """
    if access.via == "port":
        return None
    tree, parts = machine["iomem"], False
    for device, bar in known.holders(access.start):
        claims = claims_in(tree, bar.start, bar.end) if bar.index < 6 else ()
        if parts := any((one.start, one.end) != (bar.start, bar.end) for one in claims):
            break  # as on a board whose PCI device has platform devices in its BAR
        if bar.index < 6:
            able = (name for name in device.modules if name not in CLAIM_NOTHING)
            return claim(" or ".join(able) or device.claimant, bar.start, bar.length)
    owner, _ = owner_of(machine, access.pages[0], access)
    if owner is None:
        return None
    name, start, end = owner
    whole = name in DRIVERS or (BDF.fullmatch(name) and not parts)
    if whole or platform_device(owner):
        driver = DRIVERS.get(name, f"the driver of {platform_device(owner) or name}")
        return claim(driver, start, end - start + 1)
    return claim("a driver", access.page_bytes[0], access.page_size)


def unbound(machine: Machine, owner: Owner | None) -> Machine | None:
    """The machine after the owner's driver was unbound; None if no driver has claimed `owner`.

    The driver also releases its claims of parts of the device's BARs, that of a platform device all
    its claims. Outside of a device only the owner's own claim is released.
    """
    claims = [node for node in machine["iomem"].walk() if node.busy and not node.system_ram]
    node = next((n for n in claims if (n.name, n.start, n.end) == owner), None)
    if node is None:
        return None
    if machine.get(("nd", node.name)) is not None:
        return _after(machine, Act("unbind", DRIVER, "unbind", {"bdf": node.name}))
    acts: list[Act] = []
    if block := platform_device(owner):  # also one inside a PCI device's BAR
        bdf = ""
        mine = [n for n in claims if platform_device((n.name, n.start, n.end)) == block]
    else:
        bdf = _device(node)
        mine = [n for n in claims if n.name == node.name and _device(n) == bdf] if bdf else [node]
    device: PciDevice | None = machine.get(("pci", bdf))
    if device is not None:
        ranges = {(one.start, one.end) for one in mine}
        whole = {bar.index: (bar.start, bar.end) for bar in device.bars if bar.memory}
        held = [index for index, span in whole.items() if span in ranges]
        held += [index for index in device.held if index not in whole]  # its ports
        bound = replace(device, driver=device.driver or node.name, held=tuple(held))
        machine = machine.with_({("pci", bdf): bound})
        acts.append(Act("unbind", DRIVER, "unbind", {"bdf": bdf}))
        mine = [one for one in mine if (one.start, one.end) not in whole.values()]
    for one in mine:
        where = {"start": one.start, "size": one.end - one.start + 1}
        acts.append(Act(f"release {len(acts)}", DRIVER, "release_mem_region", where))
    return _after(machine, *acts)


def _after(machine: Machine, *acts: Act) -> Machine | None:
    played = play(machine, acts)
    done = len(played.outcomes) == len(acts) and all(o.ok for o in played.outcomes.values())
    return played.moments[-1].machine if done else None


def _device(node: Resource) -> str:
    """The PCI device whose BAR contains a node, "" if there is none."""
    around = reversed(path_to(node)[:-1])
    return next((name for _, _, name in around if BDF.fullmatch(name)), "")


AROUND = {False: 1 << 20, True: 1 << 8}
"""Bytes on either side of an access that calls may reach, such as one behind a mapping's end, and
ports."""


MOST = 64
"""Devices of one machine at most: each takes time in every step, and others matter to none."""


def concerned(known: Description, access: Access) -> list[Device]:
    """The devices whose file, pages or ports an access is about, that of its file first."""
    start, end = access.page_bytes
    memory = access.via != "port"
    if not memory:
        start, end = access.start, access.start + access.length
    there = (
        device
        for device in known.found.values()
        if any(b.memory == memory and b.start <= end and b.end >= start for b in device.bars)
    )
    own = known.found.get(access.bdf)
    first = [one for one in (own, *islice(there, MOST)) if one is not None]
    return list({one.bdf: one for one in first}.values())


def near(tree: Resource, access: Access, devices: list[Device], *, ports: bool = False) -> Resource:
    """The part of a tree that an access, its devices and a claim of its owner's range can touch.

    RAM and persistent memory stay whole: where RAM ends matters, and namespaces are numbered.
    """
    asked = [(b.start, b.end) for device in devices for b in device.bars if b.memory != ports]
    if (access.via == "port") == ports:
        asked.append((access.start, access.start + access.length))
    around = AROUND[ports]
    spans: list[Span] = []
    for start, end in sorted(asked):
        if spans and start - around <= spans[-1][1]:
            spans[-1] = spans[-1][0], max(end + around, spans[-1][1])
        else:
            spans.append((start - around, end + around))

    def part(node: Resource, *, whole: bool) -> Resource | None:
        whole = whole or node.system_ram or node.name in DRIVERS
        touched = whole or any(node.start <= b and node.end >= a for a, b in spans)
        below = [one for child in node.children if (one := part(child, whole=whole))]
        if not (touched or below):
            return None
        twin = Resource(node.start, node.end, node.name, node.flags, node.desc)
        twin.disjoint, twin.children = node.disjoint, below
        for child in below:
            child.parent = twin
        return twin

    return part(tree, whole=False) or Resource(tree.start, tree.end, tree.name, tree.flags)
