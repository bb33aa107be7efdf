"""ramoops, a platform driver that claims and maps the range it is given (fs/pstore/ram.c).

The lab uses it to claim any range. Source: ramoops_probe, persistent_ram_new,
persistent_ram_iomap (fs/pstore/ram_core.c); with mem_type=1, which is ioremap.
"""

from __future__ import annotations

from devmemkit.model.errors import KernelError
from devmemkit.model.machine import View
from devmemkit.model.mm.memtype import ioremap, memtype_free
from devmemkit.model.step import Call, Frame, Next, Return, operation


def ramoops_claim(m: View, f: Frame) -> Next:
    """ramoops_probe claims the range; EBUSY ends the probe."""
    return Call("request_mem_region", {"start": f.start, "size": f.size, "name": "ramoops"})


def persistent_ram_iomap(m: View, f: Frame) -> Next:
    """ramoops maps its claim UC-; feature ramoops_undo: whether a failure gives the claim back."""
    try:
        ioremap(m, f.start, f.start + f.size - 1, ("driver", "ramoops"))
    except KernelError:
        return persistent_ram_free if m.kernel["ramoops_undo"] else ramoops_failed
    return Return(f.start)


def persistent_ram_free(m: View, f: Frame) -> Next:
    """persistent_ram_free releases the claim."""
    return Call("release_mem_region", {"start": f.start, "size": f.size})


def ramoops_failed(m: View, f: Frame) -> Next:
    """The probe fails with ENOMEM."""
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


@operation("ramoops_remove", needs=("start", "size"))
def ramoops_unmap(m: View, f: Frame) -> Next:
    """ramoops_remove unmaps the range and releases the claim."""
    memtype_free(m, ("driver", "ramoops"))
    return Call("release_mem_region", {"start": f.start, "size": f.size})
