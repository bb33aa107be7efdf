"""System calls on mappings: none revives a page, none escapes a claim."""

from __future__ import annotations

from dataclasses import replace

import pytest

from devmemkit.model.machine import Machine
from devmemkit.model.mm.syscalls import TAKEN
from tests.model.machines import (
    ALL,
    BAR0,
    BDF,
    PAGE,
    PMEM,
    begin,
    blocked,
    claim_,
    do,
    finish,
    interleavings,
    live,
    machine,
    mapped,
    ok,
    step_to,
)

TO = 0x5000_0000_0000


def half_dead(version: str) -> tuple[Machine, int]:
    """Four pages mapped, pages 2 and 3 claimed."""
    m, address = mapped(machine(version), PMEM, 4)
    return claim_(m, PMEM + 2 * PAGE, 2 * PAGE), address


HALF = [True, True, False, False]


@pytest.mark.parametrize("version", ALL)
@pytest.mark.parametrize(
    ("name", "more", "errno"),
    [
        ("mprotect", {"prot": "rw"}, None),
        ("mlock", {}, None),
        ("msync", {}, "EINVAL"),
        ("madvise", {"advice": "WILLNEED"}, None),
        ("madvise", {"advice": "DONTFORK"}, None),
        ("madvise", {"advice": "DOFORK"}, "EINVAL"),
        ("madvise", {"advice": "DONTNEED"}, "EINVAL"),
        ("madvise", {"advice": "POPULATE_READ"}, "EINVAL"),
        ("madvise", {"advice": "POPULATE_WRITE"}, "EINVAL"),
        ("madvise", {"advice": "FREE"}, "EINVAL"),
        ("madvise", {"advice": "WIPEONFORK"}, "EINVAL"),
        ("madvise", {"advice": "COLD"}, "EINVAL"),
        ("madvise", {"advice": "PAGEOUT"}, "EINVAL"),
        ("madvise", {"advice": "DONTNEED_LOCKED"}, "EINVAL"),
    ],
)
def test_nothing_revives(version: str, name: str, more: dict[str, str], errno: str | None) -> None:
    """Each call's result, on live and dead pages, and no page comes back."""
    m, address = half_dead(version)
    after, outcome = do(m, name, address=address, length=4 * PAGE, **more)
    assert outcome.errno == errno
    assert live(after, address, 4) == HALF
    unknown = version == "5.10" and "POPULATE" in more.get("advice", "")
    nothing = do(m, name, address=0x1000, length=PAGE, **more)[1].errno
    assert nothing == ("EINVAL" if unknown else "ENOMEM")
    unaligned = do(m, name, address=address + 1, length=PAGE, **more)[1]
    assert unaligned.errno == (None if name == "mlock" else "EINVAL")  # mlock rounds


@pytest.mark.parametrize(
    ("name", "more", "hole"),
    [
        ("mprotect", {"prot": "rw"}, "ENOMEM"),
        ("mlock", {}, "ENOMEM"),
        ("msync", {}, "EINVAL"),  # the mapped part fails first
        ("madvise", {"advice": "WILLNEED"}, "ENOMEM"),
        ("madvise", {"advice": "DONTNEED"}, "EINVAL"),
        ("munmap", {}, None),
    ],
)
def test_holes_and_nothing(name: str, more: dict[str, str], hole: str | None) -> None:
    """A range that runs beyond the mapping; one of length 0 (which munmap alone refuses); and a
    call that must wait for the mmap of another thread."""
    m, address = mapped(machine(), PMEM, 2)
    assert do(m, name, address=address, length=3 * PAGE, **more)[1].errno == hole
    empty = do(m, name, address=address, length=0, **more)[1]
    assert empty.errno == ("EINVAL" if name == "munmap" else None)
    m = begin(m, "t", "mmap_devmem", pid="p", fd=0, offset=PMEM, length=PAGE)
    m = step_to(m, "t", "do_mmap")
    m = begin(m, "u", name, pid="p", address=address, length=PAGE, **more)
    assert blocked(m, "u") == "mmap p"


