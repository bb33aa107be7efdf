"""I/O ports: /dev/port, and read and write of resourceN (drivers/char/mem.c, pci-sysfs.c)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from devmemkit.model.errors import Outcome
from devmemkit.model.machine import Machine
from devmemkit.model.process.task import Task
from tests.model.machines import ALL, BDF, do, machine, ok

UNABLE = Task(capabilities=frozenset())
LOCKED = {"cmdline": "lockdown=integrity"}


@pytest.mark.parametrize("version", ALL)
@pytest.mark.parametrize(
    ("more", "there", "errno"),
    [
        ({}, True, None),
        ({}, False, "ENOENT"),
        ({"task": Task(root=False, capabilities=frozenset({"SYS_RAWIO"}))}, True, "EACCES"),
        ({"task": UNABLE}, True, "EPERM"),
        (LOCKED, True, "EPERM"),
        ({"cmdline": "iomem=relaxed"}, True, None),
    ],
)
def test_open_dev_port(version: str, more: dict[str, Any], there: bool, errno: str | None) -> None:
    m = machine(version, **more).with_({"dev_port": there})
    assert do(m, "open_ioport")[1].errno == errno


@pytest.mark.parametrize(
    ("offset", "count", "wanted"),
    [
        (0x80, 4, 4),
        (0xFFFE, 4, 2),  # the ports end
        (0x10000, 4, 0),
        (1 << 62, 1, 0),
        (1 << 63, 1, "EINVAL"),
    ],
)
def test_ports_end_at_0xffff(offset: int, count: int, wanted: int | str) -> None:
    m, fd = ok(machine(), "open_ioport")
    read = do(m, "read_ioport", fd=fd, count=count, offset=offset)[1]
    wrote = do(m, "write_ioport", fd=fd, data=bytes(count), offset=offset)[1]
    assert [read.errno or len(read.value), wrote.errno or wrote.value] == [wanted, wanted]


@pytest.mark.parametrize(
    ("kind", "mode", "refused", "errno"),
    [
        ("ioport", "r", "write", "EBADF"),
        ("ioport", "w", "read", "EBADF"),
        ("resource", "r", "write", "ESPIPE"),  # kernfs; found by a real kernel
        ("resource", "w", "read", "EBADF"),
    ],
)
def test_a_file_that_is_not_open_for_it(kind: str, mode: str, refused: str, errno: str) -> None:
    where = {"bdf": BDF, "bar": 4} if kind == "resource" else {}
    m, fd = ok(machine(), f"open_{kind}", mode=mode, **where)
    ends = {
        "read": do(m, f"read_{kind}", fd=fd, count=1, offset=0)[1],
        "write": do(m, f"write_{kind}", fd=fd, data=b"0", offset=0)[1],
    }
    assert ends.pop(refused).errno == errno
    assert all(end.ok for end in ends.values())


def through(op: str, bar: int, offset: int, count: int, /, **more: Any) -> Outcome:
    """read or write of a BAR's file."""
    m: Machine
    m, fd = ok(machine(**more), "open_resource", bdf=BDF, bar=bar)
    if op == "read":
        return do(m, "read_resource", fd=fd, count=count, offset=offset)[1]
    return do(m, "write_resource", fd=fd, data=bytes(count), offset=offset)[1]


@pytest.mark.parametrize(
    ("bar", "offset", "count", "read", "write"),
    [
        (0, 0, 4, "EIO", "EIO"),  # memory can be mapped, not read
        (0, 64 * 4096, 4, b"", "EFBIG"),
        (0, 0, 0, b"", 0),
        (4, 0, 1, bytes(1), 1),
        (4, 4, 4, bytes(4), 4),
        (4, 0, 3, "EINVAL", "EINVAL"),
        (4, 0, 8, "EINVAL", "EINVAL"),
        (4, 30, 4, bytes(2), 2),  # the BAR has 32 ports: cut
        (4, 32, 1, b"", "EFBIG"),
        (4, 1 << 63, 1, "EINVAL", "EINVAL"),
    ],
)
def test_resource_files(bar: int, offset: int, count: int, read: object, write: object) -> None:
    ends = [through(op, bar, offset, count) for op in ("read", "write")]
    assert [end.errno or end.value for end in ends] == [read, write]


def test_lockdown_refuses_writes_to_ports_of_a_bar_only() -> None:
    assert through("read", 4, 0, 4, **LOCKED).ok
    assert through("write", 4, 0, 4, **LOCKED).errno == "EPERM"
    assert through("write", 0, 0, 4, **LOCKED).errno == "EIO"


def test_a_device_that_is_gone_is_enodev() -> None:
    m, fd = ok(machine(), "open_resource", bdf=BDF, bar=4)
    m = ok(m, "remove", "driver", bdf=BDF)[0]
    assert do(m, "read_resource", fd=fd, count=1, offset=0)[1].errno == "ENODEV"


@pytest.mark.parametrize("version", ALL)
@pytest.mark.parametrize(
    ("more", "call", "given", "errno"),
    [
        ({}, "ioperm", {"first": 0x3F8, "count": 8}, None),
        ({}, "ioperm", {"first": 0, "count": 0x10000}, None),
        ({}, "ioperm", {"first": 0, "count": 0}, "EINVAL"),
        ({}, "ioperm", {"first": 0xFFFF, "count": 2}, "EINVAL"),
        ({"task": UNABLE}, "ioperm", {"first": 0xFFFF, "count": (1 << 64) - 1}, "EINVAL"),
        ({"task": UNABLE}, "ioperm", {"first": 0x3F8, "count": 8}, "EPERM"),
        (LOCKED, "ioperm", {"first": 0x3F8, "count": 8}, "EPERM"),
        (LOCKED, "ioperm", {"first": 0x3F8, "count": 8, "turn_on": False}, None),
        ({}, "iopl", {"level": 3}, None),
        ({"task": UNABLE}, "iopl", {"level": 4}, "EINVAL"),
        ({"task": UNABLE}, "iopl", {"level": 0}, None),
        ({"task": UNABLE}, "iopl", {"level": 1}, "EPERM"),
        (LOCKED, "iopl", {"level": 3}, "EPERM"),
        ({"task": replace(UNABLE, iopl=3)}, "iopl", {"level": 3}, None),
        ({"task": replace(UNABLE, iopl=1)}, "iopl", {"level": 2}, "EPERM"),
    ],
)
def test_access_to_ports(
    version: str, more: dict[str, Any], call: str, given: dict[str, Any], errno: str | None
) -> None:
    assert do(machine(version, **more), call, **given)[1].errno == errno


@pytest.mark.parametrize(
    ("call", "given"), [("ioperm", {"first": 0, "count": 1}), ("iopl", {"level": 3})]
)
def test_other_architectures_have_no_access_to_ports(call: str, given: dict[str, Any]) -> None:
    m = machine()
    arm = m.with_kernel(replace(m.kernel, arch="arm64"))
    assert do(arm, call, **given)[1].errno == "ENOSYS"
