"""What a driver does in its region: it reads and writes by its own mapping, and asks nobody."""

from __future__ import annotations

from devmemkit.model.machine import View
from devmemkit.model.mm.physical import read_physical, write_physical
from devmemkit.model.step import Frame, Next, Return, operation


@operation("readq", needs=("address",))
def read_register(m: View, f: Frame) -> Next:
    """readq: a driver reads 8 bytes at physical `address`, as a little-endian integer."""
    return Return(int.from_bytes(read_physical(m, f.address, 8), "little"))


@operation("writeq", needs=("address", "value"))
def write_register(m: View, f: Frame) -> Next:
    """writeq: a driver writes 8 bytes at physical `address`."""
    write_physical(m, f.address, f.value.to_bytes(8, "little"))
    return Return(0)