@pytest.mark.parametrize("version", ALL)
def test_mremap(version: str) -> None:
    """Grow EFAULT; a move keeps dead pages dead and stays revocable; shrink works."""
    m, address = half_dead(version)
    assert do(m, "mremap", address=address, length=4 * PAGE, new_length=5 * PAGE)[1].errno == (
        "EFAULT"
    )
    moved, to = ok(m, "mremap", address=address, length=4 * PAGE, new_length=4 * PAGE, to=TO)
    assert (to, live(moved, TO, 4)) == (TO, HALF)
    assert do(moved, "load", address=address)[1].si_code == "SEGV_MAPERR"
    assert moved["vmas", "p"][0].pgoff == PMEM >> 12
    assert live(claim_(moved, PMEM, PAGE), TO, 4) == [False, True, False, False]
    small, _ = ok(m, "mremap", address=address, length=4 * PAGE, new_length=PAGE)
    assert live(small, address, 1) == [True]
    assert do(small, "load", address=address + PAGE)[1].si_code == "SEGV_MAPERR"
    both, _ = ok(m, "mremap", address=address, length=4 * PAGE, new_length=3 * PAGE, to=TO)
    assert live(both, TO, 3) == HALF[:3]


def test_mremap_of_a_middle_part() -> None:
    """The pieces keep their page offsets: a claim finds each where it is now."""
    m, address = mapped(machine(), PMEM, 4)
    m, _ = ok(m, "mremap", address=address + PAGE, length=PAGE, new_length=PAGE, to=TO)
    assert [(v.start, v.pages, v.pgoff - (PMEM >> 12)) for v in m["vmas", "p"]] == [
        (TO, 1, 1),
        (address, 1, 0),
        (address + 2 * PAGE, 2, 2),
    ]
    m = claim_(m, PMEM + PAGE, 2 * PAGE)
    assert (live(m, TO, 1), live(m, address, 1)) == ([False], [True])
    assert live(m, address + 2 * PAGE, 2) == [False, True]


def test_mremap_onto_something() -> None:
    """MREMAP_FIXED: what was there goes; overlapping itself, or an odd address, is EINVAL."""
    m, one = mapped(machine(), PMEM, 2)
    m, two = mapped(m, PMEM + 4 * PAGE, 2)
    span = {"address": one, "length": 2 * PAGE, "new_length": 2 * PAGE}
    for to in (one + PAGE, one - PAGE, one, TO + 1):
        assert do(m, "mremap", **span, to=to)[1].errno == "EINVAL"
    m, _ = ok(m, "mremap", **span, to=two + PAGE)
    assert [(v.start, v.pages, v.pgoff - (PMEM >> 12)) for v in m["vmas", "p"]] == [
        (two, 1, 4),
        (two + PAGE, 2, 0),
    ]
    assert len(m["i_mmap", "iomem"].value()) == 2
    assert live(claim_(m, PMEM, PAGE), two, 3) == [True, False, True]
    assert do(m, "mremap", address=0x1000, length=PAGE, new_length=PAGE)[1].errno == "EFAULT"


@pytest.mark.parametrize("version", ALL)
def test_munmap_and_a_new_mmap_is_the_only_recovery(version: str) -> None:
    m, address = half_dead(version)
    m, _ = ok(m, "release_mem_region", "driver", start=PMEM + 2 * PAGE, size=2 * PAGE)
    assert live(m, address, 4) == HALF
    m, _ = ok(m, "munmap", address=address, length=4 * PAGE)
    assert m["vmas", "p"] == ()
    assert m["pagetable", "p"].present(0, 1 << 52) == []
    m, again = ok(m, "mmap_devmem", fd=0, offset=PMEM, length=4 * PAGE)
    assert all(live(m, again, 4))


def test_munmap_in_the_middle() -> None:
    """The rest keeps working and keeps its offsets; a hole is no error."""
    m, address = mapped(machine(), PMEM, 4)
    m, _ = ok(m, "munmap", address=address + PAGE, length=PAGE)
    assert do(m, "load", address=address + PAGE)[1].si_code == "SEGV_MAPERR"
    assert [v.pgoff - (PMEM >> 12) for v in m["vmas", "p"]] == [0, 2]
    m = claim_(m, PMEM + PAGE, 2 * PAGE)
    assert (live(m, address, 1), live(m, address + 2 * PAGE, 2)) == ([True], [False, True])
    m, _ = ok(m, "munmap", address=address, length=4 * PAGE)
    m, _ = ok(m, "munmap", address=address, length=4 * PAGE)
    assert m.get(("i_mmap", "iomem")) is None
    assert do(m, "munmap", address=address, length=0)[1].errno == "EINVAL"


