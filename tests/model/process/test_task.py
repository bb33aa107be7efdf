"""Processes: descriptors, and where mappings are looked for."""

from __future__ import annotations

import pytest

from devmemkit.model.kernel import KernelProfile
from devmemkit.model.machine import Machine, View
from devmemkit.model.process.task import find_vma, get_file, vm_prot
from tests.model.machines import BDF, PAGE, PMEM, do, machine, mapped, ok


def test_the_lowest_free_descriptor_is_given_out_and_no_other_moves() -> None:
    m = machine()
    for bar in (0, 2, 4):
        m, _ = ok(m, "open_resource", bdf=BDF, bar=bar)
    m, _ = ok(m, "close", fd=1)
    m, again = ok(m, "open_devmem")
    assert again == 1
    assert [(file.kind, file.bar) for file in m["files", "p"]] == [
        ("resource", 0), ("mem", 0), ("resource", 4)
    ]  # fmt: skip
    m, fourth = ok(m, "open_devmem")
    assert fourth == 3
    assert do(m, "close", fd=4)[1].errno == "EBADF"
    assert do(m, "close", fd=-1)[1].errno == "EBADF"


def test_only_a_file_of_pci_has_a_device_a_bar_and_state_of_its_own() -> None:
    m, fd = ok(machine(), "open_devmem")
    file = get_file(View(m), "p", fd)
    assert (file.bdf, file.bar, file.wc, file.memory_state) == ("", 0, False, False)


def test_closed_and_never_opened_are_the_same() -> None:
    before = machine()
    m, fd = ok(before, "open_devmem")
    m, _ = ok(m, "close", fd=fd)
    assert m["files", "p"] == before["files", "p"] == ()
    assert do(m, "close", fd=fd)[1].errno == "EBADF"


def test_an_operation_of_another_file_is_a_mistake_of_ours() -> None:
    m, fd = ok(machine(), "open_resource", bdf=BDF, bar=0)
    with pytest.raises(ValueError, match="fd: expected a file of kind mem, got resource"):
        do(m, "read_devmem", fd=fd, count=1, offset=0)
    assert get_file(View(m), "p", fd).kind == "resource"


def test_a_mapping_holds_its_start_and_not_its_end() -> None:
    m, address = mapped(machine(), PMEM, 2)
    found = [find_vma(View(m), "p", address + at) for at in (-1, 0, 2 * PAGE - 1, 2 * PAGE)]
    assert [vma is not None for vma in found] == [False, True, True, False]


def test_bits_and_pages() -> None:
    assert [int(vm_prot(prot)) for prot in ("", "r", "w", "x", "rwx")] == [0, 1, 2, 4, 7]
    assert [KernelProfile("6.12").page_align(n) for n in (0, 1, PAGE, PAGE + 1)] == [
        0,
        PAGE,
        PAGE,
        2 * PAGE,
    ]


def position(m: Machine, pid: str, fd: int = 0) -> int:
    return ok(m, "lseek_devmem", pid=pid, fd=fd, offset=0, whence="CUR")[1]


def test_processes_share_a_position_after_a_fork_and_no_other_file_takes_their_place() -> None:
    m, fd = ok(machine(), "open_devmem")
    m, _ = ok(m, "fork", child="c")
    m, _ = ok(m, "lseek_devmem", pid="c", fd=fd, offset=0x1000)
    assert (position(m, "p"), position(m, "c")) == (0x1000, 0x1000)
    m, _ = ok(m, "fork", child="d")
    m, _ = ok(m, "exit", pid="c")
    m, _ = ok(m, "close", fd=fd)
    m, again = ok(m, "open_devmem")
    m, _ = ok(m, "fork", child="c")  # the same name and descriptor, but another file
    m, _ = ok(m, "lseek_devmem", pid="c", fd=again, offset=0x2000)
    assert again == fd
    assert [position(m, pid) for pid in ("p", "c", "d")] == [0x2000, 0x2000, 0x1000]
