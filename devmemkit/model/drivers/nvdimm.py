"""Legacy persistent memory and its driver, which claims three times and then makes a disk.

Source: drivers/nvdimm/pmem.c, claim.c, e820.c; the same in 5.10 to 7.3 (measured).
"""

from __future__ import annotations

from dataclasses import dataclass

from devmemkit.model.errors import KernelError
from devmemkit.model.flags import PAGE_SHIFT
from devmemkit.model.machine import View
from devmemkit.model.mm.memtype import WB, memtype_free, memtype_reserve
from devmemkit.model.mm.physical import read_physical
from devmemkit.model.resource.tree import Resource
from devmemkit.model.step import Call, Frame, Next, Return, operation

INFO_BLOCK = 8 << 10
"""Bytes at the start that the driver claims to look for an info block."""

LEGACY = "Persistent Memory (legacy)"


@dataclass(frozen=True, slots=True)
class Namespace:
    """A namespace by its name ("namespace0.0") and inclusive range; its disk is pmem0."""

    name: str
    start: int
    end: int
    driver: str | None = None

    @property
    def size(self) -> int:
        return self.end - self.start + 1


def namespaces(iomem: Resource) -> tuple[Namespace, ...]:
    """One namespace for each legacy range of a tree, bound where its claim is there (nd_e820)."""
    found = []
    for number, node in enumerate(n for n in iomem.children if n.name == LEGACY):
        name = f"namespace{number}.0"
        bound = any(c.busy and (c.start, c.name) == (node.start, name) for c in node.children)
        driver = "nd_pmem" if bound else None
        found.append(Namespace(name, node.start, node.end, driver))
    return tuple(found)


def nd_info_block_reserve(m: View, f: Frame) -> Next:
    """The driver claims the first 8 KiB to look for a BTT info block."""
    return _claim(m, f, INFO_BLOCK)


def nd_btt_probe(m: View, f: Frame) -> Next:
    """nd_btt_probe finds none and releases the 8 KiB, which any process can then map."""
    return _release(m, f, INFO_BLOCK)


def nd_info_block_reserve_again(m: View, f: Frame) -> Next:
    """The driver claims the 8 KiB again to look for a PFN or DAX info block."""
    return _claim(m, f, INFO_BLOCK)


def nd_pfn_probe(m: View, f: Frame) -> Next:
    """nd_pfn_probe finds none and releases the 8 KiB a second time."""
    return _release(m, f, INFO_BLOCK)


def pmem_attach_disk(m: View, f: Frame) -> Next:
    """pmem_attach_disk claims the whole namespace under its name; EBUSY when that is refused."""
    return _claim(m, f, m["nd", f.bdf].size)


def memremap_pages(m: View, f: Frame) -> Next:
    """memremap_pages maps the namespace write-back, or with the type that a process reserved."""
    space = m["nd", f.bdf]
    pages = space.start >> PAGE_SHIFT, space.end >> PAGE_SHIFT
    if memtype_reserve(m, *pages, WB, ("driver", f.bdf)) is None:
        return pmem_undo
    return Return(0)


def pmem_undo(m: View, f: Frame) -> Next:
    """The probe fails and releases its claim."""
    return _release(m, f, m["nd", f.bdf].size)


def pmem_failed(m: View, f: Frame) -> Next:
    """EBUSY when the namespace has pages of several memtypes (measured with iomem=relaxed)."""
    raise KernelError("EBUSY", f"{f.bdf} is mapped with more than one memtype")


def _claim(m: View, f: Frame, size: int) -> Call:
    return Call("request_mem_region", {"start": m["nd", f.bdf].start, "size": size, "name": f.bdf})


def _release(m: View, f: Frame, size: int) -> Call:
    return Call("release_mem_region", {"start": m["nd", f.bdf].start, "size": size})


operation(
    "nd_pmem_probe",
    nd_info_block_reserve,
    nd_btt_probe,
    nd_info_block_reserve_again,
    nd_pfn_probe,
    pmem_attach_disk,
    memremap_pages,
    pmem_undo,
    pmem_failed,
    needs=("bdf",),
    driver="nd_pmem",
    bars=None,
)
"""nd_pmem binds to a namespace with three claims and two gaps between them. EBUSY."""


def memunmap_pages(m: View, f: Frame) -> Next:
    """memunmap_pages removes the driver's own mapping after its disk."""
    memtype_free(m, ("driver", f.bdf))
    return None


def pmem_release(m: View, f: Frame) -> Next:
    """The driver releases the namespace; zapped mappings stay zapped."""
    return _release(m, f, m["nd", f.bdf].size)


operation("nd_pmem_remove", memunmap_pages, pmem_release, needs=("bdf",))


@operation("read_block", needs=("device", "offset", "count"))
def pmem_submit_bio(m: View, f: Frame) -> Next:
    """Read a pmem disk, `offset` and `count` in bytes within one page. ENOENT.

    A direct read of the disk gives the memory at that offset of the namespace.

    ENOENT without a bound driver. ValueError for bytes that are not in one page of the disk.
    """
    space = m.get(("nd", f"namespace{f.device.removeprefix('pmem')}.0"))
    if space is None or space.driver is None:
        raise KernelError("ENOENT", f"there is no /dev/{f.device}")
    page = m.kernel.page_size
    if f.offset % page + f.count > page or f.offset + f.count > space.size:
        raise ValueError(
            f"offset: expected {f.count} bytes in one page of {space.size:#x}, got {f.offset:#x}"
        )
    return Return(read_physical(m, space.start + f.offset, f.count))
