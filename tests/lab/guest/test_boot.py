"""The guest: what it is made of, what it can do, and how it fails."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from devmemkit.lab.guest import boot as boot_module
from devmemkit.lab.guest import initramfs as initramfs_module
from devmemkit.lab.guest.boot import Guest, GuestError, boot
from devmemkit.lab.guest.initramfs import initramfs
from devmemkit.lab.kernels.cache import Kernel
from devmemkit.model.mm.mmap import LOWEST

PMEM = 0x4000_0000
OPEN = {"operation": "open_devmem", "pid": "P", "mode": "rw"}
PROCESS = {"operation": "process", "pid": "P"}
MAP = {"operation": "mmap_devmem", "pid": "P", "fd": {"ref": 1}, "offset": PMEM, "length": 0x8000}
MAP |= {"prot": "rw", "shared": True}
AT = {"ref": 2, "plus": 0x4000}


def load(address: object) -> dict[str, object]:
    return {"operation": "load", "pid": "P", "address": address, "size": 8}


def claim(start: int, size: int) -> dict[str, object]:
    return {"operation": "request_mem_region", "start": start, "size": size, "name": "driver"}


def release(start: int, size: int) -> dict[str, object]:
    return {"operation": "release_mem_region", "start": start, "size": size}


def entries(archive: bytes) -> dict[str, tuple[int, bytes]]:
    """Mode and content by name of a newc archive, read as its format is documented."""
    found, at = {}, 0
    while True:
        assert archive[at : at + 6] == b"070701"
        fields = [int(archive[at + 6 + 8 * n : at + 14 + 8 * n], 16) for n in range(13)]
        name = archive[at + 110 : at + 110 + fields[11] - 1].decode()
        content = (at + 110 + fields[11] + 3) & ~3
        if name == "TRAILER!!!":
            return found
        found[name] = fields[1], archive[content : content + fields[6]]
        at = (content + fields[6] + 3) & ~3


def test_the_archive_has_the_agent_and_modules_in_load_order(kernel: Kernel) -> None:
    archive = initramfs(kernel.modules)
    files = entries(archive)
    assert files["init"][0] == 0o100755
    assert files["init"][1].startswith(b"\x7fELF")
    order = files["modules/nd_pmem.load"][1].decode().split()
    assert order[-1] == "nd_pmem"
    assert order.index("libnvdimm") < order.index("nd_pmem")
    assert files["modules/libnvdimm.ko"][1].startswith(b"\x7fELF")
    assert files["dev/console"][0] == 0o020600
    initramfs.cache_clear()
    assert initramfs(kernel.modules) == archive


def test_an_agent_that_does_not_compile_is_one_sentence(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "agent.c").write_text("int main(void) { return nothing; }")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(initramfs_module, "AGENT", tmp_path / "agent.c")
    with pytest.raises(GuestError, match=r"gcc: .*nothing.*undeclared"):
        initramfs_module.compiled(initramfs_module.AGENT)


def test_a_claim_kills_the_mapping_and_nothing_else(guest: Guest) -> None:
    acts = [PROCESS, OPEN, MAP, load(AT), claim(PMEM + 0x4000, 0x1000), load(AT)]
    acts += [load({"ref": 2, "plus": 0x5008}), load({"ref": 2, "plus": 0x3008})]
    *_, before, claimed, dead, above, below = guest.play(acts)
    assert before["value"] == above["value"] == below["value"] == 0
    assert claimed["value"] == PMEM + 0x4000
    assert (dead["signal"], dead["si_code"]) == ("SIGBUS", "BUS_ADRERR")
    assert dead["si_addr"] == LOWEST + 0x4000
    assert dead["ns"] > 0


def test_without_a_claim_the_mapping_lives(guest: Guest) -> None:
    store = {"operation": "store", "pid": "P", "address": AT, "value": 1 << 63, "size": 8}
    *_, after = guest.play([PROCESS, OPEN, MAP, store, load(AT)])
    assert after["value"] == 1 << 63


def test_a_claim_is_what_iomem_shows(guest: Guest) -> None:
    node = f"{PMEM + 0x1801:08x}-{PMEM + 0x2800:08x} : ramoops"
    assert node not in guest.iomem()
    guest.play([claim(PMEM + 0x1801, 0x1000)])
    assert f"  {node}" in guest.iomem()
    guest.play([release(PMEM + 0x1801, 0x1000)])
    assert node not in guest.iomem()


def test_a_claim_puts_back_what_the_driver_writes(guest: Guest) -> None:
    def write(offset: int) -> dict[str, object]:
        return {"operation": "write_devmem", "pid": "P", "fd": {"ref": 1}, "offset": offset}

    def read(offset: int) -> dict[str, object]:
        return {"operation": "read_devmem", "pid": "P", "fd": {"ref": 1}, "offset": offset}

    start = PMEM + 0x1FF8  # 16 bytes over the end of a page
    acts = [PROCESS, OPEN, write(start) | {"data": "ab" * 16}, claim(start, 0x100)]
    *_, back = guest.play([*acts, release(start, 0x100), read(start) | {"count": 16}])
    assert back["bytes"] == "ab" * 16


def test_refusals_are_told_from_what_the_guest_cannot_do(guest: Guest) -> None:
    busy = claim(PMEM - 0x1000 + (1 << 28), 0x2000)  # over the end of its container
    beyond = [claim(0x2000_0000, 0x1000), claim(PMEM, 8), claim(PMEM, 0x1001), release(PMEM, 8)]
    first, *others = guest.play([busy, *beyond, {"operation": "fly"}])
    assert first["errno"] == "EBUSY"
    assert all("cannot" in answer for answer in others)


def test_a_reset_gives_files_and_mounts_back(guest: Guest) -> None:
    """A user opens the file by its mode, and is refused for want of the capability."""
    chmod = {"operation": "chmod", "path": "/dev/mem", "mode": 0o666}
    user = {"operation": "setuid", "pid": "P"}
    remount = {"operation": "remount", "path": "/dev", "options": "nodev"}
    assert guest.play([PROCESS, chmod, user, OPEN])[-1]["errno"] == "EPERM"
    guest.reset()
    assert guest.play([PROCESS, user, OPEN])[-1]["errno"] == "EACCES"
    guest.reset()
    assert guest.play([PROCESS, remount, OPEN])[-1]["errno"] == "EACCES"
    guest.reset()
    assert "value" in guest.play([PROCESS, OPEN])[-1]


def test_a_second_claim_and_a_reset(guest: Guest) -> None:
    first, second = guest.play([claim(PMEM, 0x1000), claim(PMEM + 0x8000, 0x1000)])
    assert first["value"] == PMEM
    assert "already" in second["cannot"]
    guest.reset()
    assert "ramoops" not in guest.iomem()


def test_processes_are_real_and_survive_their_signals(guest: Guest) -> None:
    fork = {"operation": "fork", "pid": "P", "child": "C"}
    acts = [PROCESS, OPEN, MAP, load(8), load(AT), fork, {**load(AT), "pid": "C"}]
    *_, wild, tame, forked, child = guest.play(acts)
    assert (wild["signal"], wild["si_code"], wild["si_addr"]) == ("SIGSEGV", "SEGV_MAPERR", 8)
    assert tame["value"] == child["value"] == 0
    assert forked["text"] == "C"


def test_what_depends_on_a_failure_is_skipped(guest: Guest) -> None:
    ram = {**MAP, "offset": 0x2000_0000}
    answers = guest.play([PROCESS, OPEN, ram, load(AT), {**OPEN, "needs": 2}, {**OPEN, "needs": 1}])
    assert answers[2]["errno"] == "EPERM"
    assert [answer.get("skipped") for answer in answers[3:]] == [True, True, None]


def test_a_driver_binds_and_leaves(guest: Guest) -> None:
    def bind(bdf: str, driver: str) -> dict[str, object]:
        return {"operation": "bind", "bdf": bdf, "driver": driver}

    bound, nobody, unknown = guest.play(
        [bind("0000:00:03.0", "e1000"), bind("0000:00:1f.0", "e1000"), bind("0000:00:04.0", "no")]
    )
    assert bound["value"] == 0
    assert nobody["errno"] == "ENODEV"
    assert "cannot" in unknown
    assert ": e1000" in guest.iomem()
    once, twice = guest.play([{"operation": "unbind", "bdf": "0000:00:03.0"}] * 2)
    assert once["value"] == 0
    assert twice["errno"] == "ENODEV"
    assert ": e1000" not in guest.iomem()


def test_files_of_the_guest(guest: Guest) -> None:
    assert "memmap=256M!1G" in guest.read("/proc/cmdline")
    with pytest.raises(FileNotFoundError, match="/proc/nothing"):
        guest.read("/proc/nothing")


def test_paths_of_the_guest(guest: Guest) -> None:
    found = guest.glob("/sys/bus/pci/devices/0000:00:05.0/resource[0-5]")
    assert [path.rpartition("/")[2] for path in found] == ["resource0", "resource2"]
    assert guest.glob("/nothing/*") == []


def test_thousands_of_acts_travel_in_one_message(guest: Guest) -> None:
    answers = guest.play([PROCESS, OPEN, MAP, *[load(AT)] * 20_000])
    assert len(answers) == 20_003
    assert {answer["value"] for answer in answers[3:]} == {0}


def test_a_guest_that_panics_is_an_error_with_its_console(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boot_module, "TRIES", 1)
    with pytest.raises(GuestError, match=r"(?s)ended during its boot.*Kernel panic") as error:  # noqa: SIM117
        with boot(kernel, "rdinit=/nothing"):
            pass
    assert "\n" in str(error.value)


def test_a_boot_that_ends_is_tried_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    @contextmanager
    def started(*_: object) -> Iterator[str]:
        tried.append(len(tried))
        if len(tried) == 1:
            raise boot_module.GuestEnded("guest: it ended during its boot")
        yield "a guest"

    monkeypatch.setattr(boot_module, "_started", started)
    monkeypatch.setattr(boot_module, "initramfs", lambda *_, **more: b"")
    with boot(SimpleNamespace(modules=None, arch="x86_64", flavour="x86_64")) as guest:
        assert guest == "a guest"
    assert tried == [0, 1]


def test_a_guest_that_hangs_is_an_error_within_the_limit(kernel: Kernel) -> None:
    with boot(kernel) as guest:
        pid = guest.process.pid
        os.kill(pid, signal.SIGSTOP)
        began = time.monotonic()
        with pytest.raises(GuestError, match=r"no answer in time during call 0, open_devmem"):
            guest.play([OPEN], limit=1)
        assert time.monotonic() - began < 60  # the limit that play() has by itself
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_parameters_of_the_kernel_are_in_force(kernel: Kernel) -> None:
    with boot(kernel, "lockdown=integrity") as guest:
        refused, claimed = guest.play([PROCESS, OPEN, claim(PMEM, 0x1000)])[1:]
    assert refused["errno"] == "EPERM"
    assert "insmod ramoops: Operation not permitted" in claimed["cannot"]


def test_a_guest_ends_with_the_process_that_booted_it(kernel: Kernel, tmp_path: Path) -> None:
    code = """
import os, sys
from pathlib import Path
from types import SimpleNamespace
from devmemkit.lab.guest.boot import boot
vmlinuz, modules = map(Path, sys.argv[1:])
kernel = SimpleNamespace(vmlinuz=vmlinuz, modules=modules, arch="x86_64", flavour="x86_64")
with boot(kernel) as guest:
    print(guest.process.pid, flush=True)
    os.kill(os.getpid(), 9)
"""
    command = [sys.executable, "-c", code, str(kernel.vmlinuz), str(kernel.modules)]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    pid, deadline = int(done.stdout), time.monotonic() + 3600  # it hangs
    while Path(f"/proc/{pid}/stat").exists() and time.monotonic() < deadline:
        if Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z":
            return
        time.sleep(0.1)
    assert not Path(f"/proc/{pid}").exists()


def test_boot_needs_the_modules(tmp_path: Path, kernel: Kernel) -> None:
    kind = {"arch": "x86_64", "flavour": "x86_64"}
    empty = SimpleNamespace(vmlinuz=kernel.vmlinuz, modules=tmp_path, **kind)
    with pytest.raises(boot_module.KernelError, match="expected a module virtio_pci"), boot(empty):
        pass