def test_mprotect() -> None:
    """EACCES beyond the file's open mode; ENOMEM over a hole; splits at the borders."""
    m, fd = ok(machine(), "open_devmem", mode="r")
    m, address = ok(m, "mmap_devmem", fd=fd, offset=PMEM, length=3 * PAGE, prot="r")
    span = {"address": address + PAGE, "length": PAGE}
    assert do(m, "mprotect", **span, prot="rw")[1].errno == "EACCES"
    none, _ = ok(m, "mprotect", **span, prot="")
    assert [v.pages for v in none["vmas", "p"]] == [1, 1, 1]
    assert [do(none, "load", address=address + i * PAGE)[1].signal for i in range(3)] == [
        None,
        "SIGSEGV",
        None,
    ]
    back, _ = ok(none, "mprotect", **span, prot="r")
    assert all(live(back, address, 3))
    assert live(claim_(back, PMEM, 3 * PAGE), address, 3) == [False] * 3
    beyond = {"address": address, "length": 4 * PAGE}
    assert do(m, "mprotect", **beyond, prot="r")[1].errno == "ENOMEM"
    m, private = ok(m, "mmap_devmem", fd=fd, offset=PMEM, length=PAGE, prot="r", shared=False)
    ok(m, "mprotect", address=private, length=PAGE, prot="rw")


@pytest.mark.parametrize("version", ALL)
def test_fork(version: str) -> None:
    """Dead pages stay dead in the child, both die; DONTFORK leaves it out."""
    m, address = half_dead(version)
    m, private = ok(m, "mmap_devmem", fd=0, offset=PMEM + 4 * PAGE, length=2 * PAGE, shared=False)
    other = private + PAGE  # a copy of the first page stops fork up to 6.15: see below
    m, _ = ok(m, "store", address=other, value=9)
    m, hidden = ok(m, "mmap_devmem", fd=0, offset=PMEM, length=PAGE)
    m, _ = ok(m, "madvise", address=hidden, length=PAGE, advice="DONTFORK")
    m, child = ok(m, "fork", child="c")
    assert (child, live(m, address, 4, "c")) == ("c", HALF)
    assert do(m, "load", "c", address=hidden)[1].si_code == "SEGV_MAPERR"
    m, _ = ok(m, "store", "c", address=other, value=10)
    assert [ok(m, "load", pid, address=other)[1] for pid in "pc"] == [9, 10]
    m = claim_(claim_(m, PMEM, PAGE), PMEM + 5 * PAGE, PAGE)
    assert live(m, address, 4) == live(m, address, 4, "c") == [False, True, False, False]
    assert live(m, other, 1) == live(m, other, 1, "c") == [False]
    assert m["files", "c"] == m["files", "p"]


@pytest.mark.parametrize(
    ("version", "errno"), [("5.10", "ENOMEM"), ("6.12", "ENOMEM"), ("6.16", None), ("7.3", None)]
)
def test_fork_of_a_copied_first_page(version: str, errno: str | None) -> None:
    """Measured on 5.10, 6.1, 6.12, 6.18 and 7.3: up to 6.15 the type is read off the first PTE."""
    m, address = mapped(machine(version), PMEM, 2, shared=False)
    second = ok(m, "store", address=address + PAGE, value=1)[0]
    assert do(second, "fork", child="c")[1].ok
    first = ok(m, "store", address=address, value=1)[0]
    after, outcome = do(first, "fork", child="c")
    assert outcome.errno == errno
    assert (after.get(("task", "c")) is None) == (errno is not None)
    zapped = claim_(first, PMEM + PAGE, PAGE)  # any zap gives the type back, then fork works
    assert do(zapped, "fork", child="c")[1].ok


def test_fork_of_a_copied_first_page_where_no_cache_types_are_tracked() -> None:
    """Measured on arm64, 6.12: no VMA has VM_PAT there."""
    m = machine("6.12")
    m, address = mapped(m.with_kernel(replace(m.kernel, arch="arm64")), PMEM, 2, shared=False)
    first = ok(m, "store", address=address, value=1)[0]
    assert do(first, "fork", child="c")[1].ok


@pytest.mark.parametrize(("version", "errno"), [("5.10", None), ("6.1", "EAGAIN")])
def test_a_failed_fork_frees_the_parents_memtype_on_5_10(version: str, errno: str | None) -> None:
    """Found by random operations on 5.10; 6.1 and later keep it."""
    m, address = mapped(machine(version), PMEM, 1, shared=False, dsync=False)
    m, _ = ok(m, "store", address=address, value=1)
    m, outcome = do(m, "fork", child="c")
    assert outcome.errno == "ENOMEM"
    m, uncached = ok(m, "open_devmem", dsync=True)
    got = do(m, "mmap_devmem", fd=uncached, offset=PMEM, length=PAGE)[1]
    assert got.errno == errno


