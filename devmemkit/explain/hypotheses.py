"""Hypotheses: what may have happened that a description does not show, and how a user can tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from devmemkit.explain.access import Access
from devmemkit.explain.calls import (
    ACTOR,
    DRIVER,
    Calls,
    calls_of,
    claim,
    mapping,
    opening,
    touch,
    using,
)
from devmemkit.explain.cases import with_kernel
from devmemkit.explain.description import Description
from devmemkit.explain.owner import claim_of
from devmemkit.model.flags import PAGE_SHIFT, PAGE_SIZE
from devmemkit.model.kernel import Config
from devmemkit.model.machine import Key, Machine
from devmemkit.model.process.task import new_task
from devmemkit.scenarios.play import Act, Ref

Changed = tuple[Machine, Calls]
"""A machine, and the calls to play on it."""
Change = Callable[[Description, Machine, Access], Changed | None]


@dataclass(frozen=True)
class Hypothesis:
    """`what` may have happened, how to `tell`, and the machine and calls under the hypothesis.

    `apply` returns None if the hypothesis cannot hold for an access.
    """

    name: str
    what: str
    tell: str
    apply: Change


def claimed_before(known: Description, machine: Machine, access: Access) -> Changed | None:
    claimed = claim_of(known, machine, access)
    return None if claimed is None else (machine, (claimed, *calls_of(access)))


def claimed_after(known: Description, machine: Machine, access: Access) -> Changed | None:
    claimed = claim_of(known, machine, access)
    return None if claimed is None else _mapped(machine, access, claimed, _touch(access))


def page_claimed(_: Description, machine: Machine, access: Access) -> Changed | None:
    """A driver has claimed the last page of the range alone."""
    first, last = access.pages
    if access.via != "devmem" or last == first:
        return None
    return machine, (claim("driver", last << PAGE_SHIFT, 16), *calls_of(access))


def after(operation: str) -> Change:
    """The process called `operation` first."""
    call = Act("user", ACTOR, operation, {"pid": ACTOR})
    return lambda _, machine, access: (machine, (call, *calls_of(access)))


def locked(_: Description, machine: Machine, access: Access) -> Changed:
    cmdline = f"{machine.kernel.cmdline} lockdown=integrity".strip()
    return with_kernel(machine, cmdline=cmdline), calls_of(access)


def built(config: Config, components: Mapping[Key, Any] | None = None) -> Change:
    """The kernel has another configuration, and the machine other components."""

    def apply(_: Description, machine: Machine, access: Access) -> Changed:
        changed = with_kernel(machine, config=config)
        return changed.with_(components or {}), calls_of(access)

    return apply


def other_cache_type(_: Description, machine: Machine, access: Access) -> Changed | None:
    """Process Q maps the pages first, with another cache type."""
    if not access.maps:
        return None
    sync = access.via == "devmem" and not access.sync
    other = Access("devmem", "mmap", access.start, max(access.length, 1), sync=sync)
    calls = []
    for call in (*opening(other), *using(other)):
        arguments = {
            name: replace(value, key=f"other {value.key}") if isinstance(value, Ref) else value
            for name, value in call.arguments.items()
        }
        calls.append(Act(f"other {call.key}", "Q", call.operation, {**arguments, "pid": "Q"}))
    return machine.with_(new_task("Q")), (*calls, *calls_of(access))


def opened(mode: str) -> Change:
    """The process opened the file in another mode."""

    def apply(_: Description, machine: Machine, access: Access) -> Changed | None:
        if access.via == "proc" or access.op == "load":
            return None
        return machine, calls_of(replace(access, mode=mode))

    return apply


def read_only_store(_: Description, machine: Machine, access: Access) -> Changed | None:
    if not access.maps:
        return None
    return machine, (*mapping(replace(access, op="load")), touch("touch", "store"))


def beyond(_: Description, machine: Machine, access: Access) -> Changed | None:
    return _mapped(machine, access, _touch(access, _pages(access) * PAGE_SIZE))


def unmapped(_: Description, machine: Machine, access: Access) -> Changed | None:
    where = {"pid": ACTOR, "address": Ref("mmap"), "length": _pages(access) * PAGE_SIZE}
    return _mapped(machine, access, Act("gone", ACTOR, "munmap", where), _touch(access))


def other_mmap(change: Callable[[Description, Access, int], dict[str, Any] | None]) -> Change:
    """mmap has other arguments: `change` gives them from the offset."""

    def apply(known: Description, machine: Machine, access: Access) -> Changed | None:
        calls = {call.key: call for call in calls_of(access)}
        if "mmap" not in calls:
            return None
        given = calls["mmap"].arguments
        changed = change(known, access, given["offset"])
        if changed is None:
            return None
        calls["mmap"] = replace(calls["mmap"], arguments=given | changed)
        return machine, tuple(calls.values())

    return apply


def _too_long(known: Description, access: Access, _: int) -> dict[str, Any] | None:
    device = known.devices.get(access.bdf)
    bar = device and device.bar(access.bar)
    return {"length": bar.length + PAGE_SIZE} if bar else None


def not_asked(_: Description, machine: Machine, access: Access) -> Changed | None:
    if access.via != "proc":
        return None
    return machine, tuple(call for call in calls_of(access) if call.key != "ask")


def through_read(_: Description, machine: Machine, access: Access) -> Changed | None:
    return (machine, calls_of(replace(access, op="read"))) if access.via != "proc" else None


def copied(operation: str) -> Change:
    """After a driver's claim, a system call gets the mapping as its buffer."""
    copy = Act("copy", ACTOR, operation, {"pid": ACTOR, "address": Ref("mmap")})

    def apply(known: Description, machine: Machine, access: Access) -> Changed | None:
        claimed = claim_of(known, machine, access)
        return None if claimed is None else _mapped(machine, access, claimed, copy)

    return apply


