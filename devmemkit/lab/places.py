"""Where random accesses go in a guest, and which of them are harmless there."""

from __future__ import annotations

import random
from typing import Any

from devmemkit.explain.access import OPS, Access
from devmemkit.explain.description import Description
from devmemkit.lab.fuzz.places import NOBODY, PLACES, Places
from devmemkit.model.flags import IORESOURCE_PREFETCH, U64
from devmemkit.model.machine import Machine
from devmemkit.scenarios.machines import NAMESPACE, Lab
from devmemkit.scenarios.play import Act

CONSOLE = "virtio-pci"
"""The driver of the port between lab and guest; accesses leave its registers alone."""

ASKED = ((0x80, 0), (0x80, 1), (0xFFFF, 1), (0xFFFF, 2), (0, 1 << 16), (0x80, U64))
"""(first, number) of ports that ioperm is asked for."""


def access_of(chance: random.Random, known: Description, lab: str) -> Access:
    """A random access to the described machine, which is that of LABS."""
    places = PLACES[lab]
    page = places.page
    edges = 0, 1, 4, page - 2, page, 3 * page + 8
    via = chance.choice(("devmem", "devmem", "devmem", "sysfs", "sysfs", "proc", "port"))
    op = chance.choice(OPS if via != "proc" else OPS[2:])
    length = chance.choice((1, 2, 4, 8, 64, page, 2 * page, 16 * page, 0))
    more: dict[str, Any] = {name: chance.random() < 0.15 for name in ("exec", "private")}
    more["sync"] = chance.random() < 0.4
    if via == "port" and (chance.random() < 0.4 or not places.ports):
        if op in OPS[:2]:
            return Access(via, "iopl", 0, 1 << 16, offset=chance.randrange(6))
        return Access(via, "ioperm", *chance.choice(ASKED))
    if via == "port":
        start, size = chance.choice(places.ports)
        at = start + chance.randrange(size)
        return Access(via, chance.choice(OPS[:2]), at, chance.choice((0, 1, 2, 4)))
    if via == "devmem":
        start = min(_address(chance, known, places, edges), U64)
        return Access(via, op, start, min(length, U64 - start + 1), **more)
    devices = [d for d in known.devices.values() if d.bars and d.driver != CONSOLE]
    device = chance.choice(devices)
    bar = chance.choice([bar for bar in device.bars if bar.index < 6])
    if chance.random() < 0.05:
        return Access(via, op, bar.start, length, NOBODY, bar.index)
    has_wc = bar.flags & IORESOURCE_PREFETCH
    more["wc"] = via == "sysfs" and chance.random() < (0.5 if has_wc else 0.05)
    near = max(0, bar.length - 4)
    offset = chance.choice((0, 0, *edges, bar.length, near, bar.length + page))
    if chance.random() < 0.02:
        offset = 1 << 63
    if via == "proc" and not bar.memory:
        op, offset = "mmap", offset % page
    start = bar.start + offset
    return Access(via, op, start, length, device.bdf, bar.index, offset, **more)


def _address(
    chance: random.Random, known: Description, places: Places, edges: tuple[int, ...]
) -> int:
    assert known.iomem is not None
    edge, page, lab = chance.choice(edges), places.page, places.lab
    assert known.phys_bits is not None
    end = 1 << known.phys_bits
    kind = chance.random()
    if kind > 0.7:  # unused memory, where most accesses can be tried
        base, size = chance.choice(((lab.pmem, 256 << 20), (lab.ivshmem_bar, 64 << 20)))
        return base + chance.randrange(1, size // page - 16) * page + edge
    if kind < 0.1:
        return chance.choice(places.fixed) + edge
    if kind < 0.25:
        return chance.choice((end - page, end, 1 << 52, 1 << 63, U64 - page)) + edge
    entry = chance.choice([e for e in known.iomem.entries if not _console(known, e.start)])
    at = chance.choice((entry.start, entry.start, entry.end, entry.end + 1, entry.start - 1))
    return max(0, chance.choice((at + edge, at - edge)))


def _console(known: Description, address: int) -> bool:
    return any(
        device.driver == CONSOLE and any(bar.start <= address <= bar.end for bar in device.bars)
        for device in known.devices.values()
    )


WRITES = ("store", "write_devmem", "write_ioport", "write_resource")


def harmless(
    machine: Machine, acts: tuple[Act, ...], access: Access, end: str, lab: str = "2g"
) -> bool:
    """Whether acts with this predicted end can be tried without a write to memory in use.

    That holds even if the prediction is wrong.
    """
    first, last = access.pages
    places = PLACES[lab]
    on = places.lab
    borders = (border // places.page for border in places.mtrr_ends)
    if access.maps and any(first < border <= last for border in borders):
        return False
    touches = any(act.operation in ("load", "store") for act in acts)
    if touches and not _answers(machine, access, places):
        return False
    of_file = any(act.operation in ("read_resource", "write_resource") for act in acts)
    if places.oops and of_file and access.start % 4:
        return False
    bound = any(one.start == on.pmem and one.name == NAMESPACE for one in machine["iomem"].walk())
    claims = [act.arguments["start"] for act in acts if act.operation == "request_mem_region"]
    # Under lockdown the guest's driver cannot be told what to claim; and its own mapping of the
    # claimed page conflicts with a write-back one.
    if claims and (machine.kernel.lockdown or not all(_unused(on, c, 1, bound) for c in claims)):
        return False
    if any(claim < on.ivshmem_bar for claim in claims) and not access.sync:
        return False
    if not any(act.operation in WRITES for act in acts) or access.via == "port":
        return True
    fails = end != "ok" and first == last
    return fails or (access.op != "write" and _unused(on, access.start, access.length, bound))


def _answers(machine: Machine, access: Access, places: Places) -> bool:
    """Whether a load is aligned and a device answers; others depend on the board, or end all.

    NVMe's MSI-X, behind its registers, does not answer a load of one or two bytes.
    """
    if places.answers is None:
        return True
    msix = places.lab.nvme_bar + 0x2000
    nodes = [(node.start, node.end) for node in machine["iomem"].children]
    spans = [*places.answers, *nodes]
    last = access.start + max(access.length, 1) - 1
    if access.start % 8 or msix - access.length < access.start < msix + 0x2000:
        return False
    return any(a <= access.start and last <= b for a, b in spans)


def _unused(lab: Lab, start: int, size: int, bound: bool) -> bool:
    """Whether nobody uses this memory, and it is not next to System RAM, where no claim may be."""
    page = 1 << lab.page_shift
    spans = [(lab.ivshmem_bar, lab.ivshmem_bar + (64 << 20))]
    if not bound:
        spans.append((lab.pmem + page, lab.pmem_end + 1 - page))
    return any(first <= start and start + max(size, 1) <= end for first, end in spans)