@pytest.mark.parametrize("version", ALL)
def test_a_zap_between_link_and_copy(version: str) -> None:
    """The child is in the i_mmap before its PTEs are copied."""
    m, address = mapped(machine(version), PMEM, 2)
    m = step_to(begin(m, "p", "fork", child="c"), "p", "dup_mmap")
    assert [e.pid for e in m["i_mmap", "iomem"].value()] == ["p", "c"]
    m = claim_(m, PMEM, PAGE)
    m, outcome = finish(m, "p")
    assert outcome.ok
    assert live(m, address, 2) == live(m, address, 2, "c") == [False, True]


@pytest.mark.parametrize("version", ALL)
@pytest.mark.parametrize("what", ["fork", "mremap", "split"])
def test_no_escape(version: str, what: str) -> None:
    """Fork, mremap and splits cannot escape a claim, page by page."""
    m, address = mapped(machine(version, fine=True), PMEM, 3)
    m, _ = ok(m, "mmap_devmem", fd=0, offset=PMEM + PAGE, length=2 * PAGE, shared=False)
    m = begin(m, "driver", "request_mem_region", start=PMEM, size=2 * PAGE)
    if what == "fork":
        m = begin(m, "p", "fork", child="c")
    elif what == "mremap":
        span = {"length": 3 * PAGE, "new_length": 3 * PAGE}
        m = begin(m, "p", "mremap", address=address, to=TO, **span)
    else:
        m = begin(m, "p", "munmap", address=address + PAGE, length=PAGE)
    ends = interleavings(m, "driver", "p")
    assert ends
    for m in ends:
        for pid in ("p", "c") if what == "fork" else ("p",):
            vmas = m["vmas", pid]
            assert len(vmas) == (3 if what == "split" else 2)
            for vma in vmas:
                pfns = range(vma.pgoff, vma.pgoff + vma.pages)
                alive = [pfn >= (PMEM >> 12) + 2 for pfn in pfns]
                assert live(m, vma.start, vma.pages, pid) == alive


def test_mremap_into_its_own_mapping() -> None:
    """The page that was in the way goes; the moved one keeps its offset."""
    m, address = mapped(machine(), PMEM, 4)
    to = address + 2 * PAGE
    m, _ = ok(m, "mremap", address=address, length=PAGE, new_length=PAGE, to=to)
    assert [(v.start - address, v.pages, v.pgoff - (PMEM >> 12)) for v in m["vmas", "p"]] == [
        (PAGE, 1, 1),
        (2 * PAGE, 1, 0),
        (3 * PAGE, 1, 3),
    ]
    assert live(claim_(m, PMEM, PAGE), address + PAGE, 3) == [True, False, True]


@pytest.mark.parametrize("name", ["mprotect", "madvise", "msync", "mlock"])
def test_a_length_of_zero_changes_nothing(name: str) -> None:
    """Also in the middle of a mapping, where it must not split it."""
    m, address = mapped(machine(), PMEM, 2)
    more = {"mprotect": {"prot": ""}, "madvise": {"advice": "DONTFORK"}}.get(name, {})
    after, _ = ok(m, name, address=address + PAGE, length=0, **more)
    assert after["vmas", "p"] == m["vmas", "p"]


def test_what_mprotect_did_before_it_failed_stays() -> None:
    """It goes from mapping to mapping; a hole is ENOMEM when it is reached."""
    m, one = mapped(machine(), PMEM, 1)
    m, two = mapped(m, PMEM + PAGE, 1)
    assert two == one + 2 * PAGE
    after, outcome = do(m, "mprotect", address=one, length=3 * PAGE, prot="r")
    assert outcome.errno == "ENOMEM"
    assert do(after, "store", address=one, value=1)[1].si_code == "SEGV_ACCERR"
    assert do(after, "store", address=two, value=1)[1].ok
    after, outcome = do(m, "madvise", address=one, length=3 * PAGE, advice="DONTFORK")
    assert outcome.errno == "ENOMEM"
    assert ok(after, "fork", child="q")[0]["vmas", "q"] == ()  # both are marked


