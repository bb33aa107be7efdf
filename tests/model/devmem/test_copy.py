"""read(2) and write(2) of /dev/mem whose buffer is missing: what a claim in between changes."""

from __future__ import annotations

from typing import Any

import pytest

from devmemkit.model.errors import Outcome
from devmemkit.model.kernel import KernelProfile
from devmemkit.model.machine import Machine
from devmemkit.model.step import finished, take_step
from tests.model.machines import (
    ALL,
    HIGH,
    PAGE,
    PMEM,
    begin,
    blocked,
    claim_,
    do,
    finish,
    machine,
    ok,
    step_to,
)

PFN = PMEM >> 12


def opened(version: str = "6.12", *, repair: str = "", fine: bool = False) -> Machine:
    m = machine(version, fine=fine)
    kernel = KernelProfile(version, repair=repair)
    m = Machine(kernel, m.components, high_memory=HIGH, fine=fine)
    return ok(m, "open_devmem")[0]


def held(m: Machine, name: str, actor: str = "t", /, **arguments: Any) -> Machine:
    """The machine in which the operation waits for its buffer."""
    m = begin(m, actor, name, **{"pid": "p", "fd": 0, "offset": PMEM, "buffer": "b", **arguments})
    while blocked(m, actor) is None:
        m, _ = take_step(m, actor)
    assert blocked(m, actor) == "buffer b"
    return m


def answered(m: Machine, *actors: str) -> tuple[Machine, list[Outcome]]:
    """The process fills the buffer, and the actors end."""
    m, _ = ok(m, "uffdio_copy", buffer="b")
    ends = []
    for actor in actors:
        m, outcome = finish(m, actor)
        ends.append(outcome)
    return m, ends


@pytest.mark.parametrize("fine", [False, True])
@pytest.mark.parametrize("version", ALL)
def test_a_held_write_lands_after_the_claim(version: str, fine: bool) -> None:
    m = held(opened(version, fine=fine), "write_devmem", data=b"late")
    m = claim_(m, PMEM, PAGE)
    assert ("page", PFN) not in m.components
    assert do(m, "write_devmem", "q", pid="p", fd=0, offset=PMEM, data=b"x")[1].errno == "EPERM"
    m, (outcome,) = answered(m, "t")
    assert (outcome.value, m["page", PFN][:4]) == (4, b"late")


@pytest.mark.parametrize("version", ALL)
@pytest.mark.parametrize(
    ("name", "what"), [("write_devmem", {"data": b"x"}), ("read_devmem", {"count": 1})]
)
def test_begun_after_the_claim_it_does_not_wait(version: str, name: str, what: Any) -> None:
    m = claim_(opened(version), PMEM, PAGE)
    after, outcome = do(m, name, fd=0, offset=PMEM, buffer="b", **what)
    assert outcome.errno == "EPERM"
    assert ("page", PFN) not in after.components


@pytest.mark.parametrize(
    ("version", "got"), [("4.4", b"new"), ("4.5", b"new"), ("5.10", b"old"), ("7.3", b"old")]
)
def test_a_held_read_gives_what_was_there(version: str, got: bytes) -> None:
    """Since 4.16 read_mem has copied the page before it waits."""
    m, _ = ok(opened(version), "write_devmem", fd=0, offset=PMEM, data=b"old")
    m = claim_(held(m, "read_devmem", count=3), PMEM, PAGE)
    m = m.with_({("page", PFN): b"new" + bytes(PAGE - 3)})
    assert answered(m, "t")[1][0].value == got


def test_pages_are_checked_one_after_the_other() -> None:
    """The first of two was checked before the claim, the second after it."""
    for fine in (False, True):
        m = held(opened(fine=fine), "write_devmem", data=bytes([7]) * 2 * PAGE)
        m, (outcome,) = answered(claim_(m, PMEM, 2 * PAGE), "t")
        assert (outcome.errno, outcome.page) == ("EPERM", PFN + 1)
        assert m["page", PFN] == bytes([7]) * PAGE
        assert ("page", PFN + 1) not in m.components


