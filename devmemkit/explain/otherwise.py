"""What may have been otherwise than described: each gives a machine and the acts that show it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from devmemkit.explain.access import ACTOR, Access, acts_of, mapping, opening, using
from devmemkit.explain.cases import Machines, with_kernel
from devmemkit.explain.later import claim_of
from devmemkit.model.flags import PAGE_SHIFT, PAGE_SIZE
from devmemkit.model.kernel import Config
from devmemkit.model.machine import Machine
from devmemkit.model.process.task import new_task
from devmemkit.scenarios.play import Act, Ref

Acts = tuple[Act, ...]
Twisted = tuple[Machine, Acts]
Apply = Callable[[Machines, Machine, Access], Twisted | None]
"""None where it cannot be."""


def after(operation: str) -> Apply:
    """The process gave up something before."""

    def apply(_: Machines, machine: Machine, access: Access) -> Twisted:
        return machine, (Act("user", ACTOR, operation, {"pid": ACTOR}), *acts_of(access))

    return apply


def another_kernel(**changes: Any) -> Apply:
    """Another kernel: `changes` are those of its profile; a command line is added."""

    def apply(_: Machines, machine: Machine, access: Access) -> Twisted:
        changed = dict(changes)
        if "cmdline" in changed:
            changed["cmdline"] = f"{machine.kernel.cmdline} {changed['cmdline']}".strip()
        return with_kernel(machine, **changed), acts_of(access)

    return apply


def no_devmem(node: bool) -> Apply:
    """DEVMEM=n, with or without a node that somebody made."""

    def apply(_: Machines, machine: Machine, access: Access) -> Twisted:
        config = Config(False, False, False)
        changed = with_kernel(machine, config=config).with_({"dev_mem": node})
        return changed, acts_of(access)

    return apply


def claimed_before(machines: Machines, machine: Machine, access: Access) -> Twisted | None:
    """The resource's driver had claimed it."""
    claim = claim_of(machines.known, machine, access)
    return None if claim is None else (machine, (claim, *acts_of(access)))


def page_claimed(machines: Machines, machine: Machine, access: Access) -> Twisted | None:
    """Somebody had claimed the last page of the range alone."""
    last = access.pages[1]
    if access.via != "devmem" or last == access.pages[0]:
        return None
    where = {"start": last << PAGE_SHIFT, "size": 16, "name": "driver"}
    return machine, (Act("claim", "D", "request_mem_region", where), *acts_of(access))


def claimed_after(machines: Machines, machine: Machine, access: Access) -> Twisted | None:
    """The resource's driver claims it between mmap and touch."""
    claim = claim_of(machines.known, machine, access)
    return None if claim is None else _then(machine, access, claim)


def _then(machine: Machine, access: Access, *acts: Act) -> Twisted | None:
    """Map first, then the acts, then touch what was mapped."""
    if not access.maps:
        return None
    return machine, (*mapping(access), *acts, _touch(access))


def _touch(access: Access, plus: int = 0) -> Act:
    arguments = {"pid": ACTOR, "address": Ref("mmap", plus), "size": 1}
    if access.op == "store":
        return Act("touch", ACTOR, "store", {**arguments, "value": 0})
    return Act("touch", ACTOR, "load", arguments, live=True)


def copied(operation: str) -> Apply:
    """After that claim a system call gets the mapping as its buffer."""

    def apply(machines: Machines, machine: Machine, access: Access) -> Twisted | None:
        twisted = claimed_after(machines, machine, access)
        if twisted is None:
            return None
        act = Act("copy", ACTOR, operation, {"pid": ACTOR, "address": Ref("mmap")})
        return twisted[0], (*twisted[1][:-1], act)

    return apply


def unmapped(_: Machines, machine: Machine, access: Access) -> Twisted | None:
    """All of it was unmapped before the touch."""
    first, last = access.pages
    where = {"pid": ACTOR, "address": Ref("mmap"), "length": (last - first + 1) * PAGE_SIZE}
    return _then(machine, access, Act("gone", ACTOR, "munmap", where))