def test_old_length_zero() -> None:
    """mremap of a shared mapping is EFAULT (it would grow), of a private one EINVAL."""
    for shared, errno in ((True, "EFAULT"), (False, "EINVAL")):
        m, address = mapped(machine(), PMEM, 1, shared=shared)
        move = {"address": address, "length": 0, "new_length": PAGE}
        assert do(m, "mremap", **move)[1].errno == errno


def test_mlock_takes_the_whole_page_of_its_last_byte() -> None:
    m, address = mapped(machine(), PMEM, 1)
    ok(m, "mlock", address=address + PAGE - 1, length=1)
    assert do(m, "mlock", address=address + PAGE - 1, length=2)[1].errno == "ENOMEM"


def test_msync_of_what_has_an_fsync() -> None:
    """/dev/mem shared is EINVAL; private, read-only and sysfs mappings are fine."""
    m, shared = mapped(machine(), PMEM, 1)
    assert do(m, "msync", address=shared, length=PAGE)[1].errno == "EINVAL"
    m, private = mapped(m, PMEM + PAGE, 1, shared=False)
    ok(m, "msync", address=private, length=PAGE)
    m, fd = ok(m, "open_devmem", mode="r")
    m, read_only = ok(m, "mmap_devmem", fd=fd, offset=PMEM, length=PAGE, prot="r")
    ok(m, "msync", address=read_only, length=PAGE)


def test_unknown_advice_is_a_mistake_of_ours() -> None:
    m, address = mapped(machine(), PMEM, 1)
    with pytest.raises(ValueError, match=r"advice: expected one of COLD, .*; got 'COOL'"):
        do(m, "madvise", address=address, length=PAGE, advice="COOL")


def test_a_child_needs_a_name_of_its_own() -> None:
    m, _ = ok(mapped(machine(), PMEM, 1)[0], "fork", child="q")
    with pytest.raises(ValueError, match="child: expected the name of no process, got 'q'"):
        do(m, "fork", child="q")


KERNELS = (*ALL, "6.18")


@pytest.mark.parametrize("version", KERNELS)
@pytest.mark.parametrize("advice", ["POPULATE_READ", "POPULATE_WRITE"])
def test_populating_holes(version: str, advice: str) -> None:
    """Measured: 5.10 does not know it; 6.1 goes on to what is mapped, later ones end at a hole."""
    m, address = mapped(machine(version), PMEM, 2)

    def said(at: int, pages: int) -> str | None:
        return do(m, "madvise", address=at, length=pages * PAGE, advice=advice)[1].errno

    old = version == "5.10"
    assert said(address + 2 * PAGE, 1) == ("EINVAL" if old else "ENOMEM")
    assert said(address - PAGE, 2) == ("EINVAL" if old or version == "6.1" else "ENOMEM")
    assert said(address + PAGE, 2) == "EINVAL"
    assert said(address, 0) == ("EINVAL" if old else None)


@pytest.mark.parametrize("version", KERNELS)
@pytest.mark.parametrize(
    ("name", "more", "wraps", "to_the_end", "zero"),
    [
        ("munmap", {}, "EINVAL", "EINVAL", "EINVAL"),
        ("mprotect", {"prot": "rw"}, "ENOMEM", "ENOMEM", None),
        ("madvise", {"advice": "NORMAL"}, "EINVAL", "EINVAL", None),
        ("msync", {}, "ENOMEM", None, None),  # the length rounds up to 0
        ("mlock", {}, "EINVAL", None, None),
    ],
)
def test_lengths_that_wrap(
    version: str,
    name: str,
    more: dict[str, str],
    wraps: str,
    to_the_end: str | None,
    zero: str | None,
) -> None:
    """Measured on all: beyond 2^64, 2^64 - 1 bytes, and none."""
    m, address = mapped(machine(version), PMEM, 2)
    top = 1 << 64
    for at, length, errno in (
        (address, top - PAGE, wraps),
        (top - PAGE, PAGE, wraps),
        (address, top - 1, to_the_end),
        (address, 0, zero),
        (address + 5 * PAGE, 0, zero),
        (top - PAGE, 0, zero),
    ):
        assert do(m, name, address=at, length=length, **more)[1].errno == errno, hex(length)
    assert all(live(m, address, 2))