def test_a_write_that_is_dropped_does_not_look_at_the_buffer() -> None:
    """Below 1 MiB of RAM; a read clears the buffer, and waits for it."""
    m = opened()
    assert ok(m, "write_devmem", fd=0, offset=0x1000, data=b"x", buffer="b")[1] == 1
    m = held(m, "read_devmem", offset=0x1000, count=2)
    assert answered(m, "t")[1][0].value == bytes(2)


def test_one_answer_ends_all_waits_of_the_buffer_and_later_ones_do_not_wait() -> None:
    m = opened()
    for number in range(3):
        m = held(m, "write_devmem", f"t{number}", offset=PMEM + number * PAGE, data=b"x")
    m, ends = answered(m, "t0", "t1", "t2")
    assert [end.value for end in ends] == [1, 1, 1]
    assert ok(m, "write_devmem", fd=0, offset=PMEM, data=b"yy", buffer="b")[1] == 2
    other = begin(m, "t", "write_devmem", pid="p", fd=0, offset=PMEM, data=b"x", buffer="c")
    assert blocked(step_to(other, "t", "check_page"), "t") == "buffer c"


@pytest.mark.parametrize("version", ALL)
@pytest.mark.parametrize(("name", "what", "errno"), [
    ("write_devmem", {"data": b"x"}, "ENOMEM"), ("read_devmem", {"count": 1}, None),
])  # fmt: skip
def test_a_held_write_keeps_the_page_mapped_write_back(
    version: str, name: str, what: Any, errno: str | None
) -> None:
    """A driver that maps it uncached fails as long as the write is held."""
    m = held(opened(version), name, **what)
    assert do(m, "ramoops_probe", "d", start=PMEM, size=PAGE)[1].errno == errno
    m, _ = answered(m, "t")
    assert "memtype" not in m.components
    assert do(m, "ramoops_probe", "d", start=PMEM, size=PAGE)[1].ok


def test_read_and_write_at_the_files_position_cannot_be_held() -> None:
    with pytest.raises(ValueError, match=r"^offset: expected one with a buffer"):
        do(opened(), "write_devmem", fd=0, data=b"x", buffer="b")


def test_with_hold_lock_a_claim_and_a_release_wait_for_the_process() -> None:
    m = claim_(opened(repair="hold-lock"), PMEM + PAGE, PAGE)
    m = held(m, "write_devmem", data=b"x")
    claiming = begin(m, "d", "request_mem_region", start=PMEM, size=PAGE)
    releasing = begin(m, "d", "release_mem_region", start=PMEM + PAGE, size=PAGE)
    for waits in (claiming, releasing):
        assert blocked(waits, "d") == "resource_lock"
        assert blocked(answered(waits, "t")[0], "d") is None
    ports = begin(m, "d", "request_region", start=0x80, size=1)
    assert blocked(ports, "d") is None


@pytest.mark.parametrize(
    ("repair", "steps"),
    [
        ("", ["check_page", "copy_page"]),
        ("recheck", ["check_page", "copy_page", "recheck_page"]),
        ("bounce", ["fill_bounce", "check_page", "copy_page"]),
        ("bounce-locked", ["fill_bounce", "check_page", "copy_page"]),
        ("hold-lock", ["check_page", "copy_page"]),
    ],
)
def test_a_repaired_write_of_two_pages_does_what_it_did(repair: str, steps: list[str]) -> None:
    m = begin(opened(repair=repair, fine=True), "p", "write_devmem", fd=0, offset=PMEM + PAGE - 1,
              data=b"ab")  # fmt: skip
    taken = []
    while not finished(m, "p"):
        m, event = take_step(m, "p")
        taken.append(event.step)
    assert taken == ["valid_phys_addr_range", *steps, *steps]
    assert m["outcome", "p"].value == 2
    assert (m["page", PFN][-1:], m["page", PFN + 1][:1]) == (b"a", b"b")
    assert not [key for key in m.components if key[0] == "lock"]
