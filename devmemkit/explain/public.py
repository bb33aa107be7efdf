"""The public function of the package: one access on one machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from devmemkit.explain.answer import Answer
    from devmemkit.explain.description import Description


def explain(
    machine: Description,
    *,
    address: int | None = None,
    length: int | None = None,
    bdf: str | None = None,
    bar: int | None = None,
    offset: int | None = None,
    via: str | None = None,
    op: str = "mmap",
    exec: bool = False,
    private: bool = False,
    sync: bool = False,
    wc: bool = False,
) -> Answer:
    """Say how an access ends, which check of the kernel decides, and what would change it.

    The access is at a physical `address`, or at `offset` in a `bar` of the device `bdf`. `op` is
    "mmap", "read", "write", "load" or "store"; `via` is "devmem", "sysfs", "proc" or "port".
    `length` is in bytes (a page for mmap, else 4), `wc` means resourceN_wc. ValueError for an
    access that cannot be made.

    >>> import devmemkit as dk
    >>> answer = dk.explain(dk.load_machine("qemu-6.12"), address=0xfebc0000, op="mmap")
    >>> answer.outcome, answer.deciding_check.function, answer.advice[0].do
    ('EPERM', 'range_is_allowed', 'use the interface of e1000, which owns it')
    """
    from devmemkit.explain.access import access_of
    from devmemkit.explain.cases import Machines
    from devmemkit.explain.explanation import explain as answer

    access = access_of(
        machine,
        address=address,
        length=length,
        bdf=bdf,
        bar=bar,
        offset=offset,
        via=via,
        op=op,
        exec=exec,
        private=private,
        sync=sync,
        wc=wc,
    )
    return answer(Machines(machine, access), access)