@pytest.mark.parametrize("version", KERNELS)
@pytest.mark.parametrize(
    ("acts", "on_5_10", "later"),
    [
        (("store", "r", "rw", "poke"), ["EIO"], [None]),
        (("r", "rw", "store", "r", "rw", "poke"), [None], [None]),
        (("store", "w", "poke", "store", "poke", "rw", "poke"), ["EIO", None, None], [None] * 3),
        (("r", "rw", "store", "fork", "store", "r", "rw", "poke"), [None], [None]),
        (("r", "rw", "store", "fork", "r", "rw", "poke"), ["EIO"], ["EIO"]),
    ],
)
def test_which_written_pages_mprotect_leaves_writable(
    version: str, acts: tuple[str, ...], on_5_10: list[str | None], later: list[str | None]
) -> None:
    """Found by random operations: on 5.10 those that a fault made writable, later every one."""
    m, fd = ok(machine(version), "open_resource", bdf=BDF, bar=0)
    m, address = ok(m, "mmap_resource", fd=fd, length=PAGE)
    pid, got = "p", []
    for act in acts:
        if act == "poke":
            got.append(do(m, "ptrace_poke", "g", pid=pid, address=address, value=1)[1].errno)
        elif act == "store":
            m, _ = ok(m, "store", pid, address=address, value=1)
        elif act == "fork":
            m, pid = ok(m, "fork", child="c")
        else:
            m, _ = ok(m, "mprotect", pid, address=address, length=PAGE, prot=act)
    assert got == (on_5_10 if version == "5.10" else later)


@pytest.mark.parametrize("version", KERNELS)
def test_ptrace_cannot_write_a_page_of_sysfs_before_its_first_write(version: str) -> None:
    """Measured: after mprotect a clean page waits for a store; /dev/mem has nothing of the kind."""

    def poke(at: int, pid: str = "p") -> str | None:
        return do(m, "ptrace_poke", "g", pid=pid, address=at, value=1)[1].errno

    def protect(prot: str) -> Machine:
        return ok(m, "mprotect", address=address, length=2 * PAGE, prot=prot)[0]

    m, fd = ok(machine(version), "open_resource", bdf=BDF, bar=0)
    m, address = ok(m, "mmap_resource", fd=fd, length=2 * PAGE)
    assert poke(address) is None
    m = protect("rw")  # no change
    assert poke(address) is None
    m = protect("w")
    assert (poke(address), poke(address + PAGE)) == ("EIO", "EIO")
    m, _ = ok(m, "store", address=address, value=3)
    assert (poke(address), poke(address + PAGE)) == (None, "EIO")
    m = protect("r")
    assert poke(address) == "EIO"
    m = protect("rw")  # a dirty page is writable at once
    assert (poke(address), poke(address + PAGE)) == (None, "EIO")
    forked, _ = ok(m, "fork", child="c")
    m, before = forked, m
    assert (poke(address, "c"), poke(address + PAGE, "c")) == (None, "EIO")
    m = before
    m, _ = ok(m, "mremap", address=address, length=2 * PAGE, new_length=2 * PAGE, to=TO)
    assert (poke(TO), poke(TO + PAGE)) == (None, "EIO")
    m, _ = ok(m, "copy_to_user", address=TO + PAGE)
    assert poke(TO + PAGE) is None
    m, plain = mapped(m, PMEM, 1, prot="r")
    m, _ = ok(m, "mprotect", address=plain, length=PAGE, prot="rw")
    assert poke(plain) is None


@pytest.mark.parametrize("version", KERNELS)
def test_an_open_file_is_shared_by_fork(version: str) -> None:
    """Measured: position and ioctl state are those of parent and child; a later open is not."""
    m, fd = ok(machine(version), "open_devmem")
    m, proc = ok(m, "open_proc_pci", bdf=BDF)
    m, _ = ok(m, "fork", child="c")
    m, _ = ok(m, "fork", "c", child="d")
    m, _ = ok(m, "lseek_devmem", "d", fd=fd, offset=PMEM)
    m, _ = ok(m, "read_devmem", fd=fd, count=8)
    m, _ = ok(m, "close", "c", fd=fd)
    assert do(m, "lseek_devmem", "c", fd=fd, offset=0, whence="CUR")[1].errno == "EBADF"
    m, own = ok(m, "open_devmem", "c")
    here = {"offset": 0, "whence": "CUR"}
    assert ok(m, "lseek_devmem", "c", fd=own, **here)[1] == 0
    assert [ok(m, "lseek_devmem", pid, fd=fd, **here)[1] for pid in "pd"] == [PMEM + 8] * 2
    m, _ = ok(m, "pciioc_mmap_is_mem", "d", fd=proc)
    assert do(m, "mmap_proc_pci", fd=proc, offset=BAR0, length=PAGE)[1].ok


