"""A dump as a resource tree, and a resource tree as a dump.

/proc/iomem shows no flags. The rules below infer a node's flags from its name and its children; any
name that they do not list is a driver's claim, hence BUSY.
"""

from __future__ import annotations

import re
from itertools import pairwise

from devmemkit.model import flags as fl
from devmemkit.model.resource.tree import Resource
from devmemkit.text.iomem import Dump, Entry, uncollected

MIB = 1 << 20

_PCI = re.compile(r"PCI Bus |[0-9a-f]{4,}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$")
_ACPI = re.compile(r"[A-Z]{3,4}[0-9A-F]{4}:[0-9a-f]{2}$")
_WINDOW = re.compile(r"PCI Bus |(?:\S*/)?pci[\w,-]*@[0-9a-f]+$")  # by device-tree node
_IDLE = re.compile(
    rf"{_PCI.pattern}|{_ACPI.pattern}|{_WINDOW.pattern}|PCI mem|PNP[0-9A-F]{{4}}|pnp [0-9a-f]{{2}}"
    r"|HPET|MEM$|Reserved$|reserved$|Soft Reserved|Persistent Memory|CXL Window|region\d+$"
)
_FIRMWARE = re.compile(
    r"ACPI |\w+ ROM$|Unusable memory|Unknown E820|RAM buffer|Video RAM|Local APIC|IOAPIC"
    r"|PCI MMCONFIG|PCI ECAM|Graphics Stolen|[Rr]eserved|<BAD>|$"
)
_RAM = re.compile(r"System RAM|Kernel (code|rodata|data|bss)$|Crash kernel$")
_DESC = {
    "ACPI Tables": fl.IORES_DESC_ACPI_TABLES,
    "ACPI Non-volatile Storage": fl.IORES_DESC_ACPI_NV_STORAGE,
    "Persistent Memory": fl.IORES_DESC_PERSISTENT_MEMORY,
    "Persistent Memory (legacy)": fl.IORES_DESC_PERSISTENT_MEMORY_LEGACY,
    "Reserved": fl.IORES_DESC_RESERVED,
    "Soft Reserved": fl.IORES_DESC_SOFT_RESERVED,
}


def flags_and_desc(
    name: str, start: int, *, ports: bool = False, pc: bool = True
) -> tuple[int, int]:
    """Flags and desc of a node called `name` that begins at `start`.

    Of a PC's firmware map what is below 1 MiB is BUSY from the start, above only RAM, ACPI tables
    and the like (e820__reserve_resources, e820__reserve_resources_late).
    """
    if ports:
        kind = fl.IORESOURCE_IO
    elif _RAM.match(name):
        kind = fl.IORESOURCE_SYSTEM_RAM
    else:
        kind = fl.IORESOURCE_MEM
    firmware_low = pc and start < MIB and name.lower() == "reserved"
    registers = name.endswith(f"@{start:x}")  # of the host bridge itself, not a window
    busy = firmware_low or registers or not _IDLE.match(name)
    return kind | (fl.IORESOURCE_BUSY if busy else 0), _DESC.get(name, fl.IORES_DESC_NONE)


def is_window(node: Resource) -> bool:
    """Whether an idle node is a window of a PCI host bridge or bridge, by its name."""
    return not node.busy and _WINDOW.match(node.name) is not None


def is_driver(name: str) -> bool:
    """Whether a claim of that name is a driver's: not the firmware's, not the kernel's own."""
    return not any(rule.match(name) for rule in (_IDLE, _FIRMWARE, _RAM))


@uncollected()
def tree_of(dump: Dump, *, root_end: int, ports: bool = False, pc: bool = True) -> Resource:
    """The resource tree of a dump; every entry becomes a node.

    `root_end` is the last address of the root (2^bits - 1, or 0xffff for ports). `pc` says whether
    firmware keeps ranges below 1 MiB as on x86. Overlapping siblings stay; their parent is then
    searched without bisection. ValueError for a dump without addresses (read without
    CAP_SYS_ADMIN).
    """
    if dump.masked:
        raise ValueError("expected a dump with addresses, got zeroes only: read it as root")
    name, kind = ("PCI IO", fl.IORESOURCE_IO) if ports else ("PCI mem", fl.IORESOURCE_MEM)
    root = Resource(0, root_end, name, kind)
    nodes: list[Resource] = []
    for entry, parent in zip(dump.entries, dump.parents, strict=True):
        flags, desc = flags_and_desc(entry.name, entry.start, ports=ports, pc=pc)
        node = Resource(entry.start, entry.end, entry.name, flags, desc)
        node.parent = root if parent is None else nodes[parent]
        node.parent.children.append(node)
        nodes.append(node)
    for node in (root, *nodes):
        if len(node.children) < 2:
            continue
        node.children.sort(key=lambda child: child.start)
        ordered = pairwise(node.children)
        node.disjoint = all(a.end < b.start for a, b in ordered)
    _free_windows(nodes)
    return root


def _free_windows(nodes: list[Resource]) -> None:
    """Make idle what only holds others' claims: a window onto PCI, a platform device's range.

    A window has PCI buses, PCI devices or windows below it. A platform device's range has a claim
    of the same name below it (platform_device_add, then devm_request_mem_region), or one that is
    called after the device and the range (amba_device_add, then devm_ioremap_resource).
    """
    windows: set[int] = set()
    for node in reversed(nodes):
        parent = node.parent
        if parent is None or parent.system_ram or _FIRMWARE.match(parent.name):
            continue
        if id(node) in windows or _PCI.match(node.name):
            windows.add(id(parent))
        elif parent.name not in node.name.split(" ", 1):
            continue
        elif _ACPI.match(node.name):
            node.flags |= fl.IORESOURCE_BUSY
        parent.flags &= ~fl.IORESOURCE_BUSY


def entries_of(root: Resource, *, levels: int) -> tuple[Entry, ...]:
    """The lines of a tree in /proc/iomem: pre-order without the root, at most `levels` deep.

    Source: kernel/resource.c:r_show; `levels` is MAX_IORES_LEVEL, feature iores_levels.
    """
    width = 4 if root.end < 0x10000 else 8
    lines: list[Entry] = []

    def show(node: Resource, depth: int) -> None:
        for child in node.children:
            indent = min(depth, levels)
            lines.append(Entry(child.start, child.end, child.name, indent, len(lines) + 1, width))
            show(child, depth + 1)

    show(root, 0)
    return tuple(lines)
