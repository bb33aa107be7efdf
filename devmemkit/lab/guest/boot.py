"""A real kernel in a guest: boot it under QEMU, make calls in it, read its files."""

from __future__ import annotations

import errno
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from devmemkit.host.child import ending_with_us
from devmemkit.host.scratch import scratch
from devmemkit.lab.guest.initramfs import GuestError, initramfs
from devmemkit.lab.guest.machine import cmdline as parameters
from devmemkit.lab.guest.machine import device_tree, machine, qemu
from devmemkit.lab.kernels.kernel import Kernel
from devmemkit.lab.kernels.programs import KernelError
from devmemkit.scenarios.machines import LABS

__all__ = ["Guest", "GuestError", "KernelError", "boot"]


LIMIT = 300.0
"""Seconds that a boot may take."""
TRIES = 2
"""Attempts to boot. QEMU's emulation of two CPUs sometimes fails while a kernel patches its code
(an unhandled int3, seen once in 70 boots)."""


class GuestEnded(GuestError):
    """The guest panicked, rebooted or was killed."""


class Guest:
    """A running guest. `boot_seconds` is the time from QEMU's start to the agent's first word."""

    def __init__(
        self, process: subprocess.Popen[bytes], port: socket.socket, console: Path
    ) -> None:
        self.process = process
        self._port = port
        self._console = console
        self._rest = b""
        began = time.monotonic()
        if "ready" not in self._line(began + LIMIT, "its boot"):
            raise self._failed("expected the agent to say it is ready")
        self.boot_seconds = time.monotonic() - began
        self._booted = self.iomem()

    def play(self, calls: list[dict[str, Any]], *, limit: float = 60) -> list[dict[str, Any]]:
        """Make calls in the guest, all in one message; one answer per call, in order.

        A call is a JSON object for the agent (see agent.c): "operation" and its arguments, where
        {"ref": N, "plus": M} is the value of call N plus M. The answers have "i", "ns" and one of
        "value", "bytes" (hexadecimal), "text", "errno" (its name), "signal", "skipped", "cannot".
        GuestError when the guest ends or is not done after `limit` seconds.
        """
        deadline = time.monotonic() + limit
        self._port.settimeout(limit)
        answers: list[dict[str, Any]] = []
        try:
            self._port.sendall(json.dumps(calls).encode() + b"\n")
        except OSError:
            raise self._failed("it took no message") from None
        while len(answers) <= len(calls):
            at = calls[len(answers)]["operation"] if len(answers) < len(calls) else "the end"
            answer = self._line(deadline, f"call {len(answers)}, {at}")
            if "done" in answer:
                return answers
            answers.append(_named(answer))
        raise self._failed(f"expected {len(calls)} answers, got more")

    def do(self, *calls: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Make calls that must succeed, and return their answers; GuestError when one fails."""
        answers = self.play(list(map(dict, calls)))
        for call, answer in zip(calls, answers, strict=True):
            if said := answer.get("cannot", answer.get("errno")):
                raise GuestError(f"{call['operation']}: expected it to succeed, got: {said}")
        return answers

    def reset(self, *clear: tuple[int, int]) -> None:
        """Return the guest to its state after boot; `clear` are (start, size) to fill with zeroes.

        Processes, claims and drivers go. GuestError when that fails, as after the removal of a
        device: then boot another guest.
        """
        ranges = [{"operation": "clear", "start": s, "size": size} for s, size in clear]
        for answer in self.play([{"operation": "reset"}, *ranges]):
            if "cannot" in answer:
                raise self._failed(f"expected it to be as after its boot: {answer['cannot']}")
        if self.iomem() != self._booted:
            raise self._failed("expected /proc/iomem to be as after its boot")

    def read(self, path: str) -> str:
        """The text of a file in the guest; OSError when it cannot be read there."""
        answer = self.play([{"operation": "read_path", "path": path}])[0]
        if "errno" in answer:
            number: int = getattr(errno, answer["errno"])
            raise OSError(number, os.strerror(number), path)
        return bytes.fromhex(answer["bytes"]).decode(errors="replace")

    def glob(self, pattern: str) -> list[str]:
        """The paths in the guest that match a shell pattern, sorted."""
        answer = self.play([{"operation": "glob", "pattern": pattern}])[0]
        return bytes.fromhex(answer["bytes"]).decode(errors="replace").splitlines()

    def iomem(self) -> str:
        """/proc/iomem as root reads it."""
        return self.read("/proc/iomem")

    def _line(self, deadline: float, what: str) -> dict[str, Any]:
        while b"\n" not in self._rest:
            left = deadline - time.monotonic()
            try:
                if left <= 0:
                    raise TimeoutError
                self._port.settimeout(left)
                more = self._port.recv(1 << 20)
            except TimeoutError:
                raise self._failed(f"no answer in time during {what}") from None
            except OSError:
                more = b""
            if not more:
                raise self._failed(f"it ended during {what}", GuestEnded)
            self._rest += more
        line, _, self._rest = self._rest.partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _failed(self, why: str, kind: type[GuestError] = GuestError) -> GuestError:
        tail = "\n".join(self._console.read_text(errors="replace").splitlines()[-25:])
        return kind(f"guest: {why}; the end of its console:\n{tail}")


def _named(answer: dict[str, Any]) -> dict[str, Any]:
    """The answer with the names of its errno, signal and si_code."""
    if "errno" in answer:
        answer["errno"] = errno.errorcode[answer["errno"]]
    if "signal" in answer:
        name = signal.Signals(answer["signal"]).name
        answer["signal"] = name
        answer["si_code"] = _CODES.get((name, answer["si_code"]), str(answer["si_code"]))
    return answer


_CODES = {
    ("SIGBUS", 2): "BUS_ADRERR",
    ("SIGBUS", 3): "BUS_OBJERR",
    ("SIGSEGV", 1): "SEGV_MAPERR",
    ("SIGSEGV", 2): "SEGV_ACCERR",
}


@contextmanager
def boot(
    kernel: Kernel,
    cmdline: str = "",
    *,
    shared_mib: int = 64,
    lab: str = "2g",
    counted: bool = False,
    program: Path | None = None,
    own: tuple[tuple[str, bytes], ...] = (),
    devices: tuple[str, ...] = (),
) -> Iterator[Guest]:
    """Boot `kernel` with its machine's parameters and `cmdline`; at the end the guest is gone.

    That holds even if this process is killed. The guest ends with the thread that booted it.
    `shared_mib`, `lab` and `counted` are those of machine(). `program` is a C file that the
    guest gets compiled, as /program, `own` the name and image of modules that are no part of the
    kernel, `devices` further arguments of QEMU.

    GuestError, with the end of the console log, when it is not up after LIMIT seconds, or ends
    before it is up, TRIES times; ValueError for a kernel of another flavour.
    """
    wanted = LABS[lab].flavour
    if kernel.flavour != wanted:
        raise ValueError(f"machine {lab}: expected a {wanted} kernel, got one of {kernel.flavour}")
    archive = initramfs(kernel.modules, program, *own, arch=kernel.arch)
    arguments = (*machine(shared_mib, lab=lab, counted=counted), *devices)
    with ExitStack() as stack:
        for left in reversed(range(TRIES)):
            try:
                guest = stack.enter_context(_started(kernel, lab, cmdline, arguments, archive))
                break
            except GuestEnded:
                if not left:
                    raise
        yield guest


@contextmanager
def _started(
    kernel: Kernel, lab: str, cmdline: str, arguments: tuple[str, ...], archive: bytes
) -> Iterator[Guest]:
    emulator = qemu(kernel.flavour)
    with scratch("devmemkit-guest-") as work:
        (work / "initrd").write_bytes(archive)
        ours, theirs = socket.socketpair()
        with ours, theirs:
            # When this process is killed, the host's kernel kills QEMU; and the agent powers the
            # guest off when its port closes.
            command = ending_with_us(
                *(emulator, *arguments, *device_tree(lab, arguments, work)),
                *("-kernel", str(kernel.vmlinuz)),
                *("-initrd", str(work / "initrd")),
                *("-append", f"{parameters(lab)} {cmdline}".strip()),
                *("-chardev", f"socket,id=agent,fd={theirs.fileno()}"),
                *("-device", "virtserialport,chardev=agent"),
                *("-serial", f"file:{work / 'console'}", "-monitor", "none"),
            )
            with (work / "console").open("ab") as console:
                process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=console,
                    pass_fds=[theirs.fileno()],
                    start_new_session=True,
                )
            theirs.close()
            try:
                yield Guest(process, ours, work / "console")
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
