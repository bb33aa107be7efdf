"""The machines of the two architectures, and the device tree that tells one of its memory."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from devmemkit.lab.guest.boot import Guest, GuestEnded, GuestError, boot
from devmemkit.lab.guest.device_tree import with_region
from devmemkit.lab.guest.initramfs import AGENT, USERLANDS, compiled, initramfs
from devmemkit.lab.guest.machine import cmdline, device_tree, machine, qemu
from devmemkit.lab.kernels.cache import Kernel
from devmemkit.scenarios.machines import LABS, NAMESPACE

AT = LABS["arm64"]
SIZE = AT.pmem_end + 1 - AT.pmem


def tree(version: int = 17) -> bytes:
    """The smallest device tree: a reservation, a root with one property, and its name."""
    reserved = struct.pack(">4Q", 0x1000, 0x2000, 0, 0)
    nodes = struct.pack(">II", 1, 0) + struct.pack(">IIII", 3, 4, 0, 2) + struct.pack(">II", 2, 9)
    names = b"#size-cells\0"
    structure, strings = 40 + len(reserved), 40 + len(reserved) + len(nodes)
    sizes = version, 16, 0, len(names), len(nodes)
    head = (0xD00DFEED, strings + len(names), structure, strings, 40, *sizes)
    return struct.pack(">10I", *head) + reserved + nodes + names


def nodes_of(blob: bytes) -> dict[str, dict[str, bytes]]:
    """The properties by path of a tree, read as the Devicetree Specification has its format."""
    _, size, at, strings, _, _, _, _, _, length = struct.unpack_from(">10I", blob)
    assert size == len(blob)
    found: dict[str, dict[str, bytes]] = {}
    path: list[str] = []
    end = at + length
    while at < end:
        (token,) = struct.unpack_from(">I", blob, at)
        at += 4
        if token == 1:
            name = blob[at : blob.index(b"\0", at)]
            path.append(name.decode())
            found["/".join(path)] = {}
            at += (len(name) + 4) & ~3
        elif token == 2:
            path.pop()
        elif token == 3:
            size, name_at = struct.unpack_from(">II", blob, at)
            name = blob[strings + name_at : blob.index(b"\0", strings + name_at)]
            found["/".join(path)][name.decode()] = blob[at + 8 : at + 8 + size]
            at += 8 + (size + 3 & ~3)
    assert (token, path) == (9, [])
    return found


def test_a_region_is_one_more_node_of_the_root() -> None:
    before, after = nodes_of(tree()), with_region(tree(), "pmem-region", AT.pmem, SIZE)
    region = {"compatible": b"pmem-region\0", "reg": struct.pack(">QQ", AT.pmem, SIZE)}
    assert nodes_of(after) == before | {"/pmem-region@b0000000": region}
    assert struct.unpack_from(">4Q", after, 40) == (0x1000, 0x2000, 0, 0)


def test_two_regions_are_two_nodes() -> None:
    twice = with_region(with_region(tree(), "one", 0, 8), "two", 8, 8)
    assert [*nodes_of(twice)] == ["", "/one@0", "/two@8"]


LAST = tree()[:16] + struct.pack(">I", len(tree())) + tree()[20:]
"""A tree that says its reservations come last."""


@pytest.mark.parametrize("wrong", [b"", b"\x7fELF" + bytes(60), tree(16), tree()[:-20], LAST])
def test_another_file_is_no_device_tree(wrong: bytes) -> None:
    with pytest.raises(ValueError, match=r"^device tree: expected"):
        with_region(wrong, "pmem-region", 0, 8)


def test_a_machine_is_one_of_its_architecture() -> None:
    assert "-M" not in machine()
    assert machine(lab="arm64")[2:6] == ("-M", "virt", "-cpu", "cortex-a57")
    # of the two this one alone has pages of 16 KiB
    assert machine(lab="arm64-16k")[2:6] == ("-M", "virt", "-cpu", "neoverse-n1")
    assert machine(lab="arm64-16k")[6:] == machine(lab="arm64")[6:]
    assert "memmap=256M!1G" in cmdline("2g")
    assert "memmap" not in cmdline("arm64")
    # what is taken from the kernel is what the tree says
    assert f"mem={LABS['arm64'].memory - (SIZE >> 20)}M" in cmdline("arm64")


@pytest.mark.parametrize("arch", USERLANDS)
def test_a_missing_program_is_one_sentence(
    arch: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    package = {"x86_64": "x86", "arm64": "arm"}[arch]
    with pytest.raises(GuestError, match=rf"not found; .* \(package qemu-system-{package}\)$"):
        qemu(arch)
    package = {"x86_64": "gcc", "arm64": "gcc-aarch64-linux-gnu"}[arch]
    with pytest.raises(GuestError, match=rf"gcc: not found; .* \(package {package}\)$"):
        compiled(AGENT, arch)


def test_a_library_that_is_missing_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    gcc = tmp_path / "aarch64-linux-gnu-gcc"
    gcc.write_text("#!/bin/sh\necho 'agent.c:1: fatal error: x.h: No such file' >&2\nexit 1\n")
    gcc.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    wanted = r"^aarch64-linux-gnu-gcc: .*fatal error.*\(package libc6-dev-arm64-cross\)$"
    with pytest.raises(GuestError, match=wanted):
        compiled(AGENT, "arm64")


@pytest.mark.parametrize(
    ("lab", "arch"),
    [("2g", "arm64"), ("arm64", "x86_64"), ("arm64-16k", "arm64"), ("arm64", "arm64-16k")],
)
def test_a_kernel_of_another_architecture_is_not_booted(lab: str, arch: str) -> None:
    kernel: Any = SimpleNamespace(flavour=arch)
    with pytest.raises(ValueError, match=f"^machine {lab}: expected a .* kernel, got .*{arch}$"):  # noqa: SIM117
        with boot(kernel, lab=lab):
            pass


def test_qemu_that_tells_no_tree_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fake = tmp_path / "qemu-system-aarch64"
    fake.write_text("#!/bin/sh\necho 'no such machine' >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(GuestError, match=r"tree\.dtb: expected QEMU .*, got: no such machine$"):
        device_tree("arm64", ("-M", "virt"), tmp_path)
    assert device_tree("2g", (), tmp_path) == ()


def test_qemus_own_tree_keeps_its_nodes(arm_kernel: Kernel, tmp_path: Path) -> None:
    arguments = machine(lab="arm64")
    file = tmp_path / "own.dtb"
    command = [qemu("arm64"), *arguments, "-machine", f"dumpdtb={file}"]
    subprocess.run(command, check=True, capture_output=True)
    _, path = device_tree("arm64", arguments, tmp_path)
    before, after = nodes_of(file.read_bytes()), nodes_of(Path(path).read_bytes())
    assert after.keys() - before.keys() == {"/pmem-region@b0000000"}
    assert before.keys() < after.keys()
    assert after["/memory@40000000"] == before["/memory@40000000"]


def test_an_archive_for_arm64_has_a_full_size(arm_kernel: Kernel) -> None:
    archive = initramfs(arm_kernel.modules, arch="arm64")
    assert len(archive) % USERLANDS["arm64"].multiple == 0
    assert b"of_pmem" in archive
    assert b"nd_e820" not in archive


PROCESS = {"operation": "process", "pid": "P"}
OPEN = {"operation": "open_devmem", "pid": "P", "mode": "rw"}


def mapped(start: int) -> dict[str, object]:
    call = {"operation": "mmap_devmem", "pid": "P", "fd": {"ref": 1}, "offset": start}
    return call | {"length": 0x1000, "prot": "rw", "shared": True}


LOAD = {"operation": "load", "pid": "P", "address": {"ref": 2}, "size": 8}


@pytest.mark.parametrize("start", [AT.pmem + 0x1_0000, AT.ivshmem_bar])
def test_a_claim_kills_a_mapping_on_arm64(arm_guest: Guest, start: int) -> None:
    claim = {"operation": "request_mem_region", "start": start, "size": 0x1000, "name": "driver"}
    calls = [PROCESS, OPEN, mapped(start), LOAD, claim, LOAD, mapped(start)]
    *_, before, claimed, after, again = arm_guest.play(calls)
    assert "value" in before
    assert claimed["value"] == start
    assert (after["signal"], after["si_code"]) == ("SIGBUS", "BUS_ADRERR")
    assert again["errno"] == "EPERM"
    control = arm_guest.play([PROCESS, OPEN, mapped(start + 0x1000), LOAD])
    assert "value" in control[-1]


def test_the_devices_of_the_arm64_machine_are_where_the_lab_says(arm_guest: Guest) -> None:
    def first(bdf: str, bar: int) -> int:
        lines = arm_guest.read(f"/sys/bus/pci/devices/{bdf}/resource").splitlines()
        return int(lines[bar].split()[0], 16)

    assert first(AT.ivshmem, 2) == AT.ivshmem_bar
    assert first(AT.nvme, 0) == AT.nvme_bar
    assert first(AT.e1000, 0) == AT.e1000_bar
    drivers = {AT.e1000: "e1000", AT.nvme: "nvme", NAMESPACE: "nd_pmem"}
    arm_guest.do(*({"operation": "bind", "bdf": b, "driver": d} for b, d in drivers.items()))
    bound = arm_guest.iomem()
    assert f"{AT.pmem:08x}-{AT.pmem_end:08x} : namespace0.0" in bound
    assert ": e1000" in bound
    assert ": nvme" in bound


@pytest.mark.slow  # it boots a guest of its own, which ends
def test_an_unaligned_read_of_a_port_ends_the_kernel(arm_guest: Guest, arm_kernel: Kernel) -> None:
    ports = {"operation": "open_resource", "pid": "P", "bdf": AT.e1000, "bar": 1, "mode": "r"}
    read = {"operation": "read_resource", "pid": "P", "fd": {"ref": 1}, "count": 2}
    control = [read | {"offset": 0}, read | {"offset": 2}, read | {"offset": 1, "count": 1}]
    found = arm_guest.play([PROCESS, ports, *control])[2:]
    assert [len(one["bytes"]) // 2 for one in found] == [2, 2, 1]
    with boot(arm_kernel, lab="arm64") as guest, pytest.raises(GuestEnded, match="Fatal exception"):
        guest.play([PROCESS, ports, read | {"offset": 1}])


def test_what_only_a_pc_has(arm_guest: Guest) -> None:
    """No system call for ports; the bus's folder in /proc bears its domain, the file answers."""
    port = {"operation": "ioperm", "pid": "P", "first": 0x80, "count": 1, "turn_on": 1}
    level = {"operation": "iopl", "pid": "P", "level": 3}
    bus = {"operation": "open_proc_pci", "pid": "P", "bdf": AT.ivshmem}
    _, *answers = arm_guest.play([PROCESS, port, level, bus])
    assert [one.get("errno") for one in answers] == ["ENOSYS", "ENOSYS", None]
    functions = {line.split()[2] for line in arm_guest.read("/proc/kallsyms").splitlines()}
    assert "__arm64_sys_mmap" in functions
    assert not [name for name in functions if name.endswith(("_sys_ioperm", "_sys_iopl"))]
    assert arm_guest.glob("/proc/bus/pci/0*") == [f"/proc/bus/pci/{AT.proc_bus}"]
