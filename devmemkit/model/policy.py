"""Policies: which steps a claim takes, and which mappings they reach; one small class each.

A policy says which mappings share the iomem inode, which new mappings are refused, and which steps
a claim takes after its node is in the tree. `register_policy` adds one from outside of the package.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import ClassVar, Literal, TypeVar, get_args

FileKind = Literal["mem", "resource", "proc"]
"""/dev/mem, a resourceN of sysfs, a file of /proc/bus/pci."""

ClaimStep = Literal[
    "both_ends", "zap_begin", "zap", "refuse_if_mapped", "refused", "notify", "wait_for_unmap",
    "signal_mappers",
]  # fmt: skip
"""Steps of a claim after its node is in the tree; revoke.STEPS implements them.

revoke_iomem (revoke_devmem before 5.12) is `both_ends`, then `zap_begin` and `zap`.
"""

FaultRule = Literal["signal", "insert", "substitute"]
"""What a touch of a page without a PTE gets: SIGBUS, the page after a check, a page of zeroes."""


_TOGETHER = (("zap_begin", "zap"), ("refuse_if_mapped", "refused"), ("notify", "wait_for_unmap"))
"""Steps of a claim that rely on an earlier one."""


class Policy:
    """The base of all policies: a claim takes no step after the insertion, and nothing is refused.

    A subclass sets what it changes; its name is the name of the class. ValueError for an unknown
    step or kind of file, or for a step without the step that it relies on.

    >>> class Tell(Policy):
    ...     after_insert = ("both_ends", "notify")
    >>> Tell.name, Tell.what
    ('Tell', 'based on Policy')
    """

    name: ClassVar[str] = "Policy"
    since: ClassVar[str] = ""
    """The first release with this policy; "" for a policy of no release."""
    what: ClassVar[str] = ""
    """The policy in a few words, as tables show it."""
    excludes_busy: ClassVar[bool] = False
    """A busy region is refused to read, write and new mappings (with IO_STRICT_DEVMEM)."""
    excludes_idle: ClassVar[bool] = False
    """An idle region is refused, too."""
    one_inode: ClassVar[frozenset[FileKind]] = frozenset()
    """The kinds of file whose mappings share the iomem inode's address space."""
    after_insert: ClassVar[tuple[ClaimStep, ...]] = ()
    """The claim's steps after the insertion, in order."""
    on_fault: ClassVar[FaultRule] = "signal"
    """What a touch of a page without a PTE gets; with "insert" an mmap fills no page."""

    def __init_subclass__(cls) -> None:
        base = next(one.name for one in cls.__mro__[1:] if issubclass(one, Policy))
        for name, value in (("name", cls.__name__), ("since", ""), ("what", f"based on {base}")):
            if name not in vars(cls):  # none of the three is inherited
                setattr(cls, name, value)
        _check(f"{cls.__name__}.one_inode", cls.one_inode, get_args(FileKind))
        _check(f"{cls.__name__}.on_fault", (cls.on_fault,), get_args(FaultRule))
        where, steps = f"{cls.__name__}.after_insert", cls.after_insert
        _check(where, steps, get_args(ClaimStep))
        for first, then in _TOGETHER:
            if then in steps and first not in steps[: steps.index(then)]:
                raise ValueError(f"{where}: expected {first} before {then}, got {steps}")
        for first, then in _TOGETHER[:2]:
            if first in steps and then not in steps:
                raise ValueError(f"{where}: expected {then} after {first}, got {steps}")


def _check(where: str, given: Iterable[str], known: tuple[str, ...]) -> None:
    seen = set[str]()
    for name in given:
        if name not in known:
            raise ValueError(f"{where}: expected one of {', '.join(known)}; got {name!r}")
        if name in seen:
            raise ValueError(f"{where}: expected {name} once, got it twice")
        seen.add(name)


class NoProtection(Policy):
    """Linux 4.4 and before: claims and mappings do not know of each other.

    >>> NoProtection.excludes_busy, NoProtection.after_insert
    (False, ())
    """

    what = "claims and mappings do not know of each other"


class ExcludeNew(Policy):
    """Linux 4.5 to 5.7: a busy region cannot be mapped anew.

    >>> ExcludeNew.excludes_busy, ExcludeNew.after_insert
    (True, ())
    """

    since = "4.5"
    what = "no new access to a busy region; established mappings stay"
    excludes_busy = True


class RevokeDevmem(ExcludeNew):
    """Linux 5.8 to 5.11: a claim also revokes mappings through /dev/mem.

    >>> sorted(RevokeDevmem.one_inode), RevokeDevmem.after_insert
    (['mem'], ('both_ends', 'zap_begin', 'zap'))
    """

    since = "5.8"
    what = "a claim zaps the /dev/mem mappings of its region"
    one_inode = frozenset({"mem"})
    after_insert: ClassVar[tuple[ClaimStep, ...]] = ("both_ends", "zap_begin", "zap")


class RevokeAll(RevokeDevmem):
    """Linux 5.12 to today: a claim also revokes mappings through PCI sysfs and procfs.

    >>> sorted(RevokeAll.one_inode)
    ['mem', 'proc', 'resource']
    """

    since = "5.12"
    what = "a claim zaps /dev/mem, PCI sysfs and PCI procfs mappings of its region"
    one_inode = frozenset({"mem", "resource", "proc"})


