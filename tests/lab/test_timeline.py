"""The boot timeline: reading a trace, whose file is whose, and one real boot."""

from __future__ import annotations

import json

import pytest

from devmemkit.lab.guest.boot import GuestError
from devmemkit.lab.kernels.cache import Kernel
from devmemkit.lab.timeline import first_files, moments, parse_trace, timeline

HEAD = """# tracer: function
#
# entries-in-buffer/entries-written: {kept}/{written}   #P:2
#
#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION
#              | |         |   |||||     |         |
"""
EXEC = (
    "            init-1       [001] .....     2.540113: sched_process_exec: filename=/init pid=1\n"
)
TRACE = """          <idle>-0       [000] ....     0.100000: initcall_level: level=console
          <idle>-0       [000] ....     0.100000: initcall_start: func=con_init+0x0/0x18
          <idle>-0       [000] ....     0.100000: initcall_finish: func=con_init+0x0/0x18 ret=0
            init-1       [000] ....     0.300000: initcall_level: level=subsys
            init-1       [000] .N..     0.400000: initcall_start: func=acpi_init+0x0/0x2b
            init-1       [000] ....     0.410000: pci_device_add <-pci_scan_single_device
            init-1       [001] ....     0.420000: pci_dev_resource_uc_is_visible <-create_group
            init-1       [001] ....     0.420001: pci_dev_resource_uc_is_visible <-create_group
            init-1       [001] ....     0.430000: pci_device_add <-pci_scan_single_device
            init-1       [001] ....     0.450007: initcall_finish: func=acpi_init+0x0/0x2b ret=-19
 kworker/u4:0-61-2       [000] .l...    1.300000: do_populate_rootfs <-async_run_entry_fn
"""
MODULE = "  init-1  [001] .....     2.600000: initcall_start: func=virtio_init+0x0/0x20 [virtio]\n"


def trace(lines: str, lost: int = 0) -> str:
    return HEAD.format(kept=10, written=10 + lost) + lines


def test_initcalls_and_calls_of_a_trace() -> None:
    traced = parse_trace(trace(TRACE + EXEC + MODULE))
    assert traced["initcalls"] == [
        ["con_init", "console", 0, 0, 0],
        ["acpi_init", "subsys", 300_000, 50_007, -19],
    ]
    assert traced["calls"] == [
        ["pci_device_add", "pci_scan_single_device", 310_000, "acpi_init", 1],
        ["pci_dev_resource_uc_is_visible", "create_group", 320_000, "acpi_init", 2],
        ["pci_device_add", "pci_scan_single_device", 330_000, "acpi_init", 1],
        ["do_populate_rootfs", "async_run_entry_fn", 1_200_000, "", 1],
    ]
    assert traced["first_process"] == 2_440_113


def test_an_initcall_within_another() -> None:
    def line(at: float, what: str) -> str:
        return f"            init-1       [000] .... {at:12.6f}: {what}\n"

    outer = line(1, "initcall_start: func=a+0x0/0x1") + line(2, "initcall_start: func=b+0x0/0x1")
    ends = line(3, "initcall_finish: func=b+0x0/0x1 ret=0")
    ends += line(4, "initcall_finish: func=a+0x0/0x1 ret=1")
    found = parse_trace(trace(outer + ends + EXEC))["initcalls"]
    assert [row[2:] for row in found] == [[0, 3_000_000, 1], [1_000_000, 1_000_000, 0]]
    with pytest.raises(GuestError, match="expected initcall b to have started"):
        parse_trace(trace(ends))


def test_a_trace_with_holes_is_refused() -> None:
    with pytest.raises(GuestError, match="every entry that was written, got 10 of 17"):
        parse_trace(trace(TRACE + EXEC, lost=7))
    with pytest.raises(GuestError, match="got no count"):
        parse_trace(TRACE + EXEC)
    with pytest.raises(GuestError, match="expected the exec of the first process"):
        parse_trace(trace(TRACE))


def test_a_device_gets_its_files_when_it_is_added() -> None:
    calls = parse_trace(trace(TRACE + EXEC))["calls"]
    assert first_files(calls, 2) == [calls[1], None]
    with pytest.raises(GuestError, match="expected 3 PCI devices to get files, got 2"):
        first_files(calls, 3)


def test_a_device_gets_its_files_when_all_are_walked() -> None:
    add = [["pci_device_add", "pci_scan_single_device", us, "acpi_init", 1] for us in (1, 2)]
    refused = ["pci_create_sysfs_dev_files", "pci_bus_add_device", 3, "acpi_init", 1]
    walk = [
        ["pci_create_resource_files", "pci_sysfs_init", us, "pci_sysfs_init", 1] for us in (4, 5)
    ]
    made = ["pci_create_attr", "pci_create_resource_files", 6, "pci_sysfs_init", 3]
    assert first_files([*add, refused, *walk, made], 2) == [None, made]


def test_a_real_boot(kernel: Kernel) -> None:
    found = timeline(kernel, print)
    assert len(json.dumps(found)) < 150_000
    order = [function for _, function, _ in found["moments"]]
    assert order.index("acpi_init") < order.index("chr_dev_init") < order.index("pci_proc_init")
    assert order[-1] == "kernel_execve"
    assert "iomem_init_inode" not in order or order.index("iomem_init_inode") < order.index(
        "chr_dev_init"
    )
    starts = [row[2] for row in found["initcalls"]]
    assert len(starts) > 300
    assert starts == sorted(starts)
    levels = list(dict.fromkeys(row[1] for row in found["initcalls"]))
    assert levels[-4:] == ["subsys", "fs", "device", "late"]
    shared = found["devices"][7]
    assert (shared["bdf"], shared["vendor"]) == ("0000:00:05.0", "0x1af4")
    assert shared["files"] == ["resource0", "resource2", "resource2_wc"]
    during = "pci_sysfs_init" if "pci_sysfs_init" in order else "acpi_init"
    assert shared["made_by"][2] == during
    bare = found["devices"][0]
    assert (bare["files"], bare["made_us"], bare["made_by"]) == ([], None, None)
    assert found["devices"][8]["driver"] == "virtio-pci"
    assert "PCI Bus 0000:00" in found["iomem"]


def test_an_initcall_that_fails_brings_nothing() -> None:
    """On a machine with a device tree acpi_init is ENODEV, and the PCI host's driver finds all."""
    rows = [["acpi_init", "subsys", 1, 2, -19], ["gen_pci_driver_init", "device", 5, 3, 0]]
    told = {"initcalls": rows, "first_process": 9}
    found = "PCI devices are found"
    first = [9, "kernel_execve", "the first process runs"]
    assert moments(told, []) == [[8, "gen_pci_driver_init", found], first]
    rows[0][4] = 0
    assert [3, "acpi_init", found] in moments(told, [])
