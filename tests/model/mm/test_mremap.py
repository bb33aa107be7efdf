"""mremap per kernel version: what is checked first, what moves, what is lost when it fails.

Every value was measured on KERNELS.
"""

from __future__ import annotations

import pytest

from devmemkit.model.machine import Machine
from devmemkit.model.step import run
from tests.model.machines import ALL, BAR0, BDF, PAGE, PMEM, do, live, machine, mapped, ok

KERNELS = (*ALL, "6.16", "6.17", "6.18", "7.2")
MANY = ("6.17", "6.18", "7.2", "7.3")
"""Kernels that move every VMA of a range, and check all before they unmap anything."""
TO = 0x5000_0000_0000


def two(version: str) -> tuple[Machine, int]:
    """Four pages, a page of hole, four pages; the address of the first."""
    m, first = mapped(machine(version), PMEM, 4)
    m, second = mapped(m, PMEM + 16 * PAGE, 4)
    assert second == first + 5 * PAGE
    return m, first


def shown(m: Machine, address: int, pages: int) -> str:
    """A letter a page: L live, "." nothing mapped."""
    ends = [do(m, "load", address=address + i * PAGE)[1] for i in range(pages)]
    return "".join("L" if end.ok else {"SEGV_MAPERR": "."}[end.si_code or ""] for end in ends)


def move(m: Machine, at: int, old: int, new: int, to: int | None) -> tuple[Machine, str | None]:
    after, outcome = do(m, "mremap", address=at, length=old * PAGE, new_length=new * PAGE, to=to)
    if outcome.ok:
        assert outcome.value == (at if to is None else to)
    return after, outcome.errno


@pytest.mark.parametrize("version", KERNELS)
@pytest.mark.parametrize(
    ("at", "pages", "source", "target"),
    [
        (2, 5, "LL.....LL", "LL.LL."),  # across a hole, which stays one
        (2, 3, "LL...LLLL", "LL...."),  # into a hole
        (8, 3, "LLLL.LLL.", "L....."),  # beyond the last
    ],
)
def test_a_move_past_the_end_of_a_mapping(
    version: str, at: int, pages: int, source: str, target: str
) -> None:
    m, first = two(version)
    after, errno = move(m, first + at * PAGE, pages, pages, TO)
    if version in MANY:
        assert (errno, shown(after, first, 9), shown(after, TO, 6)) == (None, source, target)
    else:
        assert (errno, shown(after, first, 9), shown(after, TO, 6)) == (
            "EFAULT",
            "LLLL.LLLL",
            "......",
        )


@pytest.mark.parametrize("version", KERNELS)
def test_what_a_hole_covers_at_the_target_stays(version: str) -> None:
    m, first = two(version)
    m, third = mapped(m, PMEM + 32 * PAGE, 8)
    m, _ = move(m, third, 8, 8, TO)
    after, errno = move(m, first + 2 * PAGE, 5, 5, TO)
    assert errno == (None if version in MANY else "EFAULT")
    assert shown(after, TO, 8) == ("LLLLLLLL" if version in MANY else ".....LLL")


@pytest.mark.parametrize("version", KERNELS)
@pytest.mark.parametrize(
    ("name", "more", "splits"),
    [
        ("mprotect", {"prot": "r"}, True),
        ("mprotect", {"prot": "rw"}, False),  # as it was
        ("madvise", {"advice": "NORMAL"}, False),
        ("madvise", {"advice": "RANDOM"}, True),
        ("madvise", {"advice": "SEQUENTIAL"}, True),
        ("madvise", {"advice": "WILLNEED"}, False),
        ("madvise", {"advice": "DONTFORK"}, True),
        ("madvise", {"advice": "DONTDUMP"}, False),  # it has that anyway
        ("madvise", {"advice": "HUGEPAGE"}, True),
        ("madvise", {"advice": "NOHUGEPAGE"}, True),
        ("madvise", {"advice": "MERGEABLE"}, False),
        ("madvise", {"advice": "UNMERGEABLE"}, False),
        ("madvise", {"advice": "KEEPONFORK"}, False),
        ("mlock", {}, False),
    ],
)
def test_what_splits_a_mapping(version: str, name: str, more: dict[str, str], splits: bool) -> None:
    m, first = two(version)
    m, _ = ok(m, name, address=first, length=PAGE, **more)
    assert len(m["vmas", "p"]) == 2 + splits
    assert move(m, first, 2, 2, TO)[1] == ("EFAULT" if splits and version not in MANY else None)


