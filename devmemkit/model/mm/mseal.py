"""mseal: mappings that may not change any more (mm/mseal.c)."""

from __future__ import annotations

from devmemkit.model.errors import KernelError
from devmemkit.model.machine import View
from devmemkit.model.mm.syscalls import hole_in, not_mapped, reflag, touched
from devmemkit.model.process.task import VM
from devmemkit.model.step import Frame, Next, Return, operation


@operation("mseal", needs=("pid", "address", "length"))
def do_mseal(m: View, f: Frame) -> Next:
    """Seal a range until the process ends or replaces its program. ENOSYS, EINVAL, ENOMEM.

    do_mseal marks every VMA of a range, or none: ENOMEM for a hole, EINVAL; before 6.10 ENOSYS.

    A page that is gone can be sealed.
    """
    if not m.kernel["mseal"]:
        raise KernelError("ENOSYS", "there is no mseal")
    vmas = touched(m, f, "EINVAL")
    if hole_in(m, f, vmas) is not None:
        raise not_mapped(f)
    for vma in vmas:
        reflag(m, f, vma, vma.flags | VM.SEALED)
    return Return(0)
