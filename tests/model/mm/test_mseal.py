"""mseal: what a seal refuses, and which VMAs a refused call leaves; measured on 6.12 to 7.3."""

from __future__ import annotations

import pytest

from devmemkit.model.machine import Machine
from tests.model.machines import PAGE, PMEM, do, machine, mapped, ok

SEALS = ("6.12", "6.16", "6.17", "7.3")
TO = 0x5000_0000_0000


def sealed(version: str, first: int, count: int) -> tuple[Machine, int]:
    """A mapping of four pages, `count` of which are sealed; its address."""
    m, at = mapped(machine(version), PMEM, 4, dsync=False)
    return ok(m, "mseal", address=at + first * PAGE, length=count * PAGE)[0], at


def vmas(m: Machine, at: int) -> list[tuple[int, int]]:
    """First page and end of each VMA, counted from `at`."""
    return [((v.start - at) // PAGE, (v.end - at) // PAGE) for v in m["vmas", "p"]]


@pytest.mark.parametrize("version", ["5.10", "6.1"])
def test_there_was_no_mseal(version: str) -> None:
    m, at = mapped(machine(version), PMEM, 1)
    assert do(m, "mseal", address=at + 1, length=PAGE)[1].errno == "ENOSYS"


@pytest.mark.parametrize("version", SEALS)
def test_a_refused_munmap_removes_nothing_but_splits_what_it_met_first(version: str) -> None:
    m, at = sealed(version, 2, 2)
    assert vmas(m, at) == [(0, 2), (2, 4)]
    for start, count, left in (
        (2, 1, [(0, 2), (2, 4)]),
        (1, 2, [(0, 1), (1, 2), (2, 4)]),
        (0, 4, [(0, 2), (2, 4)]),
    ):
        after, outcome = do(m, "munmap", address=at + start * PAGE, length=count * PAGE)
        assert (outcome.errno, vmas(after, at)) == ("EPERM", left)


@pytest.mark.parametrize("version", SEALS)
def test_mprotect_ends_at_a_seal_and_asks_for_the_file_first(version: str) -> None:
    m, at = sealed(version, 2, 2)
    after, outcome = do(m, "mprotect", address=at + PAGE, length=2 * PAGE, prot="r")
    assert (outcome.errno, vmas(after, at)) == ("EPERM", [(0, 1), (1, 2), (2, 4)])
    assert do(after, "store", address=at + PAGE, value=1)[1].si_code == "SEGV_ACCERR"
    assert do(after, "store", address=at + 2 * PAGE, value=1)[1].ok


@pytest.mark.parametrize("version", SEALS)
@pytest.mark.parametrize(
    ("first", "old", "new", "to"),
    [(2, 2, 2, None), (2, 2, 1, None), (2, 2, 3, None), (2, 2, 2, TO), (0, 1, 1, "onto")],
)
def test_mremap_neither_moves_nor_resizes_nor_replaces_a_sealed_mapping(
    version: str, first: int, old: int, new: int, to: int | str | None
) -> None:
    m, at = sealed(version, 2, 2)
    to = at + 2 * PAGE if to == "onto" else to
    where = {"address": at + first * PAGE, "length": old * PAGE, "new_length": new * PAGE}
    after, outcome = do(m, "mremap", **where, to=to)
    assert (outcome.errno, vmas(after, at)) == ("EPERM", [(0, 2), (2, 4)])


@pytest.mark.parametrize("version", SEALS)
def test_a_range_that_ends_in_a_seal_moves_up_to_it_since_6_17(version: str) -> None:
    m, at = sealed(version, 2, 2)
    after, outcome = do(m, "mremap", address=at, length=3 * PAGE, new_length=3 * PAGE, to=TO)
    moves = version in ("6.17", "7.3")
    assert outcome.errno == ("EPERM" if moves else "EFAULT")
    assert do(after, "load", address=TO)[1].ok == moves
    assert do(after, "load", address=at)[1].ok != moves


def test_a_hole_seals_nothing() -> None:
    m, at = sealed("7.3", 3, 1)
    for start, length, errno in (
        (0, 5 * PAGE, "ENOMEM"),
        (8, PAGE, "EINVAL"),
        (0, (1 << 64) - 1, "EINVAL"),
        (0, 0, None),
    ):
        after, outcome = do(m, "mseal", address=at + start, length=length)
        assert (outcome.errno, vmas(after, at)) == (errno, [(0, 3), (3, 4)])


@pytest.mark.parametrize(("version", "blocks"), [("6.12", False), ("6.16", True), ("7.3", True)])
def test_the_end_of_a_process_ends_what_its_seal_blocks(version: str, blocks: bool) -> None:
    m, at = sealed(version, 0, 4)
    drivers = [{"start": PMEM + n * PAGE, "size": PAGE} for n in range(3)]
    m, first = do(m, "ramoops_probe", "D", **drivers[0])
    assert first.errno == ("ENOMEM" if blocks else None)
    assert do(m, "munmap", address=at, length=4 * PAGE)[1].errno == "EPERM"
    assert do(m, "ramoops_probe", "D", **drivers[1])[1].errno == first.errno
    m, _ = ok(m, "exit")
    assert do(m, "ramoops_probe", "D", **drivers[1])[1].ok
    assert m.get(("vmas", "p")) is None
