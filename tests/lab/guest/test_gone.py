"""No guest outlives the process that booted it, however that one ends."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import devmemkit
from devmemkit.lab.guest import boot as boot_module
from devmemkit.lab.guest.boot import Guest, boot
from devmemkit.lab.guest.initramfs import MODULES, USERLANDS
from devmemkit.lab.kernels.kernel import Kernel
from tests.lab.kernels.images import RELEASE, bzimage, elf

ROOT = Path(devmemkit.__file__).parents[1]

# Speaks the agent's protocol: empty files, and no end to anything else.
QEMU = """\
#!{python} -IS
import json, os, socket, sys, time
with open({pids!r}, "a") as file:
    file.write(f"{{os.getpid()}}\\n")
(agent,) = [one for one in sys.argv if one.startswith("socket,id=agent,fd=")]
port = socket.socket(fileno=int(agent.rpartition("=")[2]))
port.sendall(b'{{"ready":1}}\\n')
for line in port.makefile():
    if "read_path" not in line:
        open({busy!r}, "w").close()
        break
    port.sendall(b'{{"i":0,"ns":1,"bytes":""}}\\n{{"done":1}}\\n')
while True:  # as a guest that hangs: that its console is closed does not end it
    time.sleep(60)
"""

# Python imports this before anything else: the process kills itself at a call, counted from the one
# that starts QEMU, so that no moment depends on time.
AT_A_CALL = """\
import os, signal, sys

calls = -1

def count(frame, event, _):
    global calls
    if calls < 0:
        if frame.f_code.co_name == "ending_with_us" and frame.f_back.f_code.co_name == "_started":
            calls = 0
        return
    calls += 1
    if calls == {at}:
        os.kill(os.getpid(), signal.SIGKILL)

if "--multiprocessing-fork" not in sys.orig_argv:
    sys.setprofile(count)
