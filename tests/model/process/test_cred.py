"""A process that gives up what it may do: the files it opened before stay as they are."""

from __future__ import annotations

import pytest

from devmemkit.model.kernel import Config
from tests.model.machines import BDF, PAGE, PMEM, do, machine, ok

NONE = Config(devmem=False, strict_devmem=False, io_strict_devmem=False)


@pytest.mark.parametrize(("gives_up", "errno"), [("setuid", "EACCES"), ("capset", "EPERM")])
def test_dev_mem_is_refused_after_it_and_an_open_file_is_not(gives_up: str, errno: str) -> None:
    m, fd = ok(machine(), "open_devmem", dsync=True)
    m, value = ok(m, gives_up)
    assert value == 0
    assert do(m, "open_devmem")[1].errno == errno
    assert do(m, "mmap_devmem", fd=fd, offset=PMEM, length=PAGE)[1].ok


def test_a_resource_file_needs_root_and_no_capability() -> None:
    where = {"bdf": BDF, "bar": 0}
    assert do(ok(machine(), "capset")[0], "open_resource", **where)[1].ok
    assert do(ok(machine(), "setuid")[0], "open_resource", **where)[1].errno == "EACCES"
    assert do(ok(machine(), "setuid")[0], "open_proc_pci", bdf=BDF)[1].errno == "EACCES"


@pytest.mark.parametrize(
    ("node", "gives_up", "errno"),
    [(False, "", "ENOENT"), (True, "", "ENXIO"), (True, "setuid", "EACCES")],
)
def test_a_kernel_without_dev_mem(node: bool, gives_up: str, errno: str) -> None:
    """A node that somebody made leads to no driver: memory_open has ENXIO."""
    m = machine(config=NONE).with_({"dev_mem": node})
    m = ok(m, gives_up)[0] if gives_up else m
    assert do(m, "open_devmem")[1].errno == errno
