"""What a name in /proc/iomem says of its node: type, BUSY, description.

The kernel does not print flags; these rules give back what the code that made the node had set.
A name that no rule knows is a driver's claim, hence BUSY.
"""

from __future__ import annotations

import re

from devmemkit.model import flags as fl

MIB = 1 << 20

_IDLE = re.compile(
    r"PCI Bus |[0-9a-f]{4,}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$|PCI mem|PNP[0-9A-F]{4}|pnp [0-9a-f]{2}"
    r"|MEM$|pcie@|Reserved$|reserved$|Soft Reserved|Persistent Memory|CXL Window|region\d+$|HPET"
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


def flags_and_desc(name: str, start: int, *, ports: bool = False) -> tuple[int, int]:
    """Flags and desc of a node called ``name`` that begins at ``start``.

    Below 1 MiB the firmware map's ranges are BUSY from the start, above only RAM, ACPI tables and
    the like (e820__reserve_resources, e820__reserve_resources_late).
    """
    if ports:
        kind = fl.IORESOURCE_IO
    elif _RAM.match(name):
        kind = fl.IORESOURCE_SYSTEM_RAM
    else:
        kind = fl.IORESOURCE_MEM
    firmware_low = start < MIB and name.lower() == "reserved"
    busy = firmware_low or not _IDLE.match(name)
    return kind | (fl.IORESOURCE_BUSY if busy else 0), _DESC.get(name, fl.IORES_DESC_NONE)
