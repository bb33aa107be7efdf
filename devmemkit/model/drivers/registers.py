"""What a driver does in the region that it has claimed: it reads and writes, and asks nobody."""

from __future__ import annotations

from devmemkit.model.machine import View
from devmemkit.model.mm.physical import read_physical, write_physical
from devmemkit.model.step import Frame, Next, Return, operation


def read_register(m: View, f: Frame) -> Next:
    """readq gives 8 bytes as a little-endian integer."""
    return Return(int.from_bytes(read_physical(m, f.address, 8), "little"))


def write_register(m: View, f: Frame) -> Next:
    """writeq writes 8 bytes."""
    write_physical(m, f.address, f.value.to_bytes(8, "little"))
    return Return(0)


readq = operation("readq", read_register, needs=("address",))
"""A driver reads at physical `address` through its own mapping."""

writeq = operation("writeq", write_register, needs=("address", "value"))
"""A driver writes at physical `address` through its own mapping."""
