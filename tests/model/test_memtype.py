"""Page cache types: who gets what, and the revoked mapping that fails a driver (facts 3.7.9)."""

from __future__ import annotations

import pytest

from devmemkit.model.errors import KernelError
from devmemkit.model.kernel import Config
from devmemkit.model.machine import View
from devmemkit.model.memtype import (
    UC_MINUS,
    WB,
    WC,
    ioremap,
    memtype_copy,
    memtype_free,
    memtype_reserve,
)
from tests.model.machines import ALL, BAR0, BDF, PAGE, do, live, machine, mapped, node_at, ok


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
    """Facts 2.4 step 7, 3.7.9: who wants uncached never gets write-back."""
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
    assert (caught.value.name, caught.value.errno) == ("ENOMEM", 12)
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
    """Facts 3.7.9: up to 6.12 the zap drops the memtype; from 6.16 it lives until the VMA dies.

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


@pytest.mark.parametrize(("version", "whole"), [("6.12", False), ("6.16", True), ("7.3", True)])
def test_a_moved_forked_or_split_mapping_keeps_its_type(version: str, whole: bool) -> None:
    """Up to 6.15 each piece answers for its own pages, later the whole lives until the last one."""
    m, address = mapped(machine(version), BAR0, 4, dsync=False)
    m, _ = ok(m, "munmap", address=address + PAGE, length=PAGE)
    m, _ = ok(m, "mremap", address=address, length=PAGE, new_length=PAGE, to=0x10_0000)
    m, _ = ok(m, "fork", child="q")
    m, fd = ok(m, "open_resource", bdf=BDF, bar=0)

    def conflicts(page: int) -> bool:
        errno = do(m, "mmap_resource", fd=fd, offset=page * PAGE, length=PAGE)[1].errno
        assert errno in (None, "EINVAL")
        return errno == "EINVAL"

    assert [conflicts(page) for page in range(4)] == [True, whole, True, True]
    for pid in ("p", "q"):
        m, _ = ok(m, "munmap", pid, address=0x10_0000, length=PAGE)
    assert [conflicts(page) for page in range(4)] == [whole, whole, True, True]
    for pid in ("p", "q"):
        m, _ = ok(m, "munmap", pid, address=address + 2 * PAGE, length=2 * PAGE)
    assert m.get("memtype") is None


@pytest.mark.parametrize("version", ALL)
def test_what_is_never_tracked(version: str) -> None:
    """The ISA range is WB to everybody; RAM below it is tracked like a device."""
    for address, errno in ((0xF0000, None), (0x1000, "EAGAIN")):
        m, _ = mapped(machine(version), address, 1, dsync=False)
        m, fd = ok(m, "open_devmem", dsync=True)
        again = do(m, "mmap_devmem", fd=fd, offset=address, length=PAGE)[1]
        assert again.errno == errno