"""

COMMANDS = {
    "lab run": ("lab", "run", "takeover", "--kernel"),
    "conform --live": ("conform", "--live"),
}


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 3600  # it hangs
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.02)


def alive(folder: Path) -> list[int]:
    """The processes, zombies left out, whose temporary files go to `folder`."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            ours = f"TMPDIR={folder}\0".encode() in (path / "environ").read_bytes()
            zombie = (path / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
        except (OSError, IndexError):
            continue
        if ours and not zombie:
            found.append(int(path.name))
    return found


@pytest.fixture
def by_hand(tmp_path: Path) -> list[str]:
    """Options that name a kernel: an image and modules that are good enough to start QEMU."""
    image, modules = tmp_path / "vmlinuz", tmp_path / "modules"
    image.write_bytes(bzimage(RELEASE))
    modules.mkdir()
    for name in (*MODULES, *(one.memory for one in USERLANDS.values())):
        (modules / f"{name}.ko").write_bytes(elf(depends="", vermagic=f"{RELEASE} SMP"))
    return [str(image), "--modules", str(modules)]


class Lab:
    """Commands of the lab in an environment where QEMU may be a stand-in."""

    def __init__(self, folder: Path) -> None:
        self.pids, self.busy, self.tmp = folder / "pids", folder / "busy", folder / "tmp"
        self.said = folder / "said"
        self.tmp.mkdir()
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.site = folder / "site"
        self.site.mkdir()
        self.env = os.environ | {
            "TMPDIR": str(self.tmp),
            "PYTHONPATH": f"{self.site}{os.pathsep}{ROOT}",
        }

    def stand_in(self) -> None:
        path = self.bin / "qemu-system-x86_64"
        path.write_text(
            QEMU.format(python=sys.executable, pids=str(self.pids), busy=str(self.busy))
        )
        path.chmod(0o755)
        self.env["PATH"] = f"{self.bin}{os.pathsep}{os.environ['PATH']}"

    def die_at(self, call: int) -> None:
        (self.site / "sitecustomize.py").write_text(AT_A_CALL.format(at=call))

    @contextmanager
    def start(self, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        command = [sys.executable, "-m", "devmemkit", *arguments]
        with self.said.open("wb") as said:
            process = subprocess.Popen(command, env=self.env, stdout=said, stderr=said)
        with process:
            try:
                yield process
            finally:
                process.kill()

    def is_clean(self) -> bool:
        """Whether the next run would leave nothing of what was killed."""
        code = "from devmemkit.host.scratch import scratch\nwith scratch(): pass"
        subprocess.run([sys.executable, "-c", code], env=self.env, check=True)
        return not list(self.tmp.iterdir())


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    made = Lab(tmp_path)
    yield made
    for pid in alive(made.tmp):  # a failed test leaves nothing, either
        os.kill(pid, signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("name", COMMANDS)
def test_killed_at_any_moment_it_leaves_no_process_and_no_folder(
    lab: Lab, by_hand: list[str], name: str, seed: int
) -> None:
    lab.stand_in()
    lab.die_at(int(2 ** random.Random(f"{name} {seed}").uniform(0, 15)))
    with lab.start(*COMMANDS[name], *by_hand) as process:
        until(lambda: process.poll() is not None or lab.busy.exists())
        process.kill()
        assert process.wait() == -signal.SIGKILL, lab.said.read_text()
        until(lambda: not alive(lab.tmp))
    (lab.site / "sitecustomize.py").unlink()
    assert lab.is_clean()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("name", COMMANDS)
def test_told_to_end_it_takes_its_guest_along_and_says_one_line(
    lab: Lab, by_hand: list[str], name: str, number: int
) -> None:
    lab.stand_in()
    with lab.start(*COMMANDS[name], *by_hand) as process:
        until(lambda: process.poll() is not None or lab.busy.exists())
        assert process.poll() is None, lab.said.read_text()
        # a terminal sends it to all of them
        for pid in alive(lab.tmp) if number == signal.SIGINT else [process.pid]:
            if str(pid) not in lab.pids.read_text().split():  # which has a session of its own
                os.kill(pid, number)
        assert process.wait() == 128 + number
        until(lambda: not alive(lab.tmp))
        assert not list(lab.tmp.iterdir())
    said = lab.said.read_text()
    assert f"devmemkit {name.split()[0]}: interrupted\n" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("at", ["boot", "conform", "run"])
def test_a_real_guest_ends_with_its_host(lab: Lab, kernel: Kernel, at: str) -> None:
    command = COMMANDS["conform --live" if at == "conform" else "lab run"]

    def guests() -> list[int]:
        named = {pid: Path(f"/proc/{pid}/cmdline").read_bytes() for pid in alive(lab.tmp)}
        return [pid for pid, line in named.items() if b"qemu-system-x86_64\0-accel" in line]

    lab.env["PYTHONUNBUFFERED"] = "1"
    with lab.start(*command, str(kernel.vmlinuz), "--modules", str(kernel.modules)) as process:
        until(guests)
        if at != "boot":
            # the first line of its output comes when the guest has played something
            until(lambda: lab.said.stat().st_size or process.poll() is not None)
            assert guests(), lab.said.read_text()
        process.kill()
        process.wait()
        until(lambda: not alive(lab.tmp))
    assert lab.is_clean()


@pytest.mark.parametrize("when", ["before it is up", "while it answers"])
def test_a_guest_whose_console_closes_ends_by_itself(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    def hang_up(guest: Guest, *_: object) -> None:
        if when == "while it answers":
            acts = [{"operation": "process", "pid": "P"}]
            acts += [{"operation": "open_devmem", "pid": "P", "mode": "r"}] * 500
            guest._port.sendall(repr(acts).replace("'", '"').encode() + b"\n")
        guest._port.shutdown(2)
        guest._port.close()

    monkeypatch.setattr(boot_module, "TRIES", 1)
    if when == "before it is up":

        class Gone(Guest):
            def __init__(self, process, port, *_: object) -> None:  # type: ignore[no-untyped-def]
                self.process, self._port = process, port
                hang_up(self)

        monkeypatch.setattr(boot_module, "Guest", Gone)
    with boot(kernel) as guest:
        if when != "before it is up":
            hang_up(guest)
        assert guest.process.wait(120) == 0