def beyond(_: Machines, machine: Machine, access: Access) -> Twisted | None:
    """The touch is one page behind the mapping."""
    twisted = _then(machine, access)
    if twisted is None:
        return None
    pages = access.pages[1] - access.pages[0] + 1
    return machine, (*twisted[1][:-1], _touch(access, pages * PAGE_SIZE))


def read_only_store(_: Machines, machine: Machine, access: Access) -> Twisted | None:
    """A store through a mapping without PROT_WRITE."""
    if not access.maps:
        return None
    mapped = mapping(replace(access, op="load"))
    return machine, (*mapped, _touch(replace(access, op="store")))


def opened(mode: str) -> Apply:
    """The file was opened in another mode."""

    def apply(_: Machines, machine: Machine, access: Access) -> Twisted | None:
        if access.via == "proc" or access.op == "load":
            return None
        return machine, acts_of(replace(access, mode=mode))

    return apply


def unaligned(_: Machines, machine: Machine, access: Access) -> Twisted | None:
    """An offset that is no multiple of a page."""
    return _other_mmap(machine, access, lambda given: {"offset": given["offset"] + 1})


def empty(_: Machines, machine: Machine, access: Access) -> Twisted | None:
    """A length of 0."""
    return _other_mmap(machine, access, lambda _: {"length": 0})


def too_long(machines: Machines, machine: Machine, access: Access) -> Twisted | None:
    """A length of a page more than the BAR has."""
    device = machines.known.devices.get(access.bdf)
    bar = device and next((b for b in device.bars if b.index == access.bar), None)
    if not bar:
        return None
    return _other_mmap(machine, access, lambda _: {"length": bar.length + PAGE_SIZE})


def _other_mmap(
    machine: Machine, access: Access, change: Callable[[dict[str, Any]], dict[str, Any]]
) -> Twisted | None:
    if not access.maps:
        return None
    return machine, tuple(
        act if act.key != "mmap" else replace(act, arguments=act.arguments | change(act.arguments))
        for act in acts_of(access)
    )


def not_asked(_: Machines, machine: Machine, access: Access) -> Twisted | None:
    """The file was not told that memory is meant."""
    if access.via != "proc":
        return None
    return machine, tuple(act for act in acts_of(access) if act.key != "ask")


def mapped_otherwise(_: Machines, machine: Machine, access: Access) -> Twisted | None:
    """Process Q holds the pages with another cache type."""
    if not access.maps:
        return None
    sync = access.via == "devmem" and not access.sync
    other = Access("devmem", "mmap", access.start, max(access.length, 1), sync=sync)
    acts = tuple(
        Act(
            f"other {act.key}", "Q", act.operation,
            {k: Ref(f"other {v.key}", v.plus) if isinstance(v, Ref) else v
             for k, v in {**act.arguments, "pid": "Q"}.items()},
        )
        for act in (*opening(other), *using(other))
    )  # fmt: skip
    task = new_task("Q")
    return machine.with_(task), (*acts, *acts_of(access))


def removed(_: Machines, machine: Machine, access: Access) -> Twisted | None:
    """The device was removed while its file was open."""
    if not access.bdf:
        return None
    gone = Act("remove", "D", "remove", {"bdf": access.bdf})
    first, *rest = acts_of(access)
    return machine, (first, gone, *rest)


def missing(_: Machines, machine: Machine, access: Access) -> Twisted | None:
    """There is no such device."""
    if not access.bdf:
        return None
    return machine.with_({("pci", access.bdf): None}), acts_of(access)


def through_read(_: Machines, machine: Machine, access: Access) -> Twisted | None:
    """read(2) in place of the operation."""
    return (machine, acts_of(replace(access, op="read"))) if access.via != "proc" else None
