"""A boot traced by the kernel itself: every initcall, and when PCI resource files appear."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from devmemkit.lab.compare import Finding, Verdict
from devmemkit.lab.guest.boot import Guest, GuestError, boot
from devmemkit.lab.kernels.catalogue import Progress
from devmemkit.lab.kernels.kernel import Kernel
from devmemkit.lab.recordings.machine import PROPERTIES, SYSFS, devices
from devmemkit.model.kernel import KernelProfile

FUNCTIONS = (
    *("pci_device_add", "pci_bus_add_device", "pci_create_sysfs_dev_files"),
    *("pci_create_resource_files", "pci_create_attr", "pci_dev_resource_*_is_visible"),
    *("do_populate_rootfs", "kernel_execve"),
)
"""The functions traced in addition to initcalls; a kernel may lack some of them.

Up to 7.1 pci_create_attr makes one resource file. From 7.2 on device_add makes a device's files
with it, and asks pci_dev_resource_*_is_visible of each.
"""

PARAMETERS = " ".join(
    (
        "maxcpus=1",  # each CPU has a buffer: two records of the same time would have no order
        "trace_clock=global",  # up to 6.1 a late initcall would change it and empty the buffer
        "trace_buf_size=4M",
        "trace_event=initcall:*,sched:sched_process_exec",
        f"ftrace=function ftrace_filter={','.join(FUNCTIONS)}",
    )
)
"""Kernel parameters for a traced boot."""

MOMENTS = {
    "acpi_init": "PCI devices are found",
    "gen_pci_driver_init": "PCI devices are found",
    "iomem_init_inode": "the iomem inode is made",
    "chr_dev_init": "/dev/mem is made",
    "populate_rootfs": "the initramfs is unpacked from here on",
    "ioresources_init": "/proc/iomem is made",
    "pci_proc_init": "/proc/bus/pci is made",
    "pci_sysfs_init": "the resource files of all devices are made",
}
"""The initcalls that matter here, and what each brings; one that fails brings nothing.

