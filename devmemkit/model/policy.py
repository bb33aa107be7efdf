"""Policies: what a claim does to the mappings of its region, one small class each.

A policy says which mappings are on the iomem inode, which new mappings are refused, and which
steps a claim takes after its node is in the tree. To try another idea, write another class.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Literal, get_args

FileKind = Literal["mem", "resource", "proc"]
"""/dev/mem, a resourceN of sysfs, a file of /proc/bus/pci."""

ClaimStep = Literal[
    "both_ends", "zap_begin", "zap", "refuse_if_mapped", "refused", "notify", "wait_for_unmap"
]
"""Steps of a claim after its node is in the tree; revoke.STEPS implements them."""


class Policy:
    """NoProtection and the base of the others. `since` is the first release, "" for none.

    ValueError for a policy with an unknown step or kind of file.
    """

    name: ClassVar[str] = "NoProtection"
    since: ClassVar[str] = ""
    what: ClassVar[str] = "claims and mappings do not know of each other"
    excludes_busy: ClassVar[bool] = False
    """A busy region is refused to read, write and new mappings (with IO_STRICT_DEVMEM)."""
    excludes_idle: ClassVar[bool] = False
    """An idle region is refused, too."""
    one_inode: ClassVar[frozenset[FileKind]] = frozenset()
    """The kinds of file whose mappings share the iomem inode's address space."""
    after_insert: ClassVar[tuple[ClaimStep, ...]] = ()
    """The claim's steps after the insertion, in order."""

    def __init_subclass__(cls) -> None:
        _check(f"{cls.__name__}.one_inode", cls.one_inode, get_args(FileKind))
        _check(f"{cls.__name__}.after_insert", cls.after_insert, get_args(ClaimStep))


def _check(where: str, given: Iterable[str], known: tuple[str, ...]) -> None:
    for name in given:
        if name not in known:
            raise ValueError(f"{where}: expected one of {', '.join(known)}; got {name!r}")


class ExcludeNew(Policy):
    name = "ExcludeNew"
    since = "4.5"
    what = "no new access to a busy region; established mappings stay"
    excludes_busy = True


class RevokeDevmem(ExcludeNew):
    name = "RevokeDevmem"
    since = "5.8"
    what = "a claim zaps the /dev/mem mappings of its region"
    one_inode = frozenset({"mem"})
    after_insert: ClassVar[tuple[ClaimStep, ...]] = ("both_ends", "zap_begin", "zap")


class RevokeAll(RevokeDevmem):
    name = "RevokeAll"
    since = "5.12"
    what = "a claim zaps /dev/mem, PCI sysfs and PCI procfs mappings of its region"
    one_inode = frozenset({"mem", "resource", "proc"})


class RefuseClaim(RevokeAll):
    name = "RefuseClaim"
    since = ""
    what = "the claim fails with EBUSY while somebody maps the region"
    # inserted first, then undone: a mapping made meanwhile is refused, not missed
    after_insert = ("both_ends", "refuse_if_mapped", "refused")


class RevokeAfterGrace(RevokeAll):
    name = "RevokeAfterGrace"
    since = ""
    what = "the claim notifies those who map the region, waits, then zaps what is left"
    after_insert = ("both_ends", "notify", "wait_for_unmap", "zap_begin", "zap")


class DenyIdle(RevokeAll):
    name = "DenyIdle"
    since = ""
    what = "nobody maps what no driver has claimed, nor what one has"
    excludes_idle = True


POLICIES: dict[str, Policy] = {
    policy.name: policy()
    for policy in (
        Policy,
        ExcludeNew,
        RevokeDevmem,
        RevokeAll,
        RefuseClaim,
        RevokeAfterGrace,
        DenyIdle,
    )
}

REPAIRS = {
    "link-first": "the VMA is linked, then checked, then populated",
    "recheck": "behind all else every page is checked once more, and the mapping goes if one fails",
    "fault": "nothing is populated; a fault checks and inserts its page under the rmap lock",
    "hold-rmap": "the rmap lock is held from the link until the pages are there",
}
"""Orders of an mmap that no kernel has, which could close the race of an mmap and a claim."""

PROPOSALS = ("RefuseClaim", "RevokeAfterGrace", "DenyIdle")
"""Policies that no kernel has, raised in the discussion."""