def removed(_: Description, machine: Machine, access: Access) -> Changed | None:
    """The device disappears while its file is open."""
    if not access.bdf:
        return None
    first, *rest = calls_of(access)
    return machine, (first, Act("remove", DRIVER, "remove", {"bdf": access.bdf}), *rest)


def missing(_: Description, machine: Machine, access: Access) -> Changed | None:
    return (machine.with_({("pci", access.bdf): None}), calls_of(access)) if access.bdf else None


def _mapped(machine: Machine, access: Access, *calls: Act) -> Changed | None:
    """The calls after the access's mmap; None for an access without one."""
    return (machine, (*mapping(access), *calls)) if access.maps else None


def _touch(access: Access, plus: int = 0) -> Act:
    return touch("touch", "store" if access.op == "store" else "load", plus)


def _pages(access: Access) -> int:
    return access.pages[1] - access.pages[0] + 1


NO_DEVMEM = Config(False, False, False)

HYPOTHESES = (
    Hypothesis(
        "claimed before",
        "a driver had claimed the region before",
        "the region has a line of a driver's in /proc/iomem, below the device's",
        claimed_before,
    ),
    Hypothesis(
        "claimed after",
        "a driver claimed the region after it was mapped, and the mapping was revoked",
        "modprobe, or a device that appeared, shortly before; dmesg says which driver bound",
        claimed_after,
    ),
    Hypothesis(
        "page claimed",
        "one page of the range is claimed, and one is enough",
        "/proc/iomem, with the range rounded to pages: look for an indented line inside",
        page_claimed,
    ),
    Hypothesis(
        "lockdown",
        "lockdown is in force",
        "cat /sys/kernel/security/lockdown; iomem=relaxed does not lift it",
        locked,
    ),
    Hypothesis(
        "no capability",
        "the process has no CAP_SYS_RAWIO, as root in a container has not",
        "grep CapEff /proc/self/status: bit 17",
        after("capset"),
    ),
    Hypothesis("no root", "the process does not run as root", "id -u", after("setuid")),
    Hypothesis(
        "io_strict",
        "the kernel is stricter: IO_STRICT_DEVMEM=y",
        "grep STRICT_DEVMEM /boot/config-*",
        built(Config()),
    ),
    Hypothesis(
        "no devmem",
        "the kernel has no /dev/mem (DEVMEM=n)",
        "grep CONFIG_DEVMEM= /boot/config-*",
        built(NO_DEVMEM, {"dev_mem": False}),
    ),
    Hypothesis(
        "empty node",
        "somebody made the node although the kernel has no /dev/mem (DEVMEM=n)",
        "grep CONFIG_DEVMEM= /boot/config-*; a container's /dev is often made by hand",
        built(NO_DEVMEM, {"dev_mem": True}),
    ),
    Hypothesis(
        "other cache type",
        "another mapping of the pages has another cache type (O_SYNC or not, _wc or not)",
        "/sys/kernel/debug/x86/pat_memtype_list has the range; dmesg on a conflict",
        other_cache_type,
    ),
    Hypothesis(
        "opened read-only",
        "the file was opened for reading only, and a shared mapping wants to write",
        "strace: O_RDONLY with PROT_WRITE",
        opened("r"),
    ),
    Hypothesis(
        "opened write-only", "the file was opened for writing only", "strace: O_WRONLY", opened("w")
    ),
    Hypothesis(
        "read-only store",
        "a store to a mapping without PROT_WRITE",
        "strace: the prot of mmap; si_code is SEGV_ACCERR",
        read_only_store,
    ),
    Hypothesis(
        "beyond the end",
        "the touch is behind the mapping's end",
        "compare si_addr with /proc/PID/maps; si_code is SEGV_MAPERR",
        beyond,
    ),
    Hypothesis(
        "unmapped",
        "the mapping was gone already",
        "strace: munmap; si_code is SEGV_MAPERR",
        unmapped,
    ),
    Hypothesis(
        "unaligned",
        "the offset is not a multiple of the page size",
        "strace: the last argument of mmap",
        other_mmap(lambda _known, _access, offset: {"offset": offset + 1}),
    ),
    Hypothesis(
        "empty",
        "the length is 0",
        "strace: the second argument of mmap",
        other_mmap(lambda *_: {"length": 0}),
    ),
    Hypothesis(
        "too long",
        "the mapping reaches beyond the end of the BAR",
        "compare with the size of the resourceN file; offsets into it begin at 0",
        other_mmap(_too_long),
    ),
    Hypothesis(
        "not asked", "PCIIOC_MMAP_IS_MEM was not called on the file", "strace: the ioctl", not_asked
    ),
    Hypothesis(
        "read", "read(2) was used where only mmap can reach", "strace: read or pread", through_read
    ),
    Hypothesis(
        "copied",
        "a system call was given a buffer inside a mapping that was revoked",
        "strace: a write(2) whose buffer is the mapping, and EFAULT",
        copied("copy_from_user"),
    ),
    Hypothesis(
        "traced",
        "a debugger looked at a page that was revoked",
        "ptrace or /proc/PID/mem",
        copied("ptrace_peek"),
    ),
    Hypothesis(
        "removed",
        "the device was removed between open and mmap",
        "dmesg; the folder of the device in /sys/bus/pci/devices is gone",
        removed,
    ),
    Hypothesis(
        "missing",
        "there is no such device, or its BAR has no file",
        "ls /sys/bus/pci/devices",
        missing,
    ),
)
