"""The public functions of the package: one access on one machine, and causes of a symptom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from devmemkit.explain.answer import Answer
    from devmemkit.explain.cause import Cause
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
    strace: str = "",
) -> Answer:
    """Say how an access ends, which check of the kernel decides, and what would change it.

    The access is at a physical `address`, or at `offset` in a `bar` of the device `bdf`. `op` is
    "mmap", "read", "write", "load" or "store"; `via` is "devmem", "sysfs", "proc" or "port".
    `length` is in bytes (a page for mmap, else 4), `wc` means resourceN_wc. Lines of `strace` show
    the access and replace the other arguments. ValueError for an access that cannot be made.

    >>> import devmemkit as dk
    >>> answer = dk.explain(dk.load_machine("qemu-6.12"), address=0xfebc0000, op="mmap")
    >>> answer.outcome, answer.deciding_check.function, answer.advice[0].do
    ('EPERM', 'range_is_allowed', 'use the interface of e1000, which owns it')
    """
    from devmemkit.explain.access import access_of
    from devmemkit.explain.cases import Machines
    from devmemkit.explain.explanation import explain as answer
    from devmemkit.explain.traces import traced

    if strace:
        return answer(*traced(machine, strace)[:2])
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


def causes(
    machine: Description, got: str = "", *, op: str | None = None, strace: str = "", **access: Any
) -> tuple[Cause, ...]:
    """List what can be behind a symptom, the likeliest first: `what`, how to `tell`, `function`.

    The likeliest one has `advice`: what to do about it.
    `got` is an errno or a signal by name, message or number, "zeros" or "ones", or a line of dmesg.
    `access` are the arguments of `explain`; without `op` every operation is tried. Lines of
    `strace` show the access, and the symptom too. ValueError for what is no symptom or no access.

    >>> import devmemkit as dk
    >>> machine = dk.load_machine("qemu-6.12")
    >>> found = dk.causes(machine, "Operation not permitted", address=0xfebc0000)
    >>> found[0].what, found[0].function
    ('page 0xfebc0 is not allowed: e1000 has it', 'range_is_allowed')
    >>> line = "mmap(NULL, 4096, PROT_READ, MAP_SHARED, 3, 0xfebc0000) = -1 EPERM"
    >>> dk.causes(machine, strace=line)[0].what == found[0].what
    True
    """
    from devmemkit.explain.asking import causes_for
    from devmemkit.explain.symptom import causes as listed
    from devmemkit.explain.traces import traced

    if strace:
        return listed(*traced(machine, strace, got))
    return causes_for(machine, got, op=op, **access)[1]
