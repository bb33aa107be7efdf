"""Opening and mapping by the file's mode and its mount; tried on 5.10 to 7.3 (data/recordings)."""

from __future__ import annotations

from typing import Any

import pytest

from devmemkit.model.machine import Machine
from devmemkit.model.process.task import Task
from tests.model.machines import BDF, PAGE, PMEM, do, machine, ok

RESOURCE = f"/sys/bus/pci/devices/{BDF}/resource0"
PROC = "/proc/bus/pci/00/03.0"
OPENS: dict[str, tuple[str, dict[str, Any]]] = {
    "/dev/mem": ("open_devmem", {}),
    "/dev/port": ("open_ioport", {}),
    RESOURCE: ("open_resource", {"bdf": BDF, "bar": 0}),
    PROC: ("open_proc_pci", {"bdf": BDF}),
}


def opened(m: Machine, path: str, **more: Any) -> str | None:
    """The errno of opening the file."""
    name, arguments = OPENS[path]
    return do(m, name, **arguments, **more)[1].errno


@pytest.mark.parametrize("path", OPENS)
def test_a_mode_lets_a_user_in_and_dev_mem_still_wants_the_capability(path: str) -> None:
    user = ok(machine(), "setuid")[0]
    assert opened(user, path) == "EACCES"
    changed = ok(user, "chmod", path=path, mode=0o666)[0]
    assert opened(changed, path) == ("EPERM" if path.startswith("/dev/") else None)


def test_bits_for_reading_do_not_open_for_writing() -> None:
    user = ok(ok(machine(), "chmod", path=RESOURCE, mode=0o644)[0], "setuid")[0]
    assert opened(user, RESOURCE, mode="r") is None
    assert opened(user, RESOURCE, mode="w") == opened(user, RESOURCE, mode="rw") == "EACCES"


def test_root_passes_every_mode_but_in_sysfs_one_without_the_permission() -> None:
    for path, errno in (("/dev/mem", None), (RESOURCE, "EACCES")):
        assert opened(ok(machine(), "chmod", path=path, mode=0o400)[0], path) == errno
    # the bits may be another's
    assert opened(ok(machine(), "chmod", path=RESOURCE, mode=0o022)[0], RESOURCE, mode="w") is None


def test_root_without_dac_override_has_the_bits_of_the_owner() -> None:
    m = ok(ok(machine(), "chmod", path="/dev/mem", mode=0o466)[0], "capset")[0]
    assert opened(m, "/dev/mem", mode="r") == "EPERM"
    assert opened(m, "/dev/mem", mode="rw") == "EACCES"


def test_a_user_with_the_capability_needs_the_mode() -> None:
    user = machine(task=Task(root=False, capabilities=frozenset({"SYS_RAWIO"})))
    assert opened(user, "/dev/mem") == "EACCES"
    assert opened(ok(user, "chmod", path="/dev/mem", mode=0o666)[0], "/dev/mem") is None


@pytest.mark.parametrize(
    ("path", "options", "mode", "errno"),
    [
        ("/dev/mem", "nodev", "r", "EACCES"),
        ("/dev/mem", "ro,noexec", "rw", None),
        (RESOURCE, "nodev,noexec", "rw", None),
        (RESOURCE, "ro", "r", None),
        (RESOURCE, "ro", "rw", "EROFS"),
    ],
)
def test_options_of_a_mount_at_open(path: str, options: str, mode: str, errno: str | None) -> None:
    mount = f"/{path.split('/')[1]}"
    m = ok(machine(), "remount", path=mount, options=options)[0]
    assert opened(m, path, mode=mode) == errno
    assert opened(ok(m, "remount", path=mount)[0], path, mode=mode) is None


def test_the_mode_is_tested_before_a_read_only_mount() -> None:
    m = ok(ok(machine(), "remount", path="/proc", options="ro")[0], "setuid")[0]
    assert opened(m, PROC) == "EACCES"
    assert opened(ok(m, "chmod", path=PROC, mode=0o666)[0], PROC) == "EROFS"


def test_exec_depends_on_the_mount_when_the_file_is_mapped() -> None:
    where = {"offset": PMEM, "length": PAGE}
    m, fd = ok(machine(), "open_devmem")
    m, before = ok(m, "mmap_devmem", fd=fd, **where)
    m = ok(m, "remount", path="/dev", options="noexec")[0]
    assert do(m, "mmap_devmem", fd=fd, prot="rx", **where)[1].errno == "EPERM"
    m, later = ok(m, "mmap_devmem", fd=fd, **where)
    for address, errno in ((before, None), (later, "EACCES")):
        to_exec = do(m, "mprotect", address=address, length=PAGE, prot="rx")[1]
        assert to_exec.errno == errno
    m = ok(m, "remount", path="/dev")[0]
    assert do(m, "mmap_devmem", fd=fd, prot="rx", **where)[1].ok


def test_the_open_mode_is_tested_before_noexec() -> None:
    m, fd = ok(ok(machine(), "remount", path="/dev", options="noexec")[0], "open_devmem", mode="w")
    assert do(m, "mmap_devmem", fd=fd, prot="x", offset=PMEM, length=PAGE)[1].errno == "EACCES"


@pytest.mark.parametrize("wrong", [{"path": "/home"}, {"path": "/dev", "options": "nosuid"}])
def test_a_mount_that_decides_nothing_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"^remount: expected one of /dev, /sys, /proc with"):
        do(machine(), "remount", **wrong)
