"""The guest's root file system: the compiled agent and the modules it loads, as a cpio archive."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import NamedTuple

from devmemkit.host.child import ending_with_us
from devmemkit.host.scratch import scratch
from devmemkit.lab.kernels.cache import cache_dir
from devmemkit.lab.kernels.modules import load_order, module_name, read_module

AGENT = Path(__file__).with_name("agent.c")
MODULES = ("virtio_pci", "virtio_console", "ramoops", "e1000", "nvme", "nd_pmem", "ipmi_si")
"""The modules that the agent may load; their dependencies come along."""
COMPILE = ("gcc", "-static", "-O2", "-Wall")


class Userland(NamedTuple):
    """What a guest of an architecture is made with.

    `prefix` is that of its compiler, which is in the package `compiler`, the C library in
    `library`; `memory` is the module that finds persistent memory. The archive is padded to a
    `multiple` of bytes.
    """

    prefix: str
    compiler: str
    library: str
    memory: str
    multiple: int = 1


USERLANDS = {
    "x86_64": Userland("", "gcc", "libc6-dev", "nd_e820"),
    "arm64": Userland(
        "aarch64-linux-gnu-",
        "gcc-aarch64-linux-gnu",
        "libc6-dev-arm64-cross",
        "of_pmem",
        # /proc/iomem shows where the archive is: the agent's size shall not change what is recorded
        multiple=8 << 20,
    ),
}


class GuestError(Exception):
    """The guest could not be made, did not start, or stopped answering; one sentence."""


def digest(source: Path) -> str:
    """The SHA-256 of a C file and of the headers beside it."""
    texts = [source, *sorted(source.parent.glob("*.h"))]
    return hashlib.sha256(b"".join(path.read_bytes() for path in texts)).hexdigest()


def compiled(source: Path, arch: str = "x86_64") -> bytes:
    """A C file as a static program, compiled once for each content and architecture."""
    made = USERLANDS[arch]
    name = made.prefix + COMPILE[0]
    program = cache_dir().parent / "agent" / f"{made.prefix}{digest(source)}"
    if not program.exists():
        program.parent.mkdir(parents=True, exist_ok=True)
        gcc = shutil.which(name)
        if gcc is None:
            raise GuestError(f"{name}: not found; install a C compiler (package {made.compiler})")
        with scratch(where=str(program.parent)) as work:
            command = ending_with_us(gcc, *COMPILE[1:], "-o", str(work / "new"), str(source))
            env = os.environ | {"TMPDIR": str(work)}  # gcc's temporary files go, too
            done = subprocess.run(command, capture_output=True, text=True, env=env)
            if done.returncode:
                lines = (line for line in done.stderr.splitlines() if "error" in line)
                said = next(lines, "failed")
                needs = f"a static C library is needed (package {made.library})"
                raise GuestError(f"{name}: {said}; {needs}")
            (work / "new").replace(program)
    return program.read_bytes()


@cache
def initramfs(
    modules: Path, program: Path | None = None, *own: tuple[str, bytes], arch: str = "x86_64"
) -> bytes:
    """A cpio archive (newc) with the agent as /init; the same bytes for the same content.

    `modules` is a kernel's module folder, `program` a C file that becomes /program, `own`
    the name and image of further modules. KernelError when a module that is needed is not there.
    """
    files: dict[str, bytes | None] = dict.fromkeys(("dev", "proc", "sys", "modules"))
    for name in (*MODULES, USERLANDS[arch].memory):
        order = {module_name(path.name): path for path in load_order(modules, [name])}
        files[f"modules/{name}.load"] = "".join(f"{one}\n" for one in order).encode()
        files |= {f"modules/{one}.ko": read_module(path) for one, path in order.items()}
    for name, image in own:
        files |= {f"modules/{name}.load": f"{name}\n".encode(), f"modules/{name}.ko": image}
    files["init"] = compiled(AGENT, arch)
    if program is not None:
        files["program"] = compiled(program, arch)
    entries = [_entry(number, name, files[name]) for number, name in enumerate(sorted(files), 1)]
    console = _header(len(files) + 1, "dev/console", 0o020600, device=(5, 1))
    archive = b"".join([*entries, console, _header(0, "TRAILER!!!", 0)])
    return archive + bytes(-len(archive) % USERLANDS[arch].multiple)


def _entry(number: int, name: str, content: bytes | None) -> bytes:
    if content is None:
        return _header(number, name, 0o040755)
    mode = 0o100755 if name in ("init", "program") else 0o100644
    return _header(number, name, mode, len(content)) + content + bytes(-len(content) % 4)


def _header(
    number: int, name: str, mode: int, size: int = 0, device: tuple[int, int] = (0, 0)
) -> bytes:
    path = name.encode() + b"\0"
    fields = (number, mode, 0, 0, 1, 0, size, 0, 0, *device, len(path), 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + path
    return head + bytes(-len(head) % 4)