@pytest.mark.parametrize("version", KERNELS)
def test_procfs_mappings_move_alone(version: str) -> None:
    m, proc = ok(machine(version), "open_proc_pci", bdf=BDF)
    m, _ = ok(m, "pciioc_mmap_is_mem", fd=proc)
    m, first = ok(m, "mmap_proc_pci", fd=proc, offset=BAR0, length=2 * PAGE)
    assert move(m, first, 2, 2, TO)[1] is None
    assert move(m, first + PAGE, 2, 2, TO)[1] == "EFAULT"
    m, _ = mapped(m, PMEM, 2)
    m, last = ok(m, "mmap_proc_pci", fd=proc, offset=BAR0, length=2 * PAGE)
    after, errno = move(m, last - 3 * PAGE, 5, 5, TO)
    assert errno == "EFAULT"
    if version in MANY:  # what was moved before it stays moved
        assert (shown(after, last - 3 * PAGE, 5), shown(after, TO, 5)) == ("...LL", "LL...")
    else:
        assert shown(after, TO, 5) == "....."


@pytest.mark.parametrize("version", KERNELS)
@pytest.mark.parametrize(
    ("at", "old", "new", "first_5_10"),
    [(4, 1, 1, None), (4, 2, 2, None), (30, 1, 1, None), (4, 3, 1, None), (30, 3, 1, None)],
)
def test_staying_where_nothing_is(
    version: str, at: int, old: int, new: int, first_5_10: str | None
) -> None:
    """5.10 looks for no mapping, and unmaps the end; later ones say EFAULT."""
    m, first = two(version)
    after, errno = move(m, first + at * PAGE, old, new, None)
    assert errno == (first_5_10 if version == "5.10" else "EFAULT")
    lost = version == "5.10" and (at, old) == (4, 3)
    assert shown(after, first + 5 * PAGE, 4) == ("..LL" if lost else "LLLL")


@pytest.mark.parametrize("version", KERNELS)
def test_staying_across_holes(version: str) -> None:
    m, first = two(version)
    assert move(m, first + 2 * PAGE, 6, 6, None)[1] is None
    after, errno = move(m, first + 2 * PAGE, 6, 1, None)
    assert (errno, shown(after, first, 9)) == (None, "LLL.....L")
    after, errno = move(m, first + 2 * PAGE, 5, 2, TO)
    assert (errno, shown(after, first, 9), shown(after, TO, 3)) == (None, "LL.....LL", "LL.")


@pytest.mark.parametrize("version", KERNELS)
def test_a_target_that_is_lost_in_vain(version: str) -> None:
    """Up to 6.16 what is in the way is unmapped before the rest is checked."""
    m, first = two(version)
    second = first + 5 * PAGE
    for old, new in ((1, 2), (0, 1), (6, 5)):
        after, errno = move(m, first, old, new, TO if old == 6 else second)
        gone = {1: "..LL", 0: ".LLL", 6: "." + "LLL"}[old]
        assert errno == "EFAULT"
        assert shown(after, second, 4) == ("LLLL" if version in MANY else gone)
    after, errno = move(m, first + 30 * PAGE, 1, 1, second)
    assert errno == "EFAULT"
    assert shown(after, second, 4) == (".LLL" if version == "5.10" else "LLLL")


