"""The contents of physical memory: plain bytes, page by page, zero until written."""

from __future__ import annotations

from devmemkit.model.flags import PAGE_SHIFT, PAGE_SIZE
from devmemkit.model.machine import View

EMPTY = bytes(PAGE_SIZE)


def read_physical(m: View, address: int, count: int) -> bytes:
    """`count` bytes of one page from physical `address`."""
    at = address % PAGE_SIZE
    page: bytes = m.get(("page", address >> PAGE_SHIFT), EMPTY)
    return page[at : at + count]


def write_physical(m: View, address: int, data: bytes) -> None:
    """Write `data`, which lies in one page, at physical `address`."""
    key = ("page", address >> PAGE_SHIFT)
    page = patched(m.get(key, EMPTY), address % PAGE_SIZE, data)
    m[key] = None if page == EMPTY else page


def patched(page: bytes, at: int, data: bytes) -> bytes:
    """A page's contents with `data` at offset `at`."""
    return page[:at] + data + page[at + len(data) :]
