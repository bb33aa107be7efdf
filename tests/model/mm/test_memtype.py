"""Page cache types: who gets what, and the revoked mapping that fails a driver."""

from __future__ import annotations

import pytest

from devmemkit.model.errors import KernelError
from devmemkit.model.kernel import Config
from devmemkit.model.machine import Machine, View
from devmemkit.model.mm.memtype import (
    UC_MINUS,
    WB,
    WC,
    ioremap,
    memtype_copy,
    memtype_free,
    memtype_reserve,
)
from tests.model.machines import ALL, BAR0, BDF, PAGE, PMEM, do, live, machine, mapped, node_at, ok


@pytest.mark.parametrize(
    ("held", "wanted", "granted"),
    [
        (WB, WB, WB),
        (WB, UC_MINUS, None),
        (WB, WC, None),
        (UC_MINUS, WB, UC_MINUS),
        (UC_MINUS, UC_MINUS, UC_MINUS),
        (UC_MINUS, WC, UC_MINUS),
        (WC, WB, WC),
        (WC, UC_MINUS, WC),
        (WC, WC, WC),
    ],
)
def test_an_existing_type_is_taken_over_or_conflicts(
    held: str, wanted: str, granted: str | None
) -> None:
    """Who wants uncached never gets write-back."""
    m = View(machine())
    assert memtype_reserve(m, 10, 19, held, ("a",)) == held
    assert memtype_reserve(m, 19, 30, wanted, ("b",)) == granted
    assert memtype_reserve(m, 40, 41, wanted, ("c",)) == wanted  # elsewhere
    assert len(m["memtype"]) == 2 + (granted is not None)


def test_two_types_in_one_range_conflict() -> None:
    m = View(machine())
    memtype_reserve(m, 0, 0, UC_MINUS, ("a",))
    memtype_reserve(m, 1, 1, WC, ("b",))
    assert memtype_reserve(m, 0, 1, WB, ("c",)) is None
    memtype_free(m, ("b",))
    assert memtype_reserve(m, 0, 1, WB, ("c",)) == UC_MINUS


@pytest.mark.parametrize(("cmdline", "config"), [("nopat", Config()), ("", Config(x86_pat=False))])
def test_without_pat_nothing_is_tracked(cmdline: str, config: Config) -> None:
    m = View(machine(cmdline=cmdline, config=config))
    assert memtype_reserve(m, 0, 9, WB, ("a",)) == WB
    ioremap(m, 0, 0x9FFF, ("b",))
    assert m.get("memtype") is None


def test_ioremap_conflict_is_enomem() -> None:
    m = View(machine())
    memtype_reserve(m, 0, 9, WB, ("a",))
    with pytest.raises(KernelError) as caught:
        ioremap(m, 0x9000, 0x9FFF, ("b",))
    assert caught.value.name == "ENOMEM"
    ioremap(m, 0xA000, 0xAFFF, ("b",))


def test_copy_and_free_leave_no_trace() -> None:
    m = View(machine())
    memtype_copy(m, ("a",), ("b",))
    assert m.get("memtype") is None
    memtype_reserve(m, 0, 9, WB, ("a",))
    memtype_copy(m, ("a",), ("b",))
    memtype_free(m, ("a",))
    assert [r.owner for r in m["memtype"]] == [("b",)]
    memtype_free(m, ("b",))
    assert m.get("memtype") is None


@pytest.mark.parametrize(
    ("version", "dsync", "binds"),
    [
        *[(version, False, True) for version in ("5.10", "6.1", "6.12")],
        *[(version, False, False) for version in ("6.16", "6.18", "7.3")],
        *[(version, True, True) for version in (*ALL, "6.16")],
    ],
)
def test_a_revoked_wb_mapping_fails_the_drivers_ioremap(
    version: str, dsync: bool, binds: bool
) -> None:
    """Up to 6.12 the zap drops the memtype; from 6.16 it lives until the VMA dies.

    The failed probe gives its claims back and the old mapping is dead all the same.
    """
    m, address = mapped(machine(version), BAR0, 4, dsync=dsync)
    m, outcome = do(m, "bind", "driver", bdf=BDF)
    assert live(m, address, 4) == [False] * 4
    busy = [n for n in m["iomem"].walk() if n.busy and n.name == "driver"]
    ports = [n for n in m["ioport"].walk() if n.busy]
    if binds:
        assert outcome.ok
        assert len(busy) == 2
        assert len(ports) == 1
        assert m["pci", BDF].driver == "driver"
        return
    assert outcome.errno == "ENOMEM"
    assert busy == ports == []
    assert (m["pci", BDF].driver, m["pci", BDF].held) == (None, ())
    m, _ = ok(m, "munmap", address=address, length=4 * PAGE)
    m, _ = ok(m, "bind", "driver", bdf=BDF)  # held=1 once the process has unmapped
    assert node_at(m, BAR0, 64 * PAGE).name == "driver"