@pytest.mark.parametrize("version", KERNELS)
def test_which_mistake_is_told(version: str) -> None:
    m, first = two(version)
    nothing = first + 30 * PAGE
    source_first = "EFAULT" if version in ("6.1", "6.12", "6.16") else "EINVAL"
    assert move(m, nothing, 1, 1, TO + 8)[1] == ("EINVAL" if version == "6.16" else source_first)
    assert move(m, nothing, 2, 2, nothing + PAGE)[1] == source_first
    assert move(m, nothing, 1, 1, 1 << 47)[1] == source_first
    assert move(m, nothing, 1, 0, TO)[1] == "EINVAL"
    assert move(m, first, 1, 1, (1 << 47) - PAGE)[1] == "EINVAL"
    assert move(m, first, 1, 1 << 35, None)[1] == ("EINVAL" if version in MANY else "EFAULT")
    assert move(m, first, 1 << 35, 1, None)[1] == "EINVAL"
    assert move(m, first + 4 * PAGE, 3, 3, TO)[1] == "EFAULT"  # it begins in a hole


@pytest.mark.parametrize("version", KERNELS)
def test_old_length_0(version: str) -> None:
    m, first = two(version)
    assert move(m, first, 0, 1, None)[1] == "EFAULT"
    m, private = ok(m, "mmap_devmem", fd=0, offset=PMEM, length=PAGE, shared=False)
    assert move(m, private, 0, 1, TO)[1] == "EINVAL"
    assert live(m, private, 1) == [True]


@pytest.mark.parametrize("version", KERNELS)
def test_a_move_onto_another_part_of_the_same_mapping(version: str) -> None:
    m, first = two(version)
    after, errno = move(m, first, 2, 2, first + 2 * PAGE)
    assert (errno, shown(after, first, 5)) == (None, "..LL.")
    assert [v.pgoff - (PMEM >> 12) for v in after["vmas", "p"]] == [0, 16]


@pytest.mark.parametrize("version", KERNELS)
def test_procfs_has_no_place_for_a_device_that_is_gone(version: str) -> None:
    """Measured on 5.10, 6.12 and 7.3: EIO comes before PROT_EXEC is refused, and from mremap."""
    m, fd = ok(machine(version), "open_proc_pci", bdf=BDF)
    m = ok(m, "pciioc_mmap_is_mem", fd=fd)[0]
    m, at = ok(m, "mmap_proc_pci", fd=fd, offset=BAR0, length=PAGE)
    before = do(m, "mmap_proc_pci", fd=fd, offset=BAR0, length=PAGE, prot="rx")[1]
    assert before.errno == "EPERM"
    m = ok(m, "remove", "root", bdf=BDF)[0]
    assert do(m, "mmap_proc_pci", fd=fd, offset=BAR0, length=PAGE, prot="rx")[1].errno == "EIO"
    assert move(m, at, 1, 1, TO)[1] == "EIO"
    assert live(m, at, 1) == [True]


@pytest.mark.parametrize("version", MANY)
def test_each_mapping_of_a_range_moves_in_one_step(version: str) -> None:
    m, first = two(version)
    for pages, steps in ((4, 1), (9, 2)):
        where = {"pid": "p", "address": first, "length": pages * PAGE, "to": TO}
        _, outcome, events = run(m, "p", "mremap", **where, new_length=pages * PAGE)
        assert outcome.ok
        assert [event.step for event in events] == ["mremap_begin", *["remap_move"] * steps]


@pytest.mark.parametrize("version", MANY)
def test_a_seal_ends_a_move_of_several_at_its_mapping(version: str) -> None:
    m, first = two(version)
    m = ok(m, "mseal", address=first + 5 * PAGE, length=PAGE)[0]
    after, errno = move(m, first, 9, 9, TO)
    assert (errno, shown(after, first, 9), shown(after, TO, 9)) == (
        "EPERM",
        ".....LLLL",
        "LLLL.....",
    )