class RefuseClaim(RevokeAll):
    """A proposal: the driver gets EBUSY while a process maps the region.

    >>> RefuseClaim.after_insert
    ('both_ends', 'refuse_if_mapped', 'refused')
    """

    what = "the claim fails with EBUSY while somebody maps the region"
    # inserted first, then undone: a mapping made meanwhile is refused, not missed
    after_insert = ("both_ends", "refuse_if_mapped", "refused")


class RevokeAfterGrace(RevokeAll):
    """A proposal: processes are told first, and have time to unmap before a claim revokes.

    >>> RevokeAfterGrace.after_insert[1:3]
    ('notify', 'wait_for_unmap')
    """

    what = "the claim notifies those who map the region, waits, then zaps what is left"
    after_insert = ("both_ends", "notify", "wait_for_unmap", "zap_begin", "zap")


class DenyIdle(RevokeAll):
    """A proposal: nobody maps a region, be it claimed or idle.

    >>> DenyIdle.excludes_idle
    True
    """

    what = "nobody maps device memory, claimed or not"
    excludes_idle = True


class FaultRecheck(RevokeAll):
    """As VFIO: an mmap fills nothing; a fault checks its page, and inserts it, under a lock.

    Pages that a claim has zapped come back by fault once the region is released. Source:
    vfio_pci_mmap_huge_fault and vfio_pci_zap_and_down_write_memory_lock (7.3), whose lock is the
    device's memory_lock; here it is the rmap lock.

    >>> FaultRecheck.on_fault, FaultRecheck.after_insert == RevokeAll.after_insert
    ('insert', True)
    """

    what = "a claim zaps; pages are filled by faults alone, which check them again"
    on_fault = "insert"


class SubstitutePage(RevokeAll):
    """As DRM and RDMA: behind a claim a mapping has pages of zeroes, and the device never again.

    Source: ttm_bo_vm_dummy_page and rdma_umap_fault (7.3). They share one page among addresses;
    here each page of a process has its own.

    >>> SubstitutePage.on_fault
    'substitute'
    """

    what = "a claim zaps; the next touch of a page finds zeroes instead of a signal"
    on_fault = "substitute"


class SignalNow(RevokeAll):
    """As memory failure: a claim signals those who map the region, and zaps nothing.

    Source: memory_failure_pfn (7.3), for device memory. It signals those who asked for an early
    signal; here every process has.

    >>> SignalNow.after_insert
    ('both_ends', 'signal_mappers')
    """

    what = "a claim sends SIGBUS to those who map the region; the mappings stay"
    after_insert = ("both_ends", "signal_mappers")


GROUP = "devmemkit.policies"
"""The group of entry points through which an installed package adds its policies."""


class _Registry(Mapping[str, Policy]):
    """Policies by name: the built-in ones first, then those that were registered.

    Entry points of installed packages are loaded once, when somebody asks for all names or for a
    name that is not known yet. ValueError for one that cannot be loaded.
    """

    def __init__(self, *built_in: type[Policy]) -> None:
        self.known: dict[str, Policy] = {one.name: one() for one in built_in}
        self.built_in = tuple(self.known)
        self._loaded = False

    def _load(self) -> None:
        if self._loaded:
            return
        self._loaded = True  # first: a module that is loaded may ask for policies itself
        from importlib.metadata import entry_points  # 20 ms, and most runs need no other policy

        for point in entry_points(group=GROUP):
            try:
                found = point.load()
                if isinstance(found, type):  # a module has registered its own
                    register_policy(found)
            except Exception as error:
                self._loaded = False
                raise ValueError(f"policy {point.value!r} of an entry point: {error}") from error

    def __getitem__(self, name: str) -> Policy:
        if name not in self.known:
            self._load()
        return self.known[name]

    def __iter__(self) -> Iterator[str]:
        self._load()
        return iter(self.known)

    def __len__(self) -> int:
        self._load()
        return len(self.known)


POLICIES = _Registry(
    *(NoProtection, ExcludeNew, RevokeDevmem, RevokeAll, RefuseClaim, RevokeAfterGrace, DenyIdle),
    *(FaultRecheck, SubstitutePage, SignalNow),
)

_P = TypeVar("_P", bound=type[Policy])


def register_policy(policy: _P) -> _P:
    """Add a policy, so that kernels, explorers, commands and the table of policies have it by name.

    Registering another class of the same name replaces the earlier one. TypeError for a class that
    is no Policy, ValueError for the name of a built-in one.

    >>> @register_policy
    ... class TellFirst(RevokeAll):
    ...     after_insert = ("both_ends", "notify", "zap_begin", "zap")
    >>> POLICIES["TellFirst"].what
    'based on RevokeAll'
    >>> del POLICIES.known["TellFirst"]
    """
    if not (isinstance(policy, type) and issubclass(policy, Policy)):
        raise TypeError(f"register_policy: expected a subclass of Policy, got {policy!r}")
    if policy.name in POLICIES.built_in or not policy.name.isidentifier():
        taken = ", ".join(POLICIES.built_in)
        raise ValueError(f"name: expected an identifier other than {taken}; got {policy.name!r}")
    POLICIES.known[policy.name] = policy()
    return policy


PROPOSALS = ("RefuseClaim", "RevokeAfterGrace", "DenyIdle")
"""Policies that no kernel has, raised in the discussion."""

ELSEWHERE = ("FaultRecheck", "SubstitutePage", "SignalNow")
"""Policies that Linux has elsewhere, for mappings of other kinds."""