def test_msync_of_what_has_nothing_to_write_back() -> None:
    """Measured on all: private and read-only mappings 0, shared procfs like /dev/mem EINVAL."""
    m, fd = ok(machine(), "open_devmem", mode="r")
    m, read_only = ok(m, "mmap_devmem", fd=fd, offset=PMEM, length=PAGE, prot="r")
    m, private = mapped(m, PMEM + PAGE, 1, shared=False)
    m, proc = ok(m, "open_proc_pci", bdf=BDF)
    m, _ = ok(m, "pciioc_mmap_is_mem", fd=proc)
    m, shared = ok(m, "mmap_proc_pci", fd=proc, offset=BAR0, length=PAGE)
    found = [do(m, "msync", address=a, length=PAGE)[1].errno for a in (read_only, private, shared)]
    assert found == [None, None, "EINVAL"]


def test_an_unknown_protection_is_a_mistake_of_ours() -> None:
    m, address = mapped(machine(), PMEM, 1)
    says = r"^prot: expected letters of r, w, x; got 'rq'$"
    with pytest.raises(ValueError, match=says):
        do(m, "mprotect", address=address, length=PAGE, prot="rq")
    with pytest.raises(ValueError, match=says):
        do(m, "mmap_devmem", fd=0, offset=PMEM, length=PAGE, prot="rq")


@pytest.mark.parametrize("version", ALL)
def test_a_whole_mapping_is_not_split(version: str) -> None:
    """Its place in the i_mmap stays, and no rmap lock is waited for, as where a part is cut out."""
    m = machine(version, "p", "q")
    for pid in "pq":
        m, address = mapped(m, PMEM, 2, pid)
    walking = step_to(
        begin(m, "d", "request_mem_region", start=PMEM + PAGE, size=PAGE), "d", "zap_begin"
    )
    for length, waits in ((2 * PAGE, None), (PAGE, "i_mmap iomem")):
        where = {"address": address, "length": length, "prot": "r"}
        assert blocked(begin(walking, "t", "mprotect", pid="p", **where), "t") == waits
    m, _ = ok(m, "mprotect", address=address, length=2 * PAGE, prot="r")
    assert [one.pid for one in m["i_mmap", "iomem"].value()] == ["p", "q"]


@pytest.mark.parametrize("version", ["6.16", "7.3"])
def test_a_child_has_the_copies_of_all_pages(version: str) -> None:
    """The first and the last, too; what one of the two writes the other does not see."""
    m, address = mapped(machine(version), PMEM, 3, shared=False)
    for page in (0, 2):
        m, _ = ok(m, "store", address=address + page * PAGE, value=7 + page)
    m, _ = ok(m, "fork", child="c")
    m, _ = ok(m, "store", address=address, value=1)
    assert [ok(m, "load", "c", address=address + n * PAGE)[1] for n in range(3)] == [7, 0, 9]


@pytest.mark.parametrize("advice", sorted(TAKEN))
@pytest.mark.parametrize("prot", ["", "r", "rw"])
def test_advice_gives_no_right(advice: str, prot: str) -> None:
    m, address = mapped(machine(), PMEM, 1, prot=prot)
    before = {name: do(m, name, address=address, **more)[1] for name, more in USES.items()}
    m, _ = ok(m, "madvise", address=address, length=PAGE, advice=advice)
    assert {n: do(m, n, address=address, **more)[1] for n, more in USES.items()} == before


USES: dict[str, dict[str, int]] = {"load": {}, "store": {"value": 1}}


@pytest.mark.parametrize("count", [1, 8])
def test_a_copy_says_how_much(count: int) -> None:
    m, address = mapped(machine(), PMEM, 1)
    for name in ("copy_from_user", "copy_to_user"):
        assert ok(m, name, address=address)[1] == 8
        assert ok(m, name, address=address, count=count)[1] == count


def test_fork_waits_for_an_mmap() -> None:
    m, _ = mapped(machine(), PMEM, 1)
    m = begin(m, "t", "mmap_devmem", pid="p", fd=0, offset=PMEM + PAGE, length=PAGE)
    m = step_to(m, "t", "do_mmap")
    assert blocked(begin(m, "f", "fork", pid="p", child="c"), "f") == "mmap p"