def in_pieces(version: str) -> tuple[Machine, int, int]:
    """Four write-back pages of a BAR, the second unmapped, the first moved, then forked."""
    m, address = mapped(machine(version), BAR0, 4, dsync=False)
    m, _ = ok(m, "munmap", address=address + PAGE, length=PAGE)
    m, _ = ok(m, "mremap", address=address, length=PAGE, new_length=PAGE, to=0x10_0000)
    m, _ = ok(m, "fork", child="q")
    m, fd = ok(m, "open_resource", bdf=BDF, bar=0)
    return m, address, fd


def conflicting(m: Machine, fd: int) -> list[bool]:
    """Which of the four pages cannot be mapped uncached."""
    ends = [
        do(m, "mmap_resource", fd=fd, offset=page * PAGE, length=PAGE)[1].errno for page in range(4)
    ]
    assert set(ends) <= {None, "EINVAL"}
    return [errno == "EINVAL" for errno in ends]


@pytest.mark.parametrize("version", ["6.16", "7.3"])
def test_from_6_16_the_type_lives_until_the_last_piece_dies(version: str) -> None:
    m, address, fd = in_pieces(version)
    for pid, at, length in [
        ("p", 0x10_0000, PAGE),
        ("p", address + 2 * PAGE, 2 * PAGE),
        ("q", 0x10_0000, PAGE),
        ("q", address + 2 * PAGE, 2 * PAGE),
    ]:
        assert conflicting(m, fd) == [True] * 4
        m, _ = ok(m, "munmap", pid, address=at, length=length)
    assert m.get("memtype") is None


@pytest.mark.parametrize("version", ["5.10", "6.1", "6.12"])
def test_up_to_6_15_who_splits_leaks(version: str) -> None:
    """Measured: freeing goes by page numbers; the middle of a mapping frees nothing."""
    m, address, fd = in_pieces(version)
    assert conflicting(m, fd) == [True] * 4
    for pid in ("p", "q"):
        m, _ = ok(m, "munmap", pid, address=0x10_0000, length=PAGE)
        m, _ = ok(m, "munmap", pid, address=address + 2 * PAGE, length=2 * PAGE)
    assert m["vmas", "p"] == m["vmas", "q"] == ()
    assert conflicting(m, fd) == [True, True, False, False]  # for good


@pytest.mark.parametrize("version", ALL)
def test_an_uncachable_mtrr_hides_the_conflict(version: str) -> None:
    """Measured on a BAR below 4 GiB: write-back is tracked as uncached there."""
    pages = ((BAR0 >> 12, (BAR0 >> 12) + 3),)
    m, _ = mapped(machine(version).with_({"mtrr_uc": pages}), BAR0, 1, dsync=False)
    assert [r.type for r in m["memtype"]] == ["UC-"]
    m, fd = ok(m, "open_resource", bdf=BDF, bar=0)
    assert conflicting(m, fd) == [False] * 4
    control, _ = mapped(machine(version), BAR0, 1, dsync=False)
    assert [r.type for r in control["memtype"]] == ["WB"]


def test_one_page_of_ram_is_ram() -> None:
    """Above 1 MiB it is write-back for every request, and nothing is recorded."""
    m = View(machine())
    assert memtype_reserve(m, 0x100, 0x100, UC_MINUS, ("owner",)) == WB
    assert "memtype" not in m.writes


@pytest.mark.parametrize("version", ALL)
def test_what_is_never_tracked(version: str) -> None:
    """The ISA range is WB to everybody; RAM below it is tracked like a device."""
    for address, errno in ((0xF0000, None), (0x1000, "EAGAIN")):
        m, _ = mapped(machine(version), address, 1, dsync=False)
        m, fd = ok(m, "open_devmem", dsync=True)
        again = do(m, "mmap_devmem", fd=fd, offset=address, length=PAGE)[1]
        assert again.errno == errno


@pytest.mark.parametrize("version", [*ALL, "6.18"])
@pytest.mark.parametrize(
    ("moved", "leaks"),
    [((0, 2), "WWWW"), ((2, 2), "WW.."), ((1, 2), "WWWW"), ((0, 4), "....")],
)
def test_what_a_partial_move_leaves_reserved(
    version: str, moved: tuple[int, int], leaks: str
) -> None:
    """Measured: up to 6.15 the pieces that stay forget their type, which stays for good.

    Everything is unmapped in the end; W is a page that cannot be mapped uncached any more.
    """
    m, address = mapped(machine(version), PMEM, 4, dsync=False)
    at, pages = moved
    length = pages * PAGE
    to = 0x5000_0000_0000
    m, _ = ok(m, "mremap", address=address + at * PAGE, length=length, new_length=length, to=to)
    m, _ = ok(m, "munmap", address=to, length=length)
    m, _ = ok(m, "munmap", address=address, length=4 * PAGE)
    m, fd = ok(m, "open_devmem", dsync=True)
    found = [
        do(m, "mmap_devmem", fd=fd, offset=PMEM + i * PAGE, length=PAGE)[1].errno for i in range(4)
    ]
    wanted = leaks if version in ("5.10", "6.1", "6.12") else "...."
    assert "".join("W" if errno == "EAGAIN" else "." for errno in found) == wanted
