"""The contents of physical memory: plain bytes, by 4 KiB, zero until written."""

from __future__ import annotations

from devmemkit.model.flags import PAGE_SHIFT, PAGE_SIZE
from devmemkit.model.machine import View

EMPTY = bytes(PAGE_SIZE)


def read_physical(m: View, address: int, count: int) -> bytes:
    """`count` bytes from physical `address`."""
    pages = _pages(address, count)
    written = {pfn: page for pfn in pages if (page := m.get(("page", pfn))) is not None}
    if not written:
        return bytes(count)
    data = b"".join(written.get(pfn, EMPTY) for pfn in pages)
    return data[address % PAGE_SIZE :][:count]


def write_physical(m: View, address: int, data: bytes) -> None:
    """Write `data` at physical `address`."""
    for pfn in _pages(address, len(data)):
        start = (pfn << PAGE_SHIFT) - address  # of the page, as an index of data
        piece = data[max(start, 0) : start + PAGE_SIZE]
        page = patched(m.get(("page", pfn), EMPTY), max(-start, 0), piece)
        m["page", pfn] = None if page == EMPTY else page


def _pages(address: int, count: int) -> range:
    return range(address >> PAGE_SHIFT, (address + count + PAGE_SIZE - 1) >> PAGE_SHIFT)


def patched(page: bytes, at: int, data: bytes) -> bytes:
    """A page's contents with `data` at offset `at`."""
    return page[:at] + data + page[at + len(data) :]
