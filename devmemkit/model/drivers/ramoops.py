"""ramoops, a platform driver that claims the range it is told and maps it (fs/pstore/ram.c).

The lab's instrument for claims anywhere. Source: ramoops_probe, persistent_ram_new,
persistent_ram_iomap (fs/pstore/ram_core.c); with mem_type=1, which is ioremap.
"""

from __future__ import annotations

from devmemkit.model.errors import KernelError
from devmemkit.model.machine import View
from devmemkit.model.mm.memtype import ioremap, memtype_free
from devmemkit.model.step import Call, Frame, Next, Return, operation


def ramoops_claim(m: View, f: Frame) -> Next:
    """It claims the range; EBUSY ends the probe."""
    return Call("request_mem_region", {"start": f.start, "size": f.size, "name": "ramoops"})


def persistent_ram_iomap(m: View, f: Frame) -> Next:
    """It maps what it has claimed, UC-; older ones forget the claim when that fails."""
    try:
        ioremap(m, f.start, f.start + f.size - 1, ("driver", "ramoops"))
    except KernelError:
        return "persistent_ram_free" if m.kernel["ramoops_undo"] else "ramoops_failed"
    return Return(f.start)


def persistent_ram_free(m: View, f: Frame) -> Next:
    """The claim is given back."""
    return Call("release_mem_region", {"start": f.start, "size": f.size})


def ramoops_failed(m: View, f: Frame) -> Next:
    """The probe fails: ENOMEM."""
    raise KernelError("ENOMEM", f"ramoops: ioremap of {f.start:#x} failed")


operation(
    "ramoops_probe",
    ramoops_claim,
    persistent_ram_iomap,
    persistent_ram_free,
    ramoops_failed,
    needs=("start", "size"),
)
"""Claim and map [start, start+size); gives `start`. EBUSY, ENOMEM."""


def ramoops_unmap(m: View, f: Frame) -> Next:
    """Its remove: the mapping goes, then the claim."""
    memtype_free(m, ("driver", "ramoops"))
    return Call("release_mem_region", {"start": f.start, "size": f.size})


operation("ramoops_remove", ramoops_unmap, needs=("start", "size"))