PCI devices are found through ACPI or, by pci-host-generic, through the device tree (virt).
"""


def timeline(kernel: Kernel, progress: Progress, lab: str = "2g") -> dict[str, Any]:
    """Boot `kernel` traced; QEMU emulates, so the times are good for order only.

    "initcalls", "calls" and "first_process" as from parse_trace(); "moments" [us, function, what it
    brings]; "devices" with bdf, vendor, device, class, driver ("" without), resource (text) and
    files (names of its resource files), made_us (the first one's making, None without any) and
    made_by [function, caller, initcall]; "iomem" (text), "parameters", "version", "release".
    GuestError when the guest fails or its trace has holes.
    """
    progress(f"{kernel.release}: booting under its own tracer")
    with boot(kernel, PARAMETERS, lab=lab) as guest:
        traced = parse_trace(guest.read("/sys/kernel/debug/tracing/trace"))
        devices = _devices(guest)
        iomem = guest.iomem()
    for device, made in zip(devices, made_of(traced["calls"], devices), strict=True):
        device |= made
    return {
        "version": kernel.version,
        "release": kernel.release,
        "parameters": PARAMETERS,
        **traced,
        "moments": moments(traced, devices),
        "devices": devices,
        "iomem": iomem,
    }


LINE = re.compile(r"\s*\S.*?-\d+\s+\[\d+\]\s+\S+\s+(\d+)\.(\d{6}): (.*)")


def parse_trace(text: str) -> dict[str, Any]:
    """The initcalls and function calls of a tracefs `trace` file, its first record at 0 us.

    "initcalls" are [function, level, start_us, usecs, ret], by start, up to "first_process" (us);
    modules come later. The kernel counts rootfs to the level "fs". "calls" are [function, caller,
    us, initcall that was running or "", how many in a row]; those that make resource files stand
    together, each other call by itself.

    GuestError when entries are lost, the first process is missing, or an initcall ends that did
    not start.
    """
    kept = re.search(r"entries-in-buffer/entries-written: (\d+)/(\d+)", text)
    if kept is None or kept[1] != kept[2]:
        got = f"{kept[1]} of {kept[2]}" if kept else "no count"
        raise GuestError(f"trace: expected every entry that was written, got {got}")
    initcalls: list[list[Any]] = []
    calls: list[list[Any]] = []
    running: list[list[Any]] = []
    level = ""
    for us, event, what in _records(text.splitlines()):
        name = what.removeprefix("func=").partition("+")[0]
        if event == "initcall_level":
            level = what.removeprefix("level=")
        elif event == "initcall_start":
            running.append([name, level, us, None, None])
            initcalls.append(running[-1])
        elif event == "initcall_finish":
            if not running or running[-1][0] != name:
                raise GuestError(f"trace: expected initcall {name} to have started, it did not")
            row = running.pop()
            row[3:] = us - row[2], int(what.rpartition("ret=")[2])
        elif event == "sched_process_exec":
            return {"initcalls": initcalls, "calls": calls, "first_process": us}
        elif not event:
            function, _, caller = what.partition(" <-")
            if calls and calls[-1][:2] == [function, caller] and _makes_files(function):
                calls[-1][4] += 1
            else:
                calls.append([function, caller, us, running[-1][0] if running else "", 1])
    raise GuestError("trace: expected the exec of the first process, found none")


def _records(lines: Iterable[str]) -> Iterator[tuple[int, str, str]]:
    """Time in us since the first record, event ("": a function call), and text of each record."""
    first = None
    for line in lines:
        if found := LINE.match(line):
            us = int(found[1]) * 1_000_000 + int(found[2])
            first = us if first is None else first
            event, colon, what = found[3].partition(": ")
            yield (us - first, event, what) if colon else (us - first, "", event)


def _makes_files(function: str) -> bool:
    return function == "pci_create_attr" or function.endswith("_is_visible")


def first_files(calls: list[list[Any]], devices: int) -> list[list[Any] | None]:
    """The call that made the first file of each PCI device, in the order of their addition.

    pci_sysfs_init walks all devices (up to 7.1); else pci_device_add does it, device by device.
    GuestError when not each of the `devices` is seen.
    """
    walked = any(call[1] == "pci_sysfs_init" for call in calls)
    found: list[list[Any] | None] = []
    for call in calls:
        if call[1] == "pci_sysfs_init" if walked else call[0] == "pci_device_add":
            found.append(None)
        elif found and found[-1] is None and _makes_files(call[0]):
            found[-1] = call
    if len(found) != devices:
        raise GuestError(f"trace: expected {devices} PCI devices to get files, got {len(found)}")
    return found


def made_of(calls: list[list[Any]], devices: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """made_us and made_by of each device; GuestError as in first_files()."""
    rows = first_files(calls, len(devices))
    # from 7.2 on the kernel also asks of devices that get no resource file
    seen = [row if device["files"] else None for device, row in zip(devices, rows, strict=True)]
    return [
        {"made_us": row and row[2], "made_by": [*row[:2], row[3]] if row else None} for row in seen
    ]


def _devices(guest: Guest) -> list[dict[str, Any]]:
    """The PCI devices in sysfs; all are on one bus, so this is the order of their addition."""
    names = [path.split("/")[-2:] for path in guest.glob(f"{SYSFS}/*/resource[0-5]*")]
    return [
        {
            "bdf": bdf,
            **{name: about[name].strip() for name in PROPERTIES},
            "driver": about["driver"] or "",
            "files": [n for device, n in names if device == bdf and not n.endswith("_resize")],
        }
        for bdf, about in devices(guest).items()
    ]


def judge(recorded: dict[str, Any]) -> Iterator[Finding]:
    """Hold a boot against the model's feature table, fact by fact.

    Which function makes the inode and the resource files, and that it does so before any process
    can map. UNDECIDED where no device has a resource file or an initcall was not seen.
    """
    kernel = KernelProfile(recorded["version"])
    ends = {row[0]: row[2] + (row[3] or 0) for row in recorded["initcalls"]}
    by = [device["made_by"] for device in recorded["devices"] if device["files"]]
    makers = {"pci_sysfs_init" if row[2] == "pci_sysfs_init" else "device_add" for row in by}
    inode = "iomem_init_inode" if "iomem_init_inode" in ends else "chr_dev_init"
    first, mem = recorded["first_process"], ends.get("chr_dev_init")
    files = max((device["made_us"] for device in recorded["devices"] if device["files"]), default=0)
    yield _fact("who makes the resource files", {kernel["resource_files"]}, makers)
    yield _fact("who makes the iomem inode", {kernel["iomem_inode"]}, {inode} & ends.keys())
    yield _fact("/dev/mem after the inode", {True}, {mem >= ends[inode]} if mem else set())
    yield _fact("files before the first process", {True}, {files < first} if files else set())


def _fact(name: str, expected: set[Any], got: set[Any]) -> Finding:
    if not got:
        return Finding(name, Verdict.UNDECIDED, 0, ())
    differs = f"{name}: the model says {expected}, the kernel {got}"
    return Finding.of(name, 1, () if got == expected else (differs,))


def moments(traced: Mapping[str, Any], devices: list[dict[str, Any]]) -> list[list[Any]]:
    """[us, function, what it brings], in order; an initcall counts by its end."""
    found = [
        [start + usecs * (function != "populate_rootfs"), function, MOMENTS[function]]
        for function, _, start, usecs, ret in traced["initcalls"]
        if function in MOMENTS and not ret
    ]
    made = [(d["made_us"], d["made_by"]) for d in devices if d["files"]]
    if made:
        us, by = min(made)
        found.append([us, by[0], f"the first resource file, by {by[2]}"])
    found.append([traced["first_process"], "kernel_execve", "the first process runs"])
    return sorted(found)
